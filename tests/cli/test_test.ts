/** `itera test` with names: what they stand for, what is printed, and what goes to `deno test`. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { basename, join } from "node:path";
import { chromiumPath } from "../../cli/test/chromium/browser.ts";
import { driversAt, driversIn, driversNamed } from "../../cli/test/drivers.ts";
import { select } from "../../cli/test/select.ts";
import { dependents } from "../../cli/test/watch.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { CHECK_NAMES, CHECKS } from "../../engine/testing/checks/names.ts";
import { itera, ROOT } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("a name stands for an op before a kernel before a shader, and patterns for all of the first kind that they fit", () => {
  deepStrictEqual(select(["softmax"]), { ops: ["softmax"], kernels: [] });
  deepStrictEqual(select(["conv*"]).ops.toSorted(), ["conv2d", "conv2dBank", "convGru", "convGruJoined"]);
  const entries = select(["topk"]);
  deepStrictEqual(entries, { ops: ["topk"], kernels: [] });
  deepStrictEqual(select(["topk.wgsl"]).kernels, select(["shaders/topk.wgsl"]).kernels);
  ok(select(["topk.wgsl"]).kernels.includes("topk.wgsl:topk"));
  deepStrictEqual(select(["topk.wgsl:topk"]), { ops: [], kernels: ["topk.wgsl:topk", "topk.wgsl:topk+group"] });
  const library = select(["core_tiles.wgsl"]).kernels;
  deepStrictEqual(
    library,
    allKernels().filter(({ parts }) => parts.some(({ file }) => file === "lib/core_tiles.wgsl")).map(({ name }) =>
      name
    ),
  );
  deepStrictEqual(select(["lib/core_tiles.wgsl"]).kernels, library);
});

Deno.test("a mistyped name, flag or seed ends with 2 and one line", async () => {
  const mistakes: readonly (readonly [args: string[], err: string])[] = [
    [["sofmax"], 'itera: there is no op, kernel or shader "sofmax"; did you mean softmax?\n'],
    [["topk.wgls"], 'itera: there is no op, kernel or shader "topk.wgls"; did you mean topk.wgsl?\n'],
    [["tests/engine/prnt_test.ts"], 'itera: there is no file "tests/engine/prnt_test.ts"\n'],
    [
      ["softmax", "--tiling"],
      "itera: unknown option '--tiling' (did you mean --tilings?); what follows -- goes to deno test\n",
    ],
    [
      ["softmax", "--seed", "x"],
      "itera: option '--seed <n>' argument 'x' is invalid. It is a whole number from 0 to 4294967295.\n",
    ],
  ];
  for (const [args, err] of mistakes) deepStrictEqual(await itera("test", ...args), { code: 2, out: "", err });
});

Deno.test("the list says what each check covers, and the page on shaders says the same", async () => {
  const { code, out } = await itera("test", "--list", "scatter", "--kernels", "cpu");
  strictEqual(code, 0);
  for (const name of CHECK_NAMES) match(out, new RegExp(`^${name} +${CHECKS[name].slice(0, 30)}`, "m"));
  match(out, /^scatter, cpu kernels: \d+ samples/m);
  match(out, /kernels: .*scatter\.wgsl:/);
  const page = await Deno.readTextFile(join(ROOT, "docs/shaders.md"));
  const cells = page.split("\n").filter((row) => row.startsWith("| ")).map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  for (const name of CHECK_NAMES) deepStrictEqual(cells.find(([first]) => first === name)?.[1], CHECKS[name], name);
});

Deno.test("checks of a name are run in both kernel sets, each sample with its worst number; a seed repeats them", async () => {
  const { code, out, err } = await itera("test", "sign", "--seed", "7");
  deepStrictEqual([code, err], [0, ""]);
  for (const set of ["cpu", "gpu"]) {
    match(out, new RegExp(`^sign, ${set} kernels: \\d+ samples, (\\d+) of \\1 checks pass$`, "m"));
  }
  match(out, /worst output 0 at \[.*\]: got -?\d+, expected -?\d+, 0 of its bound; the others within 0 of theirs/);
  match(out, /\n\d+ checks passed, 0 failed in [\d.]+ s \(--seed 7\)\n$/);
});

Deno.test("a shader's checks are those of the samples that run it, as JSON too", async () => {
  const { code, out, err } = await itera("test", "scan.wgsl", "--kernels", "gpu", "--json", "--seed", "1");
  strictEqual(code, 0);
  // The results come at the end: until then a line says how far the checks are.
  match(err, /^checked 1\/1 {2}cumsum, gpu /);
  const { seed, passed, failed, reports } = JSON.parse(out);
  deepStrictEqual([seed, failed], [1, 0]);
  ok(passed > 5);
  deepStrictEqual(reports.map(({ subject }: { subject: string }) => subject), ["cumsum"]);
  ok(reports[0].samples.every(({ compared }: { compared: { off: number } }) => compared.off === 0));
});

Deno.test("watching runs again what depends on what was saved", () => {
  const root = `${ROOT}/`.replace(/\/\/$/, "/");
  deepStrictEqual(dependents(root, ["shaders/scan.wgsl"], []), ["scan.wgsl"]);
  deepStrictEqual(dependents(root, ["engine/ops/scan.ts"], []), ["cumsum"]);
  deepStrictEqual(dependents(root, ["shaders/scan.wgsl"], ["scan.wgsl"]), ["scan.wgsl"]);
  deepStrictEqual(dependents(root, ["shaders/topk.wgsl"], ["scan.wgsl"]), []);
  deepStrictEqual(dependents(root, ["engine/ops/scan.ts"], ["cumsum"]), ["cumsum"]);
  deepStrictEqual(dependents(root, [], ["cumsum"]), []);
});

Deno.test("coverage names the branches, kernels and constants that no sample reaches", async () => {
  const { code, out } = await itera("test", "softmax", "--coverage", "--kernels", "cpu");
  strictEqual(code, 0);
  match(out, /^kernels: (\d+) of \1 run$/m);
  match(out, /^branches: \d+ of \d+ entered$/m);
  // The logarithm is another op's, and so is the constant that asks for it.
  match(out, /^ {2}shaders\/softmax\.wgsl:\d+: if \(LOG\) \{/m);
  match(out, /^ {2}shaders\/softmax\.wgsl LOG: 0$/m);
  const both = await itera("test", "softmax", "logSoftmax", "--coverage", "--kernels", "cpu");
  match(both.out, /^branches: (\d+) of \1 entered$/m);
  match(both.out, /^ {2}shaders\/softmax\.wgsl LOG: 0, 1$/m);
});

Deno.test("drivers are those whose descriptions lie in folders, llvmpipe with each width of its vectors", () =>
  withFolder(async (folder) => {
    for (const name of ["lvp_icd.x86_64.json", "vk_swiftshader_icd.json", "radeon_icd.x86_64.json", "notes.txt"]) {
      await Deno.writeTextFile(join(folder, name), "{}");
    }
    const found = driversIn([folder, join(folder, "none")]);
    deepStrictEqual(found.map(({ name, env }) => [name, env.LP_NATIVE_VECTOR_WIDTH]), [
      ["llvmpipe 128", "128"],
      ["llvmpipe 256", "256"],
      ["llvmpipe 512", "512"],
      ["radeon", undefined],
      ["swiftshader", undefined],
    ]);
    ok(found.every(({ env }) => env.VK_DRIVER_FILES.startsWith(folder)));
  }));

Deno.test("a driver's description elsewhere is named by its folder, with the libraries that lie beside it", () =>
  withFolder(async (folder) => {
    const path = join(folder, "lvp_icd.json");
    await Deno.writeTextFile(path, JSON.stringify({ ICD: { library_path: "/opt/newer/lib/libvulkan_lvp.so" } }));
    const found = driversAt(path), beside = basename(folder);
    deepStrictEqual(found.map(({ name }) => name), [128, 256, 512].map((bits) => `llvmpipe ${bits}, ${beside}`));
    ok(found.every(({ env }) => env.VK_DRIVER_FILES === path && env.LD_LIBRARY_PATH.startsWith("/opt/newer/lib")));
    deepStrictEqual(driversAt(""), []);
    await Deno.writeTextFile(path, "{}");
    throws(() => driversAt(path), { message: `ITERA_DRIVERS: "${path}" is no description of a Vulkan driver` });
  }));

Deno.test("drivers are chosen by names, which must be there, and patterns, which may fit none", () => {
  const drivers = ["llvmpipe 128", "llvmpipe 256", "swiftshader"].map((name) => ({ name, env: {} }));
  const named = (...on: string[]): string[] => driversNamed(on, drivers).map(({ name }) => name);
  deepStrictEqual(named("*"), ["llvmpipe 128", "llvmpipe 256", "swiftshader"]);
  deepStrictEqual(named("swift*", "llvmpipe 128", "radeon*"), ["llvmpipe 128", "swiftshader"]);
  const message = (name: string) =>
    `--on: there is no driver "${name}"; there are llvmpipe 128, llvmpipe 256, swiftshader`;
  throws(() => named("swift*", "radeon"), { message: message("radeon") });
  throws(() => named("radeon*"), { message: message("radeon*") });
});

Deno.test("brief checks leave out what compiles kernels anew", async () => {
  const { code, out } = await itera("test", "sign", "--brief", "--kernels", "cpu", "--json");
  strictEqual(code, 0);
  deepStrictEqual(JSON.parse(out).reports[0].checks, [
    ...["runs", "values", "odd sizes", "empty sizes", "large sizes", "repeats", "poison", "guards"],
  ]);
});

Deno.test("an op is checked on every driver that has a device, and the table has the worst error of each", async () => {
  const { code, out, err } = await itera("test", "sign", "--drivers", "--kernels", "cpu");
  strictEqual(code, 0, out + err);
  match(out, /│ op, kernels +│.*│/);
  match(out, /│ sign, cpu +│ exact /);
  match(err, /^checked on drivers (\d+)\/\1 {2}/m);
  // A browser has a column, or the line that says why it has none.
  if (chromiumPath()) match(out, /│ Chromium \(Tint\) │\n(.*\n)+│ sign, cpu .*│ exact +│\n/);
  else {match(
      out,
      /^Chromium \(Tint\): not there, so nothing ran by Tint \(apt-get install chromium, or set CHROMIUM\)$/m,
    );}
  // Each driver says which device it is: no other answers in its place.
  for (const [, bits] of err.matchAll(/^llvmpipe (\d+): /gm)) {
    match(err, new RegExp(`^llvmpipe ${bits}: llvmpipe .*${bits} bits`, "m"));
  }
});
