/** Gradients of weights that are used several times, taken by one product of all uses on GPUs, against float64 sums. */
import { ok, strictEqual } from "node:assert/strict";
import { contextOf } from "../../../engine/friends.ts";
import { conv2d, type Device, linear, type Tensor, weightedSum } from "../../../engine/mod.ts";
import { TILES } from "../../../engine/ops/lib/tiles.ts";
import { type Block, tilingName } from "../../../engine/tuning/table.ts";
import { withTiling } from "../../../engine/testing/checks/tilings.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { type Random, withRandom } from "../../support/random.ts";

const devices = await openDevices();
const EPS = 2 ** -24;

/** Rows, inputs, outputs and uses of a layer: whole fours and others, more uses than are taken at once, sums that are cut in parts. */
const LAYERS = [[5, 8, 12, 2], [12, 7, 5, 3], [33, 68, 132, 5], [521, 12, 8, 2], [521, 9, 3, 4]] as const;

type Layer = readonly [rows: number, inputs: number, outputs: number, uses: number];
type Map = readonly [images: number, height: number, width: number, inputs: number, outputs: number, uses: number];

/** Maps of convolutions 3 × 3: few rows, and sums that are cut in parts. */
const MAPS: readonly Map[] = [[2, 5, 6, 4, 8, 3], [1, 4, 3, 12, 68, 4], [2, 21, 19, 8, 4, 2]];

const draw = (random: Random, count: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(random.reals(count, -1, 1));

/** Each element of a gradient is within the rounding of its terms, in whatever order they are added, of their sum in float64. */
async function near(gradient: Tensor, terms: (i: number) => Iterable<number>, passes: number): Promise<void> {
  const found = await gradient.data();
  found.forEach((value, i) => {
    let total = 0, size = 0, count = 0;
    for (const term of terms(i)) {
      total += term;
      size += Math.abs(term);
      count++;
    }
    const bound = passes * (count + 2) * EPS * size;
    ok(Math.abs(value - passes * total) <= bound, `${i}: ${value}, not ${passes * total} ± ${bound}`);
  });
}

/** Walks back twice from `uses` products of results with what their gradients are to be. */
function walkBack(device: Device, results: () => Tensor[], grads: readonly Float32Array<ArrayBuffer>[]): number {
  const passes = 2;
  for (let pass = 0; pass < passes; pass++) {
    weightedSum(results().map((y, u) => y.mul(device.tensor(grads[u], y.shape)).sum())).backward();
  }
  return passes;
}

async function checkLayer(device: Device, random: Random, layer: Layer, bias: boolean): Promise<void> {
  const [rows, inputs, outputs, uses] = layer;
  using _scope = device.scope();
  const w = device.tensor(draw(random, inputs * outputs), [inputs, outputs]);
  const b = bias ? device.tensor(draw(random, outputs)) : null;
  const xs = Array.from({ length: uses }, () => draw(random, rows * inputs));
  const ds = Array.from({ length: uses }, () => draw(random, rows * outputs));
  for (const leaf of [w, b]) if (leaf) leaf.requiresGrad = true;
  const passes = walkBack(device, () => xs.map((x) => linear(device.tensor(x, [rows, inputs]), w, b)), ds);
  const terms = (column: number, of: (u: number, r: number) => number): number[] =>
    ds.flatMap((d, u) => Array.from({ length: rows }, (_, r) => of(u, r) * d[r * outputs + column]));
  await near(
    w.grad!,
    (i) => terms(i % outputs, (u, r) => xs[u][r * inputs + Math.floor(i / outputs)]),
    passes,
  );
  if (b) await near(b.grad!, (i) => terms(i, () => 1), passes);
  for (const leaf of [w, b]) leaf?.zeroGrad();
}

async function checkConvolution(device: Device, random: Random, map: Map, bias: boolean): Promise<void> {
  const [images, height, width, inputs, outputs, uses] = map;
  using _scope = device.scope();
  const w = device.tensor(draw(random, 9 * inputs * outputs), [3, 3, inputs, outputs]);
  const b = bias ? device.tensor(draw(random, outputs)) : null;
  const xs = Array.from({ length: uses }, () => draw(random, images * height * width * inputs));
  const ds = Array.from({ length: uses }, () => draw(random, images * height * width * outputs));
  for (const leaf of [w, b]) if (leaf) leaf.requiresGrad = true;
  const shape = [images, height, width, inputs], options = { padding: 1, ...b && { bias: b } };
  const passes = walkBack(device, () => xs.map((x) => conv2d(device.tensor(x, shape), w, options)), ds);
  function* terms(channel: number, of: (u: number, n: number, y: number, x: number) => number): Iterable<number> {
    for (let u = 0; u < uses; u++) {
      for (let n = 0; n < images; n++) {
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            yield of(u, n, y, x) * ds[u][((n * height + y) * width + x) * outputs + channel];
          }
        }
      }
    }
  }
  await near(w.grad!, (i) => {
    const tap = Math.floor(i / (inputs * outputs)), channel = Math.floor(i / outputs) % inputs;
    return terms(i % outputs, (u, n, y, x) => {
      const [row, column] = [y + Math.floor(tap / 3) - 1, x + tap % 3 - 1];
      if (row < 0 || row >= height || column < 0 || column >= width) return 0;
      return xs[u][((n * height + row) * width + column) * inputs + channel];
    });
  }, passes);
  if (b) await near(b.grad!, (i) => terms(i, () => 1), passes);
  for (const leaf of [w, b]) leaf?.zeroGrad();
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  const check = (title: string, body: (random: Random) => Promise<void>): void =>
    Deno.test(`${title} give the sum of their gradients (${kernels} kernels)`, () =>
      withRandom(`later ${kernels} ${title}`, (random) => withoutLeaks(device, () => body(random))));
  for (const bias of [true, false]) {
    const or = bias ? " with a bias" : "";
    for (const layer of LAYERS) {
      const [rows, inputs, outputs, uses] = layer;
      check(
        `${uses} uses of a layer ${inputs} → ${outputs} by ${rows} rows${or}`,
        (random) => checkLayer(device, random, layer, bias),
      );
    }
    for (const map of MAPS) {
      check(
        `${map[5]} uses of a convolution of ${map.slice(0, 5)}${or}`,
        (random) => checkConvolution(device, random, map, bias),
      );
    }
  }
}

