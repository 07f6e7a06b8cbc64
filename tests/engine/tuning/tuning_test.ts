import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { writeFileAtomic } from "../../../engine/base/atomic.ts";
import { Device } from "../../../engine/device.ts";
import { contextOf, setTuning, tuningOf } from "../../../engine/friends.ts";
import { SHARED_ROWS } from "../../../engine/ops/lib/blocks.ts";
import { add, matmul } from "../../../engine/ops/mod.ts";
import { readTuning, tuningPath } from "../../../engine/tuning/known.ts";
import { type Problem, problemOf, type TuneCase } from "../../../engine/tuning/problem.ts";
import { SHIPPED } from "../../../engine/tuning/shipped.ts";
import { formatTuning, parseTuning } from "../../../engine/tuning/file.ts";
import {
  bucketOf,
  replaceWinner,
  shadersOf,
  type Tiling,
  tilingName,
  type TunedOp,
  type TunedTiling,
  TuningTable,
} from "../../../engine/tuning/table.ts";
import { judge, tune } from "../../../engine/tuning/tuner.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";

const devices = await openDevices();

const ADAPTER = "vendor | architecture | a card | cpu";

function winner(changes: Partial<TunedTiling> = {}): TunedTiling {
  return {
    adapter: ADAPTER,
    op: "matmul nn",
    shaders: shadersOf("matmul nn", "cpu"),
    shape: [512, 256, 64, 1],
    tiling: { rows: 8, columns: 4, splitK: 1 },
    ...changes,
  };
}

Deno.test("a table gives the winner of the bucket a shape falls in, and of nothing else", () => {
  const table = new TuningTable([winner()], ADAPTER, "cpu");
  for (const [m, n, k] of [[512, 256, 64], [500, 280, 60]]) {
    deepStrictEqual(table.find("matmul nn", m, n, k, 1), { rows: 8, columns: 4, splitK: 1 });
  }
  strictEqual(table.find("matmul nn", 1024, 256, 64, 1), undefined);
  strictEqual(table.find("matmul nn", 512, 256, 64, 8), undefined);
  strictEqual(table.find("matmul nt", 512, 256, 64, 1), undefined);
  strictEqual(new TuningTable([winner()], "another card", "cpu").find("matmul nn", 512, 256, 64, 1), undefined);
  ok(table.digest !== "" && table.digest !== new TuningTable([winner({ shape: [1, 1, 1, 1] })], ADAPTER, "cpu").digest);
  strictEqual(new TuningTable([], ADAPTER, "cpu").digest, "");
});

Deno.test("a later winner of a bucket counts, and none of other shaders", () => {
  const later = winner({ shape: [520, 256, 64, 1], tiling: { rows: 16, columns: 8, splitK: 1 } });
  strictEqual(new TuningTable([winner(), later], ADAPTER, "cpu").find("matmul nn", 512, 256, 64, 1), later.tiling);
  const stale = winner({ shaders: "0123456789abc" });
  strictEqual(new TuningTable([stale], ADAPTER, "cpu").find("matmul nn", 512, 256, 64, 1), undefined);
});

Deno.test("what is found of a shape takes the place of what its bucket had, and nothing where the rule is best", () => {
  const known = [
    winner(),
    winner({ op: "matmul nt" }),
    winner({ adapter: "another card" }),
    winner({ shape: [8, 8, 8, 1] }),
  ];
  const found = winner({ shape: [500, 256, 64, 1], tiling: { rows: 16, columns: 8, splitK: 1 } });
  deepStrictEqual(replaceWinner(known, found), [...known.slice(1), found]);
  deepStrictEqual(replaceWinner(known, { ...found, tiling: null }), known.slice(1));
});

