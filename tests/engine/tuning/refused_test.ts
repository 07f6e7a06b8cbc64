/** Kernels that are left out: which others stand in, what happens where none does, and how long an entry counts. */
import { deepStrictEqual, match, notStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { RefusedKernelError } from "../../../engine/base/errors.ts";
import { Device } from "../../../engine/device.ts";
import { contextOf, refuse, tuningOf } from "../../../engine/friends.ts";
import { allKernels, formOf } from "../../../engine/gpu/kernel.ts";
import { host } from "../../../engine/host.ts";
import { matmul, oneHot } from "../../../engine/mod.ts";
import { allOps } from "../../../engine/op.ts";
import { LANES, SHARED_COLUMNS } from "../../../engine/ops/lib/blocks.ts";
import { winogradForms } from "../../../engine/ops/lib/winograd.ts";
import { compare, compared } from "../../../engine/testing/checks/compare.ts";
import { opSubject } from "../../../engine/testing/checks/op_subject.ts";
import type { Case } from "../../../engine/testing/checks/subject.ts";
import { assertClose } from "../../../engine/testing/tolerance.ts";
import { formatTuning, parseTuning } from "../../../engine/tuning/file.ts";
import { problemOf } from "../../../engine/tuning/problem.ts";
import { driverOf, type RefusedKernel, refusedOn } from "../../../engine/tuning/refused.ts";
import {
  adapterKey,
  blocksOf,
  formsOf,
  shadersOf,
  tilingName,
  type TunedTiling,
  TuningTable,
} from "../../../engine/tuning/table.ts";
import { candidatesOf } from "../../../engine/tuning/tuner.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withFolder } from "../../support/folder.ts";
import { testSeed, withRandom } from "../../support/random.ts";

const devices = await openDevices();

/** Forms of the kernels that `body` asks for; nothing is run. */
function formsOfRun(device: Device, body: () => void): Set<string> {
  const forms = new Set<string>(), gpu = contextOf(device), { run } = gpu;
  gpu.run = (kernel, options) => {
    if (!options.grid.includes(0)) forms.add(formOf(kernel, options.constants));
  };
  try {
    body();
  } finally {
    gpu.run = run;
  }
  return forms;
}

async function without<T>(device: Device, forms: Iterable<string>, body: () => T | Promise<T>): Promise<T> {
  refuse(device, new Set(forms));
  try {
    return await body();
  } finally {
    refuse(device, new Set());
  }
}

/** Kernels for which another stands in wherever samples run them; `docs/shaders.md` says which. */
const REPLACED =
  /\+(vec4|group)\b|registers|lanes|tiles|skinny|scalar$|split_sum|:binary OP=|move\.wgsl|_sequence|pad_matrix|paste(_striding)?$/;

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  Deno.test(`an op computes right without any one of its kernels, or says that none stands in (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      const cases = new Map<string, Case[]>();
      for (const op of allOps().values()) {
        if (op.family === "own") continue;
        for (const one of opSubject(op, { seed: testSeed }).cases) {
          for (const form of formsOfRun(device, () => one.record(device))) {
            // Functions of one text share its ways of being chosen.
            if (/ OP=(?!0$)/.test(form)) continue;
            const own = cases.get(form);
            if (own) own.push(one);
            else cases.set(form, [one]);
          }
        }
      }
      ok(cases.size > 80, `only ${cases.size} forms`);
      const wrong: string[] = [], alone: string[] = [];
      for (const [form, own] of cases) {
        for (const one of new Set([own[0], own[own.length >> 1], own[own.length - 1]])) {
          try {
            const found = compare(await without(device, [form], () => one.run(device)), one.wanted());
            if (found.off > 0 || found.differs) wrong.push(`${one.title} without ${form}: ${compared(found)}`);
          } catch (error) {
            if (!(error instanceof RefusedKernelError)) throw error;
            ok(error.message.startsWith(`${form} computes wrong numbers`), error.message);
            alone.push(form);
          }
        }
      }
      deepStrictEqual(wrong, []);
      deepStrictEqual(alone.filter((form) => REPLACED.test(form)), []);
    }));

  Deno.test(`a product goes from kernel to kernel until none is left (${kernels} kernels)`, () =>
    withRandom(`products without kernels, ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        const [m, k, n] = [37, 64, 72], a = random.reals(m * k), b = random.reals(k * n);
        const values = Float64Array.from({ length: m * n }, () => 0), bounds = values.slice();
        for (let at = 0; at < m * n * k; at++) {
          const i = Math.floor(at / (n * k)), j = Math.floor(at / k) % n, term = a[i * k + at % k] * b[at % k * n + j];
          values[i * n + j] += term;
          bounds[i * n + j] += k * Math.abs(term);
        }
        const run = () => {
          using _scope = device.scope();
          return matmul(device.tensor(a, [m, k]), device.tensor(b, [k, n])).data();
        };
        const order: string[] = [];
        for (let going = true; going;) {
          try {
            assertClose(await without(device, order, run), { values, bounds }, `without ${order}`);
            order.push(...await without(device, order, () => formsOfRun(device, () => void run())));
          } catch (error) {
            if (!(error instanceof RefusedKernelError)) throw error;
            going = false;
          }
        }
        // The set's own, then the other's, then the one that has no blocks.
        const kinds = [...new Set(order.map((form) => form.split(" ")[0]))], lanes = device.info.lanes === LANES;
        const [blocks, tiles] = [[...lanes ? ["lanes"] : [], "registers"], ["tiles", "wide_tiles"]].map((entries) =>
          entries.map((entry) => `matmul${entry.endsWith("tiles") ? "_tiles" : ""}.wgsl:${entry}`)
        );
        const own = kernels === "cpu" ? [...blocks, ...tiles] : [...tiles, ...blocks];
        deepStrictEqual(kinds.filter((kind) => !kind.includes("skinny")), [...own, "matmul_scalar.wgsl:matmul_scalar"]);
        const count = [...blocksOf("cpu", "matmul nn"), ...blocksOf("gpu", "matmul nn")].length + 1;
        const shared = lanes ? 0 : SHARED_COLUMNS.length;
        ok(new Set(order).size === order.length && order.length <= count - shared, `${order}`);
      })));

  Deno.test(`a convolution goes to the other set's kernels where none of its own may run (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      const own = (["conv2d forward", "conv2d data gradient", "conv2d weight gradient"] as const).flatMap((op) =>
        blocksOf(kernels, op).flatMap((block) => formsOf(op, kernels, { ...block, splitK: 1 }))
      );
      const cases = opSubject(allOps().get("conv2d")!, { seed: testSeed }).cases.slice(0, 6);
      for (const one of cases) {
        const found = compare(await without(device, own, () => one.run(device)), one.wanted());
        deepStrictEqual([found.off, found.differs], [0, null], `${one.title}: ${compared(found)}`);
      }
    }));

  Deno.test(`neither the rules nor the tuner's candidates have a kernel that is left out (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      const conv = { images: 1, height: 24, width: 36, inputs: 64, outputs: 64, kernel: 3, stride: 1, padding: 1 };
      for (const one of [{ op: "conv2d forward", conv }, { op: "matmul nn", m: 70, n: 96, k: 1100 }] as const) {
        using problem = problemOf(device, one);
        const { rule, op } = problem, forms = formsOf(op, kernels, rule);
        ok(forms.length > 0);
        for (const form of forms) {
          await without(device, [form], () => {
            using problem = problemOf(device, one);
            const all = candidatesOf(device, problem);
            ok(all.length > 1);
            for (const tiling of all) {
              ok(!formsOf(op, kernels, tiling).includes(form), `${form}: ${tilingName(tiling)}`);
            }
          });
        }
      }
    }));

  Deno.test(`without a transform of Winograd's another form is taken, and without both direct sums (${kernels} kernels)`, () =>
    without(device, [], () => {
      const way = (...forms: readonly number[]): (number | undefined)[] => {
        const names = allKernels().filter(({ name, traits }) =>
          traits.kernelSet === kernels &&
          forms.some((form) => name.startsWith("winograd.wgsl:inputs") && name.endsWith(`+f${form}`))
        ).map(({ name }) => name);
        strictEqual(names.length, forms.length);
        refuse(device, new Set(names));
        return [...winogradForms(device, "conv2d forward")];
      };
      deepStrictEqual([way(), way(2), way(4), way(2, 4)], [[2, 4], [4], [2], []]);
    }));
}

