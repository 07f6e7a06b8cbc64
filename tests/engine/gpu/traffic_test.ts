/** Dispatches of ops that memory bounds, and how often they load and store each number of their tensors, with the kernels for GPUs. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { contextOf } from "../../../engine/friends.ts";
import { scatterAdd } from "../../../engine/ops/gather.ts";
import * as ops from "../../../engine/ops/mod.ts";
import type { Device, Tensor } from "../../../engine/mod.ts";
import { openDevices, withoutLeaks } from "../../support/devices.ts";
import { type Traffic, trafficOf } from "./traffic.ts";

const { gpu: device } = await openDevices();

/** An op at a size, and what it may take. */
interface Case {
  readonly make: (device: Device) => () => unknown;
  readonly dispatches: number;
  /** Loads of each number of these variables, all dispatches together, and stores. */
  readonly loads: Readonly<Record<string, number>>;
  readonly stores: Readonly<Record<string, number>>;
  /** Numbers of a variable, where it is not as large as {@link SIZE}. */
  readonly sizes?: Readonly<Record<string, number>>;
}

const [ROWS, COLUMNS] = [512, 1024], SIZE = ROWS * COLUMNS;

const matrix = (device: Device, seed = 1): Tensor => device.randn([ROWS, COLUMNS], { seed });

/** Gradients of an op that was run before, of its inputs as they are given. */
function backward(inputs: readonly Tensor[], op: (inputs: readonly Tensor[]) => Tensor, device: Device): () => void {
  for (const input of inputs) input.requiresGrad = true;
  const y = op(inputs), dy = device.randn(y.shape, { seed: 9 });
  return () => y.backward(dy);
}

const channels = (device: Device): Tensor[] =>
  [1, 2, 3, 4].map((seed) => device.uniform([COLUMNS], { seed, low: 0.5 }));