Deno.test("buckets are apart by a factor of √2 at most, and finding one takes no time to speak of", () => {
  strictEqual(bucketOf(100, 100, 100, 1), bucketOf(95, 105, 100, 1));
  const distinct = new Set([1, 2, 4, 8, 64, 4096].flatMap((m) => [1, 32, 512].map((n) => bucketOf(m, n, 1, 1))));
  strictEqual(distinct.size, 18);
  const table = new TuningTable([winner()], ADAPTER, "cpu");
  let found = 0;
  const finds = (count: number): number => {
    const start = performance.now();
    for (let i = 0; i < count; i++) if (table.find("matmul nn", 1 + i % 997, 256, 64, 1)) found++;
    return 1000 * (performance.now() - start) / count;
  };
  finds(10_000);
  const best = Math.min(...Array.from({ length: 5 }, () => finds(20_000)));
  ok(found > 0 && best < 1, `${best} µs a dispatch`);
});

Deno.test("a file of winners is read as it was written; a broken one says which file", () =>
  withFolder(async (folder) => {
    const path = join(folder, "deep", "tuning.json");
    deepStrictEqual(readTuning(path), { winners: [], refused: [] });
    await writeFileAtomic(path, formatTuning({ winners: [winner()] }));
    deepStrictEqual(readTuning(path), { winners: [winner()], refused: [] });
    for (
      const text of [
        "{",
        "null",
        "[]",
        '{"format":2,"winners":[]}',
        formatTuning({ winners: [winner()] }).replace("matmul nn", "sort"),
      ]
    ) throws(() => parseTuning(text, "there.json"), /^EngineError: there\.json /, text);
    // A tiling the kernels do not know would compute something else.
    const unknown: Tiling[] = [
      { rows: 16, columns: 6, splitK: 1 },
      { rows: 16, columns: 8, splitK: 0 },
      { rows: 16, columns: 8, splitK: 1, buffers: 2 },
    ];
    for (const tiling of unknown) {
      throws(
        () => parseTuning(formatTuning({ winners: [winner({ tiling })] }), "there.json"),
        /a winner that cannot be/,
      );
    }
  }));

Deno.test("tiles of 8 × 8 numbers an invocation are winners of their own, which run their own kernel", async () => {
  const { info } = devices.gpu, adapter = [info.vendor, info.architecture, info.description, "gpu"].join(" | ");
  const ofGpu = { adapter, shape: [140, 72, 64, 1], shaders: shadersOf("matmul nn", "gpu") } as const;
  const found = winner({ ...ofGpu, tiling: { rows: 64, columns: 64, splitK: 1, buffers: 2 } });
  const tuning = formatTuning({ winners: [found] });
  deepStrictEqual(parseTuning(tuning, "there.json").winners, [found]);
  strictEqual(tilingName(found.tiling), "64×64b2");
  const wrong = tuning.replace('"buffers":2', '"buffers":3');
  throws(() => parseTuning(wrong, "there.json"), /a winner that cannot be/);
  const kernelsOf = async (tuning: string | null): Promise<string[]> => {
    await using device = await Device.open({ kernels: "gpu", tuning });
    using _scope = device.scope();
    return [...contextOf(device).count(() => void matmul(device.empty([140, 64]), device.empty([64, 72]))).keys()];
  };
  deepStrictEqual(await kernelsOf(tuning), ["matmul_tiles.wgsl:wide_tiles"]);
  deepStrictEqual(await kernelsOf(null), ["matmul_tiles.wgsl:tiles"]);
});

Deno.test("a file of before 0.2.0, which says cut and parts, is read as one of now", () => {
  const old = formatTuning({
    winners: [winner(), winner({ op: "matmul nt", tiling: { rows: 16, columns: 8, splitK: 2 } })],
  })
    .replaceAll('"tiling":', '"cut":').replaceAll('"splitK":', '"parts":');
  ok(old.includes('"cut":{"rows":16,"columns":8,"parts":2}') && !/tiling|splitK/.test(old), old);
  deepStrictEqual(parseTuning(old, "there.json").winners, [
    winner(),
    winner({ op: "matmul nt", tiling: { rows: 16, columns: 8, splitK: 2 } }),
  ]);
  for (const broken of [old.replace('"parts":2', '"parts":0'), old.replace('"parts":2', '"splitK":2')]) {
    throws(() => parseTuning(broken, "there.json"), /a winner that cannot be/);
  }
});

