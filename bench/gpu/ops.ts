/** Ops at the sizes of a ResNet-50 at 600 × 1000 pixels, each beside the limit it could reach. */
import type { Device, Tensor } from "../../engine/mod.ts";
import * as ops from "../../engine/ops/mod.ts";
import { type Case, cases, conv, matmul } from "../cases.ts";
import { type Limits, measure, measureOnDevice } from "../../cli/time/measure.ts";
import type { OpRow } from "./report.ts";

/** A case with the rows it is averaged with. */
export interface Grouped {
  readonly group: string;
  readonly of: Case;
}

/** Height, width, input channels, output channels, filter side, stride and images of the network's convolutions. */
const LAYERS: readonly (readonly [number, number, number, number, number, number, number])[] = [
  [600, 1000, 3, 64, 7, 2, 1],
  [150, 250, 64, 64, 3, 1, 1],
  [150, 250, 64, 64, 3, 2, 1],
  [75, 125, 128, 128, 3, 1, 1],
  [38, 63, 256, 256, 3, 1, 1],
  [7, 7, 512, 512, 3, 1, 20],
  [150, 250, 64, 256, 1, 1, 1],
  [150, 250, 256, 64, 1, 1, 1],
  [75, 125, 128, 512, 1, 1, 1],
  [75, 125, 512, 128, 1, 1, 1],
  [38, 63, 256, 1024, 1, 1, 1],
  [38, 63, 1024, 256, 1, 1, 1],
  [7, 7, 1024, 512, 1, 1, 20],
  [7, 7, 512, 2048, 1, 1, 20],
];

/** Every case; `quick` for software adapters: a quarter of the sides, two images for twenty. */
export function opCases(quick: boolean): Grouped[] {
  const side = (n: number): number => quick && n > 7 ? Math.ceil(n / 4) : n;
  const products = quick ? [256, 512] : [1024, 2048, 4096];
  // Square products and convolutions have sizes of their own here.
  const shared = cases().filter(({ task }) =>
    task?.kind !== "conv2d" && !(task?.kind === "matmul" && task.m === task.n)
  );
  return [
    ...products.map((n) => ({ group: "matmul", of: matmul(n, n, n) })),
    ...(["nt", "tn", "tt"] as const).map((how) => {
      const n = products[1];
      return { group: "matmul, transposed", of: matmul(n, n, n, how) };
    }),
    ...LAYERS.flatMap(([height, width, inputs, outputs, kernel, stride, images]) => {
      const [h, w, n] = [side(height), side(width), quick ? Math.min(images, 2) : images];
      const name = `conv ${kernel}×${kernel}${stride > 1 ? `/${stride}` : ""} ${inputs}→${outputs} at ${
        n > 1 ? `${n}×` : ""
      }${h}×${w}`;
      return conv(name, h, w, inputs, outputs, kernel, stride, n)
        // Pictures want no gradient.
        .filter(({ name }) => kernel < 7 || name.endsWith("forward"))
        .map((of) => ({ group: `conv ${kernel}×${kernel} ${of.name.slice(name.length + 1)}`, of }));
    }),
    ...bandwidthCases(quick).map((of) => ({ group: "pointwise, reductions and normalisation", of })),
    ...shared.map((of) => ({
      group: of.name.startsWith("matmul") ? "a layer on 20 rows" : "small, and by index",
      of,
    })),
  ];
}

/** Ops that memory limits, on tensors larger than any cache. */
function bandwidthCases(quick: boolean): Case[] {
  const rows = quick ? 2048 : 32_768, columns = 1024, size = rows * columns;
  const across = (name: string, passes: number, run: (x: Tensor, row: Tensor, y: Tensor) => unknown): Case => ({
    name: `${name}, ${rows}×${columns}`,
    flops: 0,
    bytes: 4 * size * passes,
    make: (device) => {
      const [x, y] = [1, 2].map((seed) => device.randn([rows, columns], { seed }));
      const row = device.full([columns], 1.5);
      return () => {
        using _scope = device.scope();
        run(x, row, y);
      };
    },
  });
  return [
    across("copy", 2, (x) => x.clone()),
    across("relu", 2, (x) => x.relu()),
    across("add", 3, (x, _, y) => x.add(y)),
    across("multiply by a row", 2, (x, row) => x.mul(row)),
    across("sum of rows", 1, (x) => x.sum(1)),
    across("sum of columns", 1, (x) => x.sum(0)),
    across("softmax", 2, (x) => ops.softmax(x)),
    across("transpose", 2, (x) => x.transpose([1, 0])),
    // Statistics need one reading more.
    across("batch norm", 3, (x, row) => ops.batchNorm(x, row, row)),
    across("frozen batch norm", 2, (x, row) => ops.batchNormInference(x, row, row, row, row)),
  ];
}

/** Times one case, by the clock and on the device. */
export async function opRow(
  device: Device,
  { group, of: { name, flops, bytes, make } }: Grouped,
  limits: Limits | null,
  roundMs: number,
): Promise<OpRow> {
  const ms = await measure(device, make, { roundMs });
  const deviceMs = await measureOnDevice(device, make);
  const least = limits && Math.max(flops / limits.compute, bytes / limits.bandwidth);
  return {
    name,
    group,
    ms,
    deviceMs,
    gflops: flops > 0 ? flops / ms / 1e6 : null,
    gbps: bytes / ms / 1e6,
    share: least && least / (deviceMs ?? ms),
  };
}