const TILINGS = [
  ...TILES.map(([rows, columns]) => ({ rows, columns })),
  ...TILES.map(([rows, columns], i): Block => ({
    ...{ rows, columns, buffers: i % 2 ? 1 : 2 },
  })),
];

for (const block of TILINGS) {
  for (const splitK of [1, 3]) {
    const title = `uses in tiles of ${tilingName({ ...block, splitK })}, sums split in ${splitK}`;
    Deno.test(`${title}, give the sum of their gradients`, () =>
      withRandom(
        title,
        (random) =>
          withoutLeaks(devices.gpu, () =>
            withTiling(devices.gpu, { ...block, splitK }, async () => {
              await checkLayer(devices.gpu, random, [70, 68, 132, 3], true);
              await checkLayer(devices.gpu, random, [35, 70, 131, 2], true);
              await checkConvolution(devices.gpu, random, [1, 7, 6, 16, 68, 3], true);
            })),
      ));
  }
}

Deno.test("uses of a layer on GPUs are taken together", () => {
  const device = devices.gpu;
  using _scope = device.scope();
  const [x, w] = [device.ones([4, 8]), device.ones([8, 8])];
  w.requiresGrad = true;
  const counts = contextOf(device).count(() => {
    weightedSum([1, 2, 3].map(() => linear(x, w).sum())).backward();
  });
  strictEqual([...counts].find(([name]) => name.startsWith("matmul_uses"))?.[1], 1);
  w.zeroGrad();
});