Deno.test("a broken file does not stop a program, and is reported once", () =>
  withFolder(async (folder) => {
    const path = join(folder, "tuning.json");
    await Deno.writeTextFile(path, "not JSON");
    const mod = new URL("../../../mod.ts", import.meta.url).href;
    const program = `import { Device } from "${mod}";
      for (let i = 0; i < 2; i++) await (await Device.open()).close();
      await Deno.stdout.write(new TextEncoder().encode("done"));`;
    await Deno.writeTextFile(join(folder, "program.ts"), program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--config",
        new URL("../../../deno.json", import.meta.url).pathname,
        join(folder, "program.ts"),
      ],
      env: { ITERA_TUNING: path },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    strictEqual(code, 0, err);
    strictEqual(out, "done");
    strictEqual(err.split("is no tuning file").length, 2, err);
  }));

Deno.test("ITERA_TUNING names the file, or none", () => {
  const before = Deno.env.get("ITERA_TUNING");
  try {
    for (const [value, want] of [["/a/b.json", "/a/b.json"], ["none", null]] as const) {
      Deno.env.set("ITERA_TUNING", value);
      strictEqual(tuningPath(), want);
    }
  } finally {
    if (before === undefined) Deno.env.delete("ITERA_TUNING");
    else Deno.env.set("ITERA_TUNING", before);
  }
});

Deno.test("shipped winners are a tuning file's, which a winner that cannot be or of other shaders would not be", () => {
  const shippable = (winners: readonly TunedTiling[]): void => {
    deepStrictEqual(parseTuning(formatTuning({ winners }), "shipped"), { winners: [...winners], refused: [] });
    for (const { op, shaders, adapter } of winners) strictEqual(shaders, shadersOf(op, adapter.split(" | ").at(-1)!));
  };
  const own = winner();
  shippable([own]);
  throws(() => shippable([{ ...own, tiling: { ...own.tiling, rows: 7 } }]), /holds a winner that cannot be/);
  throws(() => shippable([{ ...own, shaders: "0".repeat(13) }]));
  shippable(SHIPPED);
});

Deno.test("an opened device uses the winners of its adapter", async () => {
  const { info } = devices.cpu;
  const adapter = [info.vendor, info.architecture, info.description, "cpu"].join(" | ");
  await using device = await Device.open({ kernels: "cpu", tuning: formatTuning({ winners: [winner({ adapter })] }) });
  deepStrictEqual(tuningOf(device).find("matmul nn", 512, 256, 64, 1), winner().tiling);
  await rejects(Device.open({ tuning: "{}" }), /^EngineError: tuning is no tuning file/);
  await using untuned = await Device.open({ kernels: "cpu", tuning: null });
  strictEqual(tuningOf(untuned).digest, "");
});

