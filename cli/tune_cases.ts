/** Shapes whose fastest kernels `itera tune` looks for: those of the models. */
import type { TuneCase } from "../engine/tuning/problem.ts";
import type { TunedOp } from "../engine/tuning/table.ts";

type ConvOp = Extract<TunedOp, `conv2d ${string}`>;

function conv(
  height: number,
  width: number,
  inputs: number,
  outputs: number,
  kernel: number,
  stride = 1,
  images = 1,
): TuneCase[] {
  const padding = (kernel - 1) / 2, geometry = { images, height, width, inputs, outputs, kernel, stride, padding };
  return (["conv2d forward", "conv2d data gradient", "conv2d weight gradient"] as ConvOp[])
    // Nobody asks for a gradient to the picture.
    .filter((op) => inputs > 3 || op !== "conv2d data gradient")
    .map((op) => ({ op, conv: geometry }));
}

/** A layer of `inputs` → `outputs` on so many rows, with both its gradients. */
function layer(rows: number, inputs: number, outputs: number): TuneCase[] {
  return [
    { op: "matmul nn", m: rows, n: outputs, k: inputs },
    { op: "matmul nt", m: rows, n: inputs, k: outputs },
    { op: "matmul tn", m: inputs, n: outputs, k: rows },
  ];
}

/** A few small shapes, to see that tuning works. */
export const QUICK_CASES: readonly TuneCase[] = [
  ...layer(12, 64, 96),
  { op: "matmul tt", m: 48, n: 64, k: 32 },
  ...conv(12, 18, 16, 32, 3),
];

/** The default model and IEP-Ref's, whose maps are small. */
const SMALL_CASES: readonly TuneCase[] = [
  ...layer(12, 512, 512),
  ...layer(64, 256, 1024),
  ...conv(128, 192, 3, 16, 7, 2),
  ...conv(32, 48, 32, 32, 3),
  ...conv(16, 24, 64, 64, 3),
  ...conv(8, 12, 128, 128, 3),
  ...conv(16, 24, 64, 128, 1),
  ...conv(7, 7, 256, 128, 3, 1, 12),
  ...conv(20, 20, 128, 32, 3, 1, 16),
];

/** ResNet-50 on 600 × 1000, its heads of 4096, and the graph's products. */
const LARGE_CASES: readonly TuneCase[] = [
  { op: "matmul nn", m: 512, n: 512, k: 512 },
  { op: "matmul nn", m: 1024, n: 1024, k: 1024 },
  { op: "matmul tt", m: 512, n: 512, k: 512 },
  ...layer(20, 2048, 4096),
  ...layer(300, 512, 1536),
  ...conv(600, 1000, 3, 64, 7, 2),
  ...conv(150, 250, 64, 64, 3),
  ...conv(150, 250, 64, 256, 1),
  ...conv(75, 125, 128, 128, 3),
  ...conv(38, 63, 256, 256, 3),
  ...conv(75, 125, 512, 256, 1, 2),
  ...conv(38, 63, 1024, 256, 1),
  ...conv(7, 7, 512, 512, 3, 1, 20),
];

/** All shapes. */
export const CASES: readonly TuneCase[] = [...SMALL_CASES, ...LARGE_CASES];