const CASES: Readonly<Record<string, Case>> = {
  clone: {
    make: (device) => {
      const x = matrix(device);
      return () => x.clone();
    },
    dispatches: 1,
    loads: { fours: 1 },
    stores: { copied: 1 },
  },
  transpose: {
    make: (device) => {
      const x = matrix(device);
      return () => ops.transpose(x, [1, 0]);
    },
    dispatches: 1,
    loads: { fours: 1 },
    stores: { copied: 1 },
  },
  "transpose of odd sizes": {
    make: (device) => {
      const x = device.randn([259, 701], { seed: 1 });
      return () => ops.transpose(x, [1, 0]);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { y: 1 },
    sizes: { x: 259 * 701, y: 259 * 701 },
  },
  "sum of rows": {
    make: (device) => {
      const x = matrix(device);
      return () => ops.sum(x, 1);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { totals: 1 },
    sizes: { totals: ROWS },
  },
  "sum of rows of odd sizes": {
    make: (device) => {
      const x = device.randn([301, 1485], { seed: 1 });
      return () => ops.sum(x, 1);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { y: 1 },
    sizes: { x: 301 * 1485, y: 301 },
  },
  "sum of columns": {
    make: (device) => {
      const x = matrix(device);
      return () => ops.sum(x, 0);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { y: 1 },
    sizes: { y: COLUMNS },
  },
  // No barrier reaches further than a workgroup, so that a second dispatch adds up the parts of all.
  "sum of all": {
    make: (device) => {
      const x = matrix(device);
      return () => ops.sum(x);
    },
    dispatches: 2,
    loads: { x: 1 + 512 / SIZE },
    stores: { totals: 513 },
    sizes: { totals: 1 },
  },
  "sum of few": {
    make: (device) => {
      const x = device.randn([8, 1024], { seed: 1 });
      return () => ops.sum(x);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { totals: 1 },
    sizes: { x: 8192, totals: 1 },
  },
  softmax: {
    make: (device) => {
      const x = matrix(device);
      return () => ops.softmax(x);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { y: 1 },
  },
  "softmax of odd sizes": {
    make: (device) => {
      const x = device.randn([301, 1485], { seed: 1 });
      return () => ops.softmax(x);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { y: 1 },
    sizes: { x: 301 * 1485, y: 301 * 1485 },
  },
  "softmax, gradient": {
    make: (device) => backward([matrix(device)], ([x]) => ops.softmax(x), device),
    dispatches: 1,
    loads: { x: 1, dy: 1 },
    stores: { y: 1 },
  },
  "frozen norm": {
    make: (device) => {
      const x = matrix(device), [gamma, beta, mean, variance] = channels(device);
      return () => ops.batchNormInference(x, gamma, beta, mean, variance);
    },
    dispatches: 1,
    loads: { x: 1 },
    stores: { y: 1 },
  },
  "frozen norm, gradient to the input": {
    make: (device) => {
      const [gamma, beta, mean, variance] = channels(device);
      return backward([matrix(device)], ([x]) => ops.batchNormInference(x, gamma, beta, mean, variance), device);
    },
    dispatches: 1,
    loads: { dy: 1 },
    stores: { y: 1 },
  },
  "batch norm": {
    make: (device) => {
      const x = matrix(device), [gamma, beta] = channels(device);
      return () => ops.batchNorm(x, gamma, beta).y;
    },
    dispatches: 2,
    loads: { x: 2 },
    stores: { y: 1 },
  },
  "batch norm, gradients": {
    make: (device) =>
      backward(
        [matrix(device), ...channels(device).slice(0, 2)],
        ([x, gamma, beta]) => ops.batchNorm(x, gamma, beta).y,
        device,
      ),
    dispatches: 2,
    loads: { x: 2, dy: 2 },
    stores: { y: 1 },
  },
  "gather, gradient": {
    make: (device) => {
      const dy = device.randn([1920, 300], { seed: 1 });
      const picks = device.tensor(Int32Array.from({ length: 1920 }, (_, i) => i * 7919 % 100));
      return () => scatterAdd(dy, picks, [100, 300]);
    },
    dispatches: 1,
    loads: { dy: 1, indices: 100 },
    stores: { y: 1 },
    sizes: { dy: 1920 * 300, indices: 1920, y: 100 * 300 },
  },
  ...Object.fromEntries([[3, false], [20, false], [20, true], [32, false]].map(([rows, turned]): [string, Case] => {
    const k = 256, n = 512;
    return [`product of ${rows} rows${turned ? ", second operand transposed" : ""}`, {
      make: (device) => {
        const a = device.randn([Number(rows), k], { seed: 1 });
        const b = device.randn(turned ? [n, k] : [k, n], { seed: 2 });
        return () => ops.matmul(a, b, { transposeB: Boolean(turned) });
      },
      dispatches: 1,
      loads: { b: 1 },
      stores: { c: 1 },
      sizes: { b: k * n, c: Number(rows) * n },
    }];
  })),
};

const total = (all: readonly Traffic[], of: "loads" | "stores", name: string): number =>
  all.reduce((sum, one) => sum + (one[of][name] ?? 0), 0);

for (const [title, { make, dispatches, loads, stores, sizes = {} }] of Object.entries(CASES)) {
  Deno.test(`${title}: ${dispatches} dispatches, and so many loads and stores of each number`, () =>
    withoutLeaks(device, async () => {
      using _scope = device.scope();
      const body = make(device);
      const all = await trafficOf(device, () => void body());
      strictEqual(all.length, dispatches, all.map(({ kernel }) => kernel).join(", "));
      for (const [of, wanted] of [["loads", loads], ["stores", stores]] as const) {
        const found = Object.keys(wanted).map((name) => [name, total(all, of, name) / 4 / (sizes[name] ?? SIZE)]);
        deepStrictEqual(Object.fromEntries(found), wanted, of);
      }
    }));
}

Deno.test("products by single numbers have 4,096 multiplications at most on GPUs, and those of fewer are one dispatch", () => {
  const extents = [1, 2, 3, 5, 7, 15, 17, 41, 63, 100, 1485];
  let singles = 0;
  for (const m of extents) {
    for (const n of extents) {
      for (const k of extents) {
        for (const transposeB of [false, true]) {
          using _scope = device.scope();
          const a = device.empty([m, k]), b = device.empty(transposeB ? [n, k] : [k, n]);
          const counts = contextOf(device).count(() => void ops.matmul(a, b, { transposeB }));
          const single = counts.get("matmul_scalar.wgsl:matmul_scalar") ?? 0;
          ok(single === 0 || m * n * k <= 4096, `${m} × ${n}, ${k} deep: ${[...counts.keys()]}`);
          singles += single;
        }
      }
    }
  }
  ok(singles > 100, `${singles} products by single numbers`);
});