const CASES: readonly TuneCase[] = [
  { op: "matmul nn", m: 21, n: 70, k: 35 },
  { op: "matmul nt", m: 5, n: 37, k: 70 },
  { op: "matmul tn", m: 66, n: 20, k: 9 },
  { op: "matmul tt", m: 18, n: 68, k: 36 },
  ...(["conv2d forward", "conv2d data gradient", "conv2d weight gradient"] as const).flatMap((op) =>
    [
      { images: 2, height: 9, width: 7, inputs: 3, outputs: 5, kernel: 3, stride: 2, padding: 1 },
      { images: 1, height: 6, width: 8, inputs: 8, outputs: 12, kernel: 1, stride: 1, padding: 0 },
      { images: 2, height: 9, width: 7, inputs: 8, outputs: 12, kernel: 3, stride: 1, padding: 1 },
    ].map((conv) => ({ op, conv }))
  ),
];

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  Deno.test(`the exact check passes what is right and nothing else (${kernels} kernels)`, () =>
    withRandom(`exact check ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        for (const one of CASES) {
          using problem = problemOf(device, one);
          const result = await (() => {
            using _scope = device.scope();
            return problem.run().data();
          })();
          ok(problem.isRight(result), `${kernels}: ${JSON.stringify(one)}`);
          for (const change of [1, -1, NaN]) {
            const wrong = Float32Array.from(result);
            wrong[random.integer(0, wrong.length)] += change;
            ok(!problem.isRight(wrong), `${change} passes: ${JSON.stringify(one)}`);
          }
        }
      })));
}

/** Runs a problem with one tiling for everything. */
async function resultWith(device: Device, problem: Problem, tiling: Tiling): Promise<Float32Array> {
  const before = tuningOf(device);
  setTuning(device, { digest: "", find: () => tiling });
  try {
    using _scope = device.scope();
    return await problem.run().data() as Float32Array;
  } finally {
    setTuning(device, before);
  }
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  Deno.test(`Winograd's ways are candidates of 3 × 3 convolutions, and checked by whole numbers (${kernels} kernels)`, () =>
    withRandom(`Winograd's candidates ${kernels}`, (random) =>
      withoutLeaks(device, async () => {
        for (const one of CASES) {
          using problem = problemOf(device, one);
          const { winograd } = problem, plain = "conv" in one && one.conv.kernel === 3 && one.conv.stride === 1;
          deepStrictEqual([...new Set(winograd.map((tiling) => tiling.winograd))], plain ? [2, 4] : [], caseOf(one));
          // One of a form: the tiles of its product are tried by tilings_test.ts.
          for (const tiling of [winograd[0], winograd.at(-1)].filter((tiling) => tiling !== undefined)) {
            const result = await resultWith(device, problem, tiling);
            ok(problem.isRight(result, true), `${tilingName(tiling)}: ${caseOf(one)}`);
            for (const change of [1, -1, 0.5, NaN]) {
              const wrong = Float32Array.from(result);
              wrong[random.integer(0, wrong.length)] += change;
              ok(!problem.isRight(wrong, true), `${change} passes: ${caseOf(one)}`);
            }
          }
        }
      })));
}

const caseOf = (one: TuneCase): string => JSON.stringify(one);

Deno.test("on a software adapter the rule takes Winograd's way where it is faster, unless it is switched off", () =>
  withoutLeaks(devices.cpu, () => {
    const conv = { images: 1, height: 24, width: 36, inputs: 64, outputs: 64, kernel: 3, stride: 1, padding: 1 };
    for (const op of ["conv2d forward", "conv2d data gradient", "conv2d weight gradient"] as const) {
      using problem = problemOf(devices.cpu, { op, conv });
      strictEqual(problem.rule.winograd, 4);
      strictEqual(tilingName(problem.rule), `F4 ${problem.rule.rows}×${problem.rule.columns}`);
    }
    const before = tuningOf(devices.cpu);
    setTuning(devices.cpu, { digest: "", direct: true, find: () => undefined });
    try {
      using problem = problemOf(devices.cpu, { op: "conv2d forward", conv });
      deepStrictEqual([problem.winograd, problem.rule.winograd], [[], undefined]);
    } finally {
      setTuning(devices.cpu, before);
    }
  }));

Deno.test("a winner may be a convolution's by Winograd's way, in a form there is", () => {
  const of = (op: TunedOp, winograd: number) =>
    formatTuning({ winners: [winner({ op, tiling: { ...winner().tiling, winograd: winograd as 2 | 4 } })] });
  for (const winograd of [2, 4] as const) {
    deepStrictEqual(parseTuning(of("conv2d forward", winograd), "there.json").winners[0].tiling.winograd, winograd);
  }
  for (const text of [of("conv2d forward", 3), of("matmul nn", 4)]) {
    throws(() => parseTuning(text, "there.json"), /a winner that cannot be/);
  }
});

