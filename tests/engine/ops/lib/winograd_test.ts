/**
 * Convolutions by Winograd's way, and their gradients, against sums in float64. How far they may be off is derived from the
 * transforms: with matrices of absolute values the same algorithm gives the sum of all that is rounded on the way to a number
 * (Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", 2020).
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Device } from "../../../../engine/device.ts";
import { contextOf, setTuning, tuningOf } from "../../../../engine/friends.ts";
import { conv2d, conv2dDataGrad, conv2dWeightGrad } from "../../../../engine/mod.ts";
import { bucketSize } from "../../../../engine/buckets.ts";
import { winogradRule } from "../../../../engine/ops/lib/winograd.ts";
import type { Tensor } from "../../../../engine/tensor.ts";
import { type Tiling, WINOGRAD_FORMS, type WinogradForm } from "../../../../engine/tuning/table.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../../support/devices.ts";
import { type Random, withRandom } from "../../../support/random.ts";
import { assertClose } from "../../../../engine/testing/tolerance.ts";
import { absolute, convolved, gradientOfFilter, matricesOf, turned, winogradOf } from "./winograd64.ts";

const devices = await openDevices();

/** A product's tiling that its kernels know. */
const TILING = { cpu: { rows: 8, columns: 16, splitK: 1 }, gpu: { rows: 64, columns: 64, splitK: 1 } } as const;

/** Runs `body` with all convolutions that can be by Winograd's way so, or, for null, with none. */
async function byForm<T>(device: Device, winograd: WinogradForm | null, body: () => T | Promise<T>): Promise<T> {
  const before = tuningOf(device), tiling: Tiling = { ...TILING[device.kernels], ...winograd && { winograd } };
  const direct = winograd === null;
  setTuning(device, { digest: "test", direct, find: (op) => op.startsWith("conv2d") && !direct ? tiling : undefined });
  try {
    return await body();
  } finally {
    setTuning(device, before);
  }
}

/** Names of the kernels that `body` dispatches. */
function kernelsRun(device: Device, body: () => void): string[] {
  const names: string[] = [], gpu = contextOf(device), { run } = gpu;
  gpu.run = (kernel, options) => {
    names.push(kernel.name);
    run.call(gpu, kernel, options);
  };
  try {
    body();
  } finally {
    gpu.run = run;
  }
  return names;
}

/** Roundings on the way to a number, beside those of its sum: three of a line of inputs, four of filters and outputs, twice each. */
const ROUNDINGS = 2 * (3 + 4 + 4);

/** Expected values, with bounds in units of eps32: half of one for each rounding of what the absolute algorithm adds up. */
function expected(values: Float64Array, absolutes: Float64Array, terms: number) {
  return { values, bounds: absolutes.map((sum) => (terms + ROUNDINGS) / 2 * sum) };
}

interface Case {
  readonly images: number;
  readonly size: readonly [height: number, width: number];
  readonly channels: readonly [inputs: number, outputs: number];
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
}

/** Maps that end within tiles, more tiles than a block of lanes has rows, and paddings of all kinds. */
const CASES: readonly Case[] = [
  { images: 2, size: [19, 22], channels: [20, 36], padding: [[1, 1], [1, 1]] },
  { images: 1, size: [5, 3], channels: [8, 4], padding: [[0, 2], [3, 1]] },
  { images: 3, size: [7, 7], channels: [4, 12], padding: [[0, 0], [0, 0]] },
];

