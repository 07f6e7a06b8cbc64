/** `itera doctor --kernels` on a device that computes some kernels wrong, what it leaves for others, and how that is lifted again. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { doctorKernels, type KernelsOptions } from "../../../cli/doctor/kernels.ts";
import { withTerminal } from "../../../cli/terminal/output.ts";
import { Device } from "../../../engine/device.ts";
import { contextOf } from "../../../engine/friends.ts";
import { oneHot } from "../../../engine/mod.ts";
import { allOps } from "../../../engine/op.ts";
import { compare } from "../../../engine/testing/checks/compare.ts";
import { opSubject } from "../../../engine/testing/checks/op_subject.ts";
import { withTiling } from "../../../engine/testing/checks/tilings.ts";
import { formatTuning, parseTuning, type TuningFile } from "../../../engine/tuning/file.ts";
import { driverOf, type RefusedKernel } from "../../../engine/tuning/refused.ts";
import { adapterKey, shadersOf, type TunedTiling } from "../../../engine/tuning/table.ts";
import { ended, itera, ROOT, start } from "../../support/command.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { withFolder } from "../../support/folder.ts";
import { plant, type Planted } from "./plant.ts";

/** Blocks of eight columns are wrong, and the kernel of one-hot vectors, which has no substitute. */
const FAULTS: readonly Planted[] = [
  ["matmul.wgsl:registers", "if (COLUMNS > 4u) { s01 += b1 * a0; }", "if (COLUMNS > 4u) { s01 += b0 * a0; }"],
  ["gather.wgsl:one_hot", "@compute @workgroup_size(64)\nfn one_hot(", "@compute @workgroup_size(32)\nfn one_hot("],
];

const FOUND = [16, 8, 4].map((rows) => `matmul.wgsl:registers ${rows}×8`);