Deno.test("a candidate that computes something else is never chosen", () =>
  withoutLeaks(devices.cpu, async () => {
    const device = devices.cpu;
    using problem = problemOf(device, { op: "matmul nn", m: 12, n: 16, k: 8 });
    const op: TunedOp = "matmul nn";
    const broken = {
      ...problem,
      run: () => {
        const y = problem.run(), tiling = tuningOf(device).find(op, 1, 1, 1, 1);
        return tiling?.rows === 8 ? add(y, device.full(y.shape, 1e-3)) : y;
      },
    };
    const { measured } = await tune(device, broken, { rounds: 1, turn: 0.1 });
    strictEqual(measured.length, device.info.lanes === 8 ? 8 : 6);
    for (const { tiling, turns } of measured) {
      strictEqual(turns.length, tiling.rows === 8 ? 0 : 1, JSON.stringify(tiling));
    }
  }));

Deno.test("a winner must beat the rule by more than noise, at best and in most turns", () => {
  const [rule, a, b] = [16, 8, 4].map((rows) => ({ rows, columns: 8, splitK: 1 }));
  const of = (...turns: number[][]) => judge([rule, a, b].map((tiling, i) => ({ tiling, turns: turns[i] })));
  const tiling = (...turns: number[][]) => of(...turns).tiling;
  strictEqual(tiling([10, 10, 10], [9.8, 9.8, 9.8], [12, 12, 12]), null);
  deepStrictEqual([tiling([10, 11, 12], [8, 9, 10], [5, 5, 6]), of([10, 11, 12], [8, 9, 10], [5, 5, 6]).gain], [b, 2]);
  // Once lucky, and once while the rule was disturbed.
  strictEqual(tiling([10, 10, 10], [5, 11, 11], [12, 12, 12]), null);
  strictEqual(tiling([30, 31, 10], [10, 10, 10], [12, 12, 12]), null);
  strictEqual(tiling([10], [], [11]), null);
  strictEqual(tiling([], [4], [5]), a);
});

Deno.test("a problem knows the rule's choice", () => {
  for (const kernels of KERNEL_SETS) {
    const device = devices[kernels], before = contextOf(device).run;
    for (const one of CASES) {
      using _scope = device.scope();
      using problem = problemOf(device, one);
      const seen: Readonly<Record<string, number>>[] = [];
      const tuning = tuningOf(device);
      setTuning(device, { digest: "", find: () => undefined });
      contextOf(device).run = (kernel, options) => {
        if (options.constants && kernel.name.match(/matmul|conv/)) seen.push(options.constants);
        before.call(contextOf(device), kernel, options);
      };
      try {
        problem.run();
      } finally {
        contextOf(device).run = before;
        setTuning(device, tuning);
      }
      const used = seen.map((c) =>
        c.QUADS ? [SHARED_ROWS, 4 * c.QUADS] : [c.TILE_ROWS ?? c.ROWS, c.TILE_COLUMNS ?? c.COLUMNS ?? 128]
      );
      const { rows, columns } = problem.rule;
      // Small ragged products are taken by the scalar kernel, which has no tiling.
      if ("m" in one && used.every(([r]) => r === undefined)) continue;
      deepStrictEqual(used, [[rows, columns]], `${kernels}: ${JSON.stringify(one)}`);
    }
  }
});

Deno.test("the same table gives the same bits", async () => {
  const { info } = devices.gpu;
  const adapter = [info.vendor, info.architecture, info.description, "gpu"].join(" | ");
  const tiling = { rows: 64, columns: 64, splitK: 3 }, shape = [40, 60, 300, 1] as const;
  const tuning = formatTuning({
    winners: [winner({ adapter, shape, tiling, shaders: shadersOf("matmul nn", "gpu") })],
  });
  const runs = await Promise.all([0, 1].map(async () => {
    await using device = await Device.open({ kernels: "gpu", tuning });
    using _scope = device.scope();
    return await matmul(device.randn([40, 300], { seed: 1 }), device.randn([300, 60], { seed: 2 })).data();
  }));
  deepStrictEqual(runs[0], runs[1]);
});