function draw(random: Random, { images, size: [h, w], channels: [ci, co], padding: [[t, b], [l, r]] }: Case) {
  const ho = h + t + b - 2, wo = w + l + r - 2;
  const shapes = { x: [images, h, w, ci], w: [3, 3, ci, co], y: [images, ho, wo, co] };
  const reals = (shape: readonly number[]) => random.reals(shape.reduce((a, b) => a * b));
  return { shapes, x: reals(shapes.x), w: reals(shapes.w), dy: reals(shapes.y), bias: reals([co]), scale: reals([co]) };
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const form of WINOGRAD_FORMS) {
    const name = `${kernels} kernels: F(${form}×${form}, 3×3) and its gradients are within what their transforms round`;
    Deno.test(name, () =>
      withRandom(name, (random) =>
        withoutLeaks(device, () =>
          byForm(device, form, async () => {
            const matrices = matricesOf(form), absolutes = absolute(matrices);
            for (const one of CASES) {
              const { shapes, x, w, dy } = draw(random, one), { padding } = one, [[top], [left]] = padding;
              const what = JSON.stringify(one), around: [number, number] = [top, left];
              const abs = { x: x.map(Math.abs), w: w.map(Math.abs), dy: dy.map(Math.abs) };
              const back: [number, number] = [2 - top, 2 - left], [ci, co] = one.channels;
              const { w: ws, ...rest } = turned(w, shapes.w);
              using _scope = device.scope();
              const tensors = {
                x: device.tensor(x, shapes.x),
                w: device.tensor(w, shapes.w),
                dy: device.tensor(dy, shapes.y),
              };
              assertClose(
                await conv2d(tensors.x, tensors.w, { padding }).data(),
                expected(
                  convolved({ data: x, shape: shapes.x }, { data: w, shape: shapes.w }, around, shapes.y),
                  winogradOf(
                    absolutes,
                    { data: abs.x, shape: shapes.x },
                    { data: abs.w, shape: shapes.w },
                    around,
                    shapes.y,
                  ),
                  ci,
                ),
                `${what}: forward`,
              );
              assertClose(
                await conv2dDataGrad(tensors.dy, tensors.w, shapes.x, { padding }).data(),
                expected(
                  convolved({ data: dy, shape: shapes.y }, { data: ws, ...rest }, back, shapes.x),
                  winogradOf(
                    absolutes,
                    { data: abs.dy, shape: shapes.y },
                    { data: ws.map(Math.abs), ...rest },
                    back,
                    shapes.x,
                  ),
                  co,
                ),
                `${what}: gradient to the input`,
              );
              const got = await conv2dWeightGrad(tensors.x, tensors.dy, shapes.w, { padding }).data();
              const { exact, sums, tiles } = gradientOfFilter(absolutes, x, dy, shapes, around);
              assertClose(got, expected(exact, sums, tiles), `${what}: gradient to the filter`);
            }
          }))));
  }

  Deno.test(`${kernels} kernels: Winograd's way has the direct one's epilogue, adds to gradients, and repeats its bits`, () =>
    withRandom("winograd's epilogue", (random) =>
      withoutLeaks(device, async () => {
        const { shapes, x, w, bias, scale } = draw(random, CASES[0]);
        const residual = random.reals(shapes.y.reduce((a, b) => a * b));
        const results = async (form: WinogradForm | null) => {
          using _scope = device.scope();
          return await byForm(device, form, async () => {
            const tensors = { x: device.tensor(x, shapes.x), w: device.tensor(w, shapes.w) };
            const options = {
              bias: device.tensor(bias),
              scale: device.tensor(scale),
              residual: device.tensor(residual, shapes.y),
            };
            for (const tensor of Object.values(tensors)) tensor.requiresGrad = true;
            const run = (): Tensor => conv2d(tensors.x, tensors.w, { padding: 1, activation: "sigmoid", ...options });
            const y = run();
            for (const each of [y, run()]) each.backward(device.ones(shapes.y));
            return await Promise.all([y, tensors.x.grad!, tensors.w.grad!].map((t) => t.data()));
          });
        };
        const direct = await results(null);
        for (const form of WINOGRAD_FORMS) {
          const [once, again] = [await results(form), await results(form)];
          deepStrictEqual(once, again);
          once.forEach((got, i) => {
            const rms = Math.sqrt(direct[i].reduce((sum, v) => sum + v * v, 0) / got.length);
            const worst = got.reduce((worst, v, k) => Math.max(worst, Math.abs(v - direct[i][k])), 0);
            ok(worst > 0 && worst < 1e-4 * rms, `F${form}, result ${i}: off by ${worst} of ${rms}`);
          });
        }
      })));
}