const DRIVER = "a driver 1.2";

function entry(changes: Partial<RefusedKernel> = {}): RefusedKernel {
  return {
    adapter: "a | b | c | cpu",
    driver: DRIVER,
    kernel: "matmul.wgsl:lanes 8×24",
    sample: "matmul [37,64] [64,72]",
    fault: "1 of 9 numbers are off",
    ...changes,
  };
}

Deno.test("an entry counts for its adapter and driver, and for any driver where that cannot be known", () => {
  const before = host.driverVersion;
  const on = (entries: readonly RefusedKernel[], driver: string | undefined): string[] => {
    Object.assign(host, { driverVersion: () => driver });
    try {
      return [...refusedOn(entries, "a | b | c | cpu", { description: "c" })];
    } finally {
      Object.assign(host, { driverVersion: before });
    }
  };
  const own = [entry().kernel];
  deepStrictEqual([on([entry()], DRIVER), on([entry()], "a driver 1.3"), on([entry()], undefined)], [own, [], own]);
  deepStrictEqual(on([entry({ driver: "" })], "a driver 1.3"), own);
  deepStrictEqual(on([entry({ adapter: "a | b | c | gpu" })], DRIVER), []);
});

Deno.test("a file keeps refused kernels beside winners, and one without them is written as before there were any", () => {
  const text = formatTuning({ winners: [], refused: [entry()] });
  deepStrictEqual(parseTuning(text, "there.json"), { winners: [], refused: [entry()] });
  strictEqual(formatTuning({ winners: [], refused: [] }), '{\n  "format": 1,\n  "winners": [\n\n  ]\n}\n');
  for (const broken of [text.replace('"kernel":', '"kernels":'), text.replace('"refused": [', '"refused": [1, ')]) {
    throws(
      () => parseTuning(broken, "there.json"),
      /^EngineError: there\.json holds a refused kernel that cannot be: /,
    );
  }
});

