/** How little must be touched: what is new is written into a copy of the tree, at two places, and runs there. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Ended, ended, ROOT } from "./support/command.ts";
import { withFolder } from "./support/folder.ts";

/** What the command line is made of. */
const PARTS = ["cli", "datasets", "engine", "model", "shaders", "deno.json", "deno.lock", "itera", "mod.ts"];

/** Copies a file, or a folder with all it holds. */
async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

/** Runs `body` in a copy of the tree. */
function withTree(body: (folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    for (const part of PARTS) await copy(join(ROOT, part), join(folder, part));
    await body(folder);
  });
}

/** Writes a row into a registry, before the line that ends it, and the import the row needs. */
async function addRow(path: string, importLine: string, row: string, end: RegExp): Promise<void> {
  const text = await Deno.readTextFile(path);
  const first = text.indexOf("\nimport ") + 1;
  ok(first > 0 && end.test(text), `${path} is not what this test takes it for`);
  const withRow = text.replace(end, (line) => `${row}\n${line}`);
  await Deno.writeTextFile(path, `${withRow.slice(0, first)}${importLine}\n${withRow.slice(first)}`);
}

/** Runs a program of the copy. */
async function run(folder: string, command: string, ...args: string[]): Promise<Ended> {
  const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  // What is run needs no adapter, so that the script need not look for a driver.
  const env = { NO_COLOR: "1", PATH, VK_DRIVER_FILES: "none" };
  const options = { cwd: folder, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return await ended(new Deno.Command(command, { args, ...options, env }).spawn());
}

/** Runs `itera` of the copy. */
function itera(folder: string, ...args: string[]): Promise<Ended> {
  return run(folder, Deno.execPath(), "run", "-A", "--no-check", "cli/main.ts", ...args);
}

const TOY_COMMAND = `/** \`itera toy\`: says that it is there. */
import type { Command } from "@commander-js/extra-typings";
import { line } from "./terminal/output.ts";

/** Adds the command. */
export function addToy(program: Command): void {
  program.command("toy").description("say hello").argument("<name>", "to whom").action((name) => line(\`hello \${name}\`));
}
`;

Deno.test("a command is a file and a row", () =>
  withTree(async (folder) => {
    await Deno.writeTextFile(join(folder, "cli/toy.ts"), TOY_COMMAND);
    await addRow(join(folder, "cli/commands.ts"), `import { addToy } from "./toy.ts";`, "  toy: addToy,", /^\};$/m);
    deepStrictEqual(await itera(folder, "toy", "you"), { code: 0, out: "hello you\n", err: "" });
    const mistyped = await itera(folder, "tyo");
    deepStrictEqual([mistyped.code, mistyped.err], [2, "itera: unknown command 'tyo' (did you mean toy?)\n"]);
    ok(/^ +toy <name> +say hello$/m.test((await itera(folder, "--help")).out));
    // The script knows of it without a row of its own; packages are there already, as this test runs.
    await Deno.mkdir(join(folder, ".deno"));
    await Deno.writeTextFile(join(folder, ".deno/.packages"), "");
    deepStrictEqual(await run(folder, "/bin/sh", "itera", "toy", "you"), { code: 0, out: "hello you\n", err: "" });
    ok(/ toy test bench\n$/.test((await run(folder, "/bin/sh", "itera", "help")).err));
    deepStrictEqual((await run(folder, Deno.execPath(), "task", "--quiet", "itera", "toy", "you")).out, "hello you\n");
  }));