Deno.test("filters are led to the points once for all uses in a scope, anew after a write, and by each captured step", async () => {
  const device = devices.cpu, filters = (names: string[]): number => names.filter((n) => n.includes(":filters")).length;
  await withoutLeaks(device, () =>
    byForm(device, 2, async () => {
      using w = device.ones([3, 3, 4, 4]), x = device.ones([1, 6, 6, 4]);
      const use = (): void => void conv2d(x, w, { padding: 1 });
      const grad = (): void => void conv2dDataGrad(x, w, x.shape, { padding: 1 });
      {
        using _scope = device.scope();
        strictEqual(filters(kernelsRun(device, () => [use, use, grad, grad, use].forEach((run) => run()))), 2);
        w.write(new Float32Array(144).fill(2));
        strictEqual(filters(kernelsRun(device, () => [use, use].forEach((run) => run()))), 1);
        {
          using _inner = device.scope();
          strictEqual(filters(kernelsRun(device, use)), 0, "an inner scope has what the outer one kept");
        }
        using step = device.capture(() => conv2d(x, w, { padding: 1 }));
        w.write(new Float32Array(144).fill(3));
        step.replay();
        strictEqual((await step.outputs.data())[4 * 7], 9 * 4 * 3, "a replay has the filter of its own time");
        strictEqual(filters(kernelsRun(device, use)), 1, "and what was made before it counts no more");
      }
      {
        using _scope = device.scope();
        w.requiresGrad = true;
        const twice = (): void =>
          conv2d(conv2d(x, w, { padding: 1 }), w, { padding: 1 }).backward(device.ones(x.shape));
        strictEqual(
          filters(kernelsRun(device, twice)),
          2,
          "one for both convolutions, one for the gradient to the input",
        );
        w.zeroGrad();
      }
    }));
});

/** A convolution of n images of h × w, padded by 1. */
const sizes = (n: number, h: number, w: number) => ({
  ...{ n, h, w, ho: h, wo: w, top: 1, left: 1 },
  ...{ stride_y: 1, stride_x: 1, dilation_y: 1, dilation_x: 1 },
});

Deno.test("the rule chooses by sizes: large maps and many channels get large tiles, small and narrow ones none, GPUs none yet", () => {
  const forward = (...[n, h, w, ci, co]: readonly number[]) =>
    winogradRule("cpu", "conv2d forward", sizes(n, h, w), [3, 3, ci, co]);
  strictEqual(forward(1, 75, 125, 64, 64), 4);
  strictEqual(forward(1, 38, 63, 128, 128), 4);
  strictEqual(forward(1, 14, 14, 256, 256), 2);
  for (const small of [[1, 75, 125, 16, 16], [1, 8, 12, 128, 128], [10, 7, 7, 32, 32], [1, 75, 125, 64, 4]]) {
    strictEqual(forward(...small), undefined, `${small}`);
  }
  const like = sizes(1, 75, 125);
  strictEqual(winogradRule("gpu", "conv2d forward", like, [3, 3, 64, 64]), undefined);
  for (const other of [[1, 1, 64, 64], [5, 5, 64, 64], [2, 3, 3, 64, 64], [3, 3, 66, 64]]) {
    strictEqual(winogradRule("cpu", "conv2d forward", like, other), undefined, `${other}`);
  }
  strictEqual(winogradRule("cpu", "conv2d forward", { ...like, stride_x: 2 }, [3, 3, 64, 64]), undefined);
  // Regions are padded to their bucket: the choice must not change.
  for (const op of ["conv2d forward", "conv2d weight gradient"] as const) {
    for (const n of [17, 18, 33, 36]) {
      const rule = (n: number) => winogradRule("cpu", op, sizes(n, 7, 7), [3, 3, 64, 64]);
      strictEqual(rule(n), rule(bucketSize(n)));
    }
  }
});

Deno.test("Device.open({ winograd: false }) and ITERA_WINOGRAD=none compute all convolutions directly", async () => {
  const names = async (device: Device): Promise<string[]> => {
    using _scope = device.scope();
    const x = device.ones([1, 38, 63, 64]), w = device.ones([3, 3, 64, 64]);
    const run = kernelsRun(device, () => void conv2d(x, w, { padding: 1 }));
    await device.finish();
    return run;
  };
  const before = Deno.env.get("ITERA_WINOGRAD");
  try {
    Deno.env.delete("ITERA_WINOGRAD");
    await using own = await Device.open({ kernels: "cpu" });
    ok((await names(own)).some((name) => name.startsWith("winograd.wgsl")));
    ok(own.title.endsWith(", Winograd"));
    await using direct = await Device.open({ kernels: "cpu", winograd: false });
    Deno.env.set("ITERA_WINOGRAD", "none");
    await using none = await Device.open({ kernels: "cpu" });
    for (const device of [direct, none]) {
      strictEqual((await names(device)).length, 1);
      ok(!device.title.includes("Winograd"));
    }
  } finally {
    if (before === undefined) Deno.env.delete("ITERA_WINOGRAD");
    else Deno.env.set("ITERA_WINOGRAD", before);
  }
});