/** The command line in a process that has the faults. */
function planted(faults: readonly Planted[], path: string, ...args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${ROOT}/tests/cli/doctor/planted.ts`, JSON.stringify(faults), ...args],
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ITERA_TUNING: path },
  }).spawn();
}

async function withTuning<T>(path: string, body: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("ITERA_TUNING");
  Deno.env.set("ITERA_TUNING", path);
  try {
    return await body();
  } finally {
    if (before === undefined) Deno.env.delete("ITERA_TUNING");
    else Deno.env.set("ITERA_TUNING", before);
  }
}

const read = async (path: string): Promise<TuningFile> => parseTuning(await Deno.readTextFile(path), path);

/** Products that are wrong in blocks of eight columns, of those that samples have. */
async function wrongProducts(device: Device): Promise<number> {
  const { cases } = opSubject(allOps().get("matmul")!, { seed: 1 });
  let wrong = 0;
  await withTiling(device, { rows: 16, columns: 8, splitK: 1 }, async () => {
    for (const one of cases) wrong += Number(compare(await one.run(device), one.wanted()).off > 0);
  });
  return wrong;
}

Deno.test("kernels that compute wrong numbers are named with a sample, kept, and left out by the next device", () =>
  withFolder(async (folder) => {
    const path = join(folder, "cache", "tuning.json");
    const { code, out, err } = await ended(planted(FAULTS, path, "examine", "matmul", "linear", "oneHot", "conv2d"));
    strictEqual(code, 1, out + err);
    for (const kernel of FOUND) {
      match(
        out,
        new RegExp(
          `^wrong: ${kernel}: .*numbers are off, worst .* \\((matmul|linear) .*\\)\n  in its place: matmul`,
          "m",
        ),
      );
    }
    match(
      out,
      /^wrong: gather\.wgsl:one_hot: .*worst output 0 at .* \(oneHot .*\)\n {2}in its place: nothing; a run that needs it stops$/m,
    );
    match(out, /^cannot be computed here in full: oneHot$/m);
    match(
      out,
      /^run: \d{2} samples of 4 ops, 0 of optimisers and the like, \d+ with other constants, \d+ in other tilings; each twice$/m,
    );
    match(out, /^compiling: [\d.]+ s\nrunning: [\d.]+ s$/m);
    match(out, /^4 kernels are left out on this adapter from now on/m);
    const { winners, refused } = await read(path);
    deepStrictEqual([winners, refused.map(({ kernel }) => kernel).sort()], [
      [],
      [...FOUND, "gather.wgsl:one_hot"].sort(),
    ]);

    const undo = plant(...FAULTS);
    try {
      await withTuning("none", async () => {
        await using device = await Device.open({ adapter: "cpu" });
        ok(await wrongProducts(device) > 2, "nothing is wrong where nothing is left out");
      });
      await withTuning(path, async () => {
        await using device = await Device.open({ adapter: "cpu" });
        match(device.title, /, 4 left out/);
        strictEqual(await wrongProducts(device), 0);
        using _scope = device.scope();
        await rejects(async () => await oneHot(device.tensor(Int32Array.of(1, 2)), 3).data(), {
          name: "RefusedKernelError",
          message:
            /^gather\.wgsl:one_hot computes wrong numbers with this adapter's driver, and no other kernel stands in/,
        });
      });
    } finally {
      undo();
    }
  }));

Deno.test("after the time that there is only samples run, and what is left out is named", async () => {
  const of = (limit: number): Promise<string> => examined("none", { ops: ["softmax", "linear"], limit });
  const all = await of(Infinity), short = await of(0);
  const parts = (text: string): number[] => /^run: (\d+) .*, (\d+) with .*, (\d+) in/m.exec(text)!.slice(1).map(Number);
  const [samples, others, tilings] = parts(all);
  ok(samples > 10 && others + tilings > 5 && !/^left out for time/m.test(all), all);
  deepStrictEqual(parts(short), [samples, 0, 0]);
  match(short, /^left out for time: .*softmax with other constants, .*linear in tiles of /m);
});

function entry(kernel: string, { info }: Device, changes: Partial<RefusedKernel> = {}): RefusedKernel {
  const adapter = adapterKey(info, "cpu"), driver = driverOf(info);
  return { adapter, driver, kernel, sample: "some [3]", fault: "1 of 3 numbers are off", ...changes };
}

/** Runs the examination of some ops and gives what it prints. */
async function examined(path: string, options: KernelsOptions): Promise<string> {
  let out = "";
  const terminal = {
    out: (text: string): void => void (out += text),
    err: () => {},
    interactive: false,
    columns: null,
    colour: false,
  };
  await withTuning(path, () => withTerminal(terminal, () => doctorKernels({ adapter: "cpu" }, options)));
  return out;
}

Deno.test("running it again tests what was left out, lifts what is right, and touches nothing else of the file", () =>
  withFolder(async (folder) => {
    const path = join(folder, "tuning.json");
    await using device = await Device.open({ adapter: "cpu" });
    const other = entry("sum.wgsl:sum", device, { adapter: "another card | cpu" });
    const winner: TunedTiling = {
      adapter: adapterKey(device.info, "cpu"),
      op: "matmul nn",
      shaders: shadersOf("matmul nn", "cpu"),
      shape: [64, 64, 64, 1],
      tiling: { rows: 16, columns: 8, splitK: 1 },
    };
    const known = [entry("gather.wgsl:one_hot", device), other];
    await Deno.writeTextFile(path, formatTuning({ winners: [winner], refused: known }));
    const ops = ["oneHot"], out = await examined(path, { ops });
    match(out, /^left out so far, and run again: gather\.wgsl:one_hot$/m);
    match(out, /^right again: gather\.wgsl:one_hot$/m);
    match(out, /^all that ran is right, and the same bits twice$/m);
    deepStrictEqual(await read(path), { winners: [winner], refused: [other] });
    // What has nothing to say leaves the file alone, and makes none.
    await examined(path, { ops });
    await examined(join(folder, "none.json"), { ops });
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["tuning.json"]);
    deepStrictEqual(contextOf(device).refused.size, 0);
  }));

Deno.test("a training says at its start what is left out, and stops in one line where nothing stands in for it", () =>
  withFolder(async (folder) => {
    const path = join(folder, "tuning.json"), data = join(folder, "data"), config = join(folder, "tiny.json");
    await writeTinyCoco(data);
    await Deno.writeTextFile(config, JSON.stringify(TINY));
    await using device = await Device.open({ adapter: "cpu" });
    const flags = ["train", "--runs", join(folder, "runs"), "--config", config, "--data", data, "--steps", "1"];
    const trained = async (name: string, ...kernels: readonly string[]) => {
      await Deno.writeTextFile(
        path,
        formatTuning({ winners: [], refused: kernels.map((kernel) => entry(kernel, device)) }),
      );
      return await ended(start([...flags, "--name", name, "--set", "adapter=cpu"], { ITERA_TUNING: path }));
    };
    const left = "left out with this driver, for the wrong numbers that `itera doctor --kernels` found: ";
    const on = await trained("a", "softmax.wgsl:cross_entropy");
    strictEqual(on.code, 0, on.err);
    strictEqual(on.err.split("\n").filter((text) => text === `${left}softmax.wgsl:cross_entropy`).length, 1, on.err);
    match(on.err, /^adapter: .*, kernels: cpu, 1 left out, tiled by the tuning table \w+/m);
    const off = await trained("b", "softmax.wgsl:cross_entropy_grad");
    strictEqual(off.code, 1, off.err);
    const last = off.err.trimEnd().split("\n").at(-1)!;
    match(
      last,
      /^itera: softmax\.wgsl:cross_entropy_grad computes wrong numbers .*run `\.\/itera doctor --kernels` again, or compute on another adapter \(--adapter cpu\)$/,
    );
    ok(!/\bat .*:\d+:\d+/.test(off.err), off.err);
  }));

Deno.test("one line and all kernels are not asked for at once", async () => {
  const { code, err } = await itera("doctor", "--brief", "--kernels");
  deepStrictEqual([code, err], [2, "itera: option '--brief' cannot be used with option '--kernels'\n"]);
});