const TOY_SET = {
  "open.ts": `/** Squares on grey, one an image. */
import { BACKGROUND, type RegionDataset, type Split } from "../types.ts";

/** Opens a split. */
export function openToy(split: Split): RegionDataset {
  return {
    name: "toy",
    split,
    classes: [BACKGROUND, "dark", "light"],
    size: 4,
    source: { kind: "drawn", module: new URL("./draw.ts", import.meta.url).href, options: { side: 32 } },
    record: (index) => ({
      id: String(index),
      width: 32,
      height: 32,
      boxes: Float32Array.of(8, 8, 23, 23),
      labels: Int32Array.of(1 + index % 2),
    }),
  };
}
`,
  "draw.ts": `/** Draws the squares. */
import type { RgbImage } from "../images/preprocess.ts";

/** Image \`index\`. */
export function drawImage({ side }: { readonly side: number }, index: number): RgbImage {
  const inside = (i: number): boolean => i >= side / 4 && i < 3 * side / 4;
  const rgb = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return inside(pixel % side) && inside(Math.floor(pixel / side)) ? (index % 2 === 0 ? 0 : 255) : 128;
  });
  return { rgb, width: side, height: side };
}
`,
};

const TOY_ROW = `  toy: {
    title: "toy squares",
    folder: null,
    open: (_, split) => openToy(split),
    drawn: true,
    imageSize: [32, 48],
    flip: false,
    testSplit: "val",
    published: { steps: 90, decaySteps: [60], classes: 3, classGraph: false },
  },`;

/** What a training run asks of a set, told as JSON. */
const READ_TOY = `import { openDataset } from "./datasets/open.ts";
import { Loader } from "./datasets/images/loader.ts";
import { evaluationOrder } from "./datasets/images/schedule.ts";
import { newConfig } from "./model/regions/config.ts";
import { PRESETS } from "./model/regions/experiments/presets.ts";

const set = await openDataset({ dataset: "toy", split: "train" });
const { labels, boxes } = set.record(1);
const loader = new Loader(set, { scale: { target: 32, max: 48 } });
const images = await Array.fromAsync(loader.run(evaluationOrder(set)));
loader.close();
const { flip, image: { shortSide, longSide }, dataset: { testSplit } } = newConfig([
  { source: "test", value: { dataset: { dataset: "toy" } } },
]);
const preset = newConfig([{ source: "test", value: PRESETS.get("toy-res50-final")!.settings }]);
const { steps, optimiser: { decaySteps } } = preset;
console.log(JSON.stringify({
  labels: [...labels],
  boxes: [...boxes],
  images: images.length,
  brighter: images[1].image[3 * (16 * 32 + 16)] - images[0].image[3 * (16 * 32 + 16)],
  defaults: [flip, shortSide, longSide, testSplit],
  published: [steps, decaySteps],
}));
`;

Deno.test("a data set is a folder and a row", () =>
  withTree(async (folder) => {
    await Deno.mkdir(join(folder, "datasets/toy"));
    for (const [name, text] of Object.entries(TOY_SET)) {
      await Deno.writeTextFile(join(folder, "datasets/toy", name), text);
    }
    const importLine = `import { openToy } from "./toy/open.ts";`;
    await addRow(join(folder, "datasets/registry.ts"), importLine, TOY_ROW, /^\} satisfies .*$/m);
    await Deno.writeTextFile(join(folder, "read_toy.ts"), READ_TOY);
    const read = await run(folder, Deno.execPath(), "run", "-A", "--no-check", "read_toy.ts");
    strictEqual(read.err, "");
    deepStrictEqual(JSON.parse(read.out), {
      labels: [2],
      boxes: [8, 8, 23, 23],
      images: 4,
      brighter: 255,
      defaults: [false, 32, 48, "val"],
      published: [90, [60]],
    });
    const check = await itera(folder, "data", "check", "toy");
    deepStrictEqual([check.code, check.err], [0, ""]);
    ok(check.out.endsWith("training on it can begin\n"), check.out);
    ok(!check.out.includes("toy test"), "its test split is its validation split");
    const show = await itera(folder, "data", "show", "toy", "--index", "1", "--out", "toy.png");
    deepStrictEqual([show.code, show.err], [0, ""]);
    ok(/│ light +│/.test(show.out), show.out);
  }));