Deno.test("a winner that runs a refused kernel is stale, and the digest of a table is another with it", () => {
  const adapter = "a | b | c | cpu", shape = [512, 256, 64, 1] as const;
  const winner = (columns: number): TunedTiling => ({
    adapter,
    op: "matmul nn",
    shaders: shadersOf("matmul nn", "cpu"),
    shape,
    tiling: { rows: 8, columns, splitK: 1 },
  });
  const table = (columns: number, ...refused: readonly string[]) =>
    new TuningTable([winner(columns)], adapter, "cpu", { refused: new Set(refused) });
  const { kernel } = entry();
  deepStrictEqual(table(24).find("matmul nn", ...shape), winner(24).tiling);
  strictEqual(table(24, kernel).find("matmul nn", ...shape), undefined);
  deepStrictEqual(table(16, kernel).find("matmul nn", ...shape), winner(16).tiling);
  notStrictEqual(table(16, kernel).digest, table(16).digest);
  notStrictEqual(new TuningTable([], adapter, "cpu", { refused: new Set([kernel]) }).digest, "");
  // Of a convolution by Winograd's way its transforms count too, and those of its product.
  const f4 = { rows: 8, columns: 24, splitK: 1, winograd: 4 } as const;
  const forms = formsOf("conv2d forward", "cpu", f4);
  ok(forms.includes(kernel) && forms.includes("winograd.wgsl:inputs+vec4+f4"), `${forms}`);
  ok(!forms.some((form) => form.endsWith("+f2")), `${forms}`);
  ok(formsOf("matmul nn", "gpu", { rows: 64, columns: 64, splitK: 3 }).includes("split_sum.wgsl:split_sum"));
  deepStrictEqual(formsOf("matmul nn", "gpu", { rows: 8, columns: 24, splitK: 1 }), []);
});

Deno.test("an opened device leaves out what the file says, says so in a line, and a run without a substitute stops in one", () =>
  withFolder(async (folder) => {
    const path = join(folder, "tuning.json"), { info } = devices.cpu, lines: string[] = [];
    const adapter = adapterKey(info, "cpu"), driver = driverOf(info);
    const kernel = "gather.wgsl:one_hot";
    await Deno.writeTextFile(path, formatTuning({ winners: [], refused: [entry({ adapter, driver, kernel })] }));
    const variable = Deno.env.get("ITERA_TUNING"), { warn } = host;
    Object.assign(host, { warn: (text: string) => lines.push(text) });
    Deno.env.set("ITERA_TUNING", path);
    try {
      for (const tuning of [undefined, null]) {
        await using device = await Device.open({ kernels: "cpu", ...tuning === null ? { tuning } : {} });
        deepStrictEqual([...contextOf(device).refused], [kernel]);
        match(device.title, /, kernels: cpu, 1 left out, tiled by the tuning table \w+/);
        using _scope = device.scope();
        throws(() => oneHot(device.tensor(Int32Array.of(1)), 3), {
          name: "RefusedKernelError",
          message:
            /^gather\.wgsl:one_hot computes wrong numbers with this adapter's driver, .*`\.\/itera doctor --kernels`[^\n]*$/,
        });
        // The device goes on with all else.
        deepStrictEqual([...await device.tensor([1, 2]).add(1).data()], [2, 3]);
      }
      await using other = await Device.open({ kernels: "gpu" });
      deepStrictEqual([contextOf(other).refused.size, tuningOf(other).digest], [0, ""]);
      Deno.env.set("ITERA_TUNING", "none");
      await using none = await Device.open({ kernels: "cpu" });
      deepStrictEqual([contextOf(none).refused.size, tuningOf(none).digest], [0, ""]);
    } finally {
      Object.assign(host, { warn });
      if (variable === undefined) Deno.env.delete("ITERA_TUNING");
      else Deno.env.set("ITERA_TUNING", variable);
    }
    deepStrictEqual(lines.length, 1, lines.join("\n"));
    match(lines[0], /^left out with this driver, for the wrong numbers .*: gather\.wgsl:one_hot$/);
  }));
