/** Tilings of matrix products on GPUs: tiles and splits of the summed axis; see `shaders/lib/core_tiles.wgsl`. */
import tilesText from "../../../shaders/lib/core_tiles.wgsl" with { type: "text" };
import wideText from "../../../shaders/lib/products/wide_tiles.wgsl" with { type: "text" };
import partsText from "../../../shaders/lib/parts.wgsl" with { type: "text" };
import partsSumText from "../../../shaders/lib/products/parts_sum.wgsl" with { type: "text" };
import sumGradsText from "../../../shaders/sum_grads.wgsl" with { type: "text" };
import splitSumText from "../../../shaders/split_sum.wgsl" with { type: "text" };
import tileSumsText from "../../../shaders/lib/products/tile_sums.wgsl" with { type: "text" };
import type { Device } from "../../device.ts";
import { declareKernel, type Kernel, type KernelTraits, type ShaderText } from "../../gpu/kernel.ts";
import type { Tensor } from "../../tensor.ts";
import { type Block, MATMULS, MAX_SPLIT_K, type ProductShape, type Tiling, type TunedOp } from "../../tuning/table.ts";
import { mayTile } from "./choice.ts";
import { type Activation, ACTIVATIONS, epilogueLibs, GROUP, indexLib, scalarLib, vec4Lib } from "./library.ts";

/** `part_of` a split summed axis. */
export const splitLib: ShaderText = { file: "lib/parts.wgsl", text: partsText };

const partsSumLib = { file: "lib/products/parts_sum.wgsl", text: partsSumText };
const splitSumParts = [partsSumLib, ...epilogueLibs, { file: "split_sum.wgsl", text: splitSumText }] as const;
const splitSum = declareKernel(
  "split_sum",
  {
    kernelSet: "gpu",
    computes: [...MATMULS, "conv2d forward", "conv2d data gradient"],
    serves: ({ splitK }) => splitK > 1,
  },
  indexLib,
  vec4Lib,
  ...splitSumParts,
);
/** The same for rows that are no whole fours. */
export const splitSumSingle: Kernel = declareKernel(
  "split_sum",
  { kernelSet: "gpu" },
  indexLib,
  { ...scalarLib, variant: "single" },
  ...splitSumParts,
);

const sumGradsPart = { file: "sum_grads.wgsl", text: sumGradsText };
const sumGradsKernels = {
  fours: declareKernel("sum_grads", { kernelSet: "gpu" }, indexLib, vec4Lib, partsSumLib, sumGradsPart),
  single: declareKernel(
    "sum_grads",
    { kernelSet: "gpu" },
    indexLib,
    { ...scalarLib, variant: "single" },
    partsSumLib,
    sumGradsPart,
  ),
};

/** Sums of columns: where they go, and whether they are added to what is there. */
export interface Sums {
  readonly into: Tensor;
  readonly add: boolean;
}

/** dw and db from the parts of their sums, [parts, rows of dw and one more, columns]; each is added to what is there or replaces it. */
export function sumGrads(partial: Tensor, dw: Tensor, sums: Sums, { add = false }: Pick<Epilogue, "add">): void {
  const { device } = dw, per = sums.into.size % 4 === 0 ? 4 : 1, count = (dw.size + sums.into.size) / per;
  device.run(per === 4 ? sumGradsKernels.fours : sumGradsKernels.single, {
    bind: { x: partial, dw, db: sums.into },
    params: { count, weight: dw.size / per, parts: partial.shape[0] },
    constants: { ADD: Number(add), ADD_SUMS: Number(sums.add) },
    grid: device.grid(count, GROUP),
  });
}

/** Multiprocessors of a large GPU, as an H200 has 132 and an RTX 4090 128: no adapter says how many it has. */
const MULTIPROCESSORS = 128;

/** Workgroups of 256 invocations that keep it busy: two on each. */
const FILL = 2 * MULTIPROCESSORS;

/** Shortest part of a split sum: shorter ones cost more to add up than they save. */
const SHORTEST = 128;

/** Sums below this are never split: up to 511 regions are added in the same order when they are padded. */
const UNSPLIT = 512;

/** Tiles from the one that reads least for what it multiplies to the one that leaves least idle. */
export const TILES = [[128, 128], [128, 64], [64, 128], [64, 64]] as const;

/** The kernels of a product by tiles: of 256 invocations to each, and of 8 × 8 numbers to each invocation. */
export type TileKernels = Readonly<Record<"tiles" | "wide", Kernel>>;

const CORES = {
  tiles: { entry: "tiles", file: "lib/core_tiles.wgsl", text: tilesText },
  wide: { entry: "wide_tiles", file: "lib/products/wide_tiles.wgsl", text: wideText },
} as const;

function kernelsByTiles(traits: KernelTraits, tuned: boolean, parts: readonly ShaderText[]): TileKernels {
  const tilingOf: KernelTraits["tilingOf"] = ({ TILE_ROWS, TILE_COLUMNS }) => [TILE_ROWS, TILE_COLUMNS];
  const of = (core: keyof typeof CORES): Kernel => {
    const { entry, ...text } = CORES[core];
    const known = tuned ? { tilings: TILES, ...core === "wide" ? { buffers: [2, 1] as const } : {} } : {};
    const sums = { file: "lib/products/tile_sums.wgsl", text: tileSumsText };
    return declareKernel(entry, { ...traits, kernelSet: "gpu", tilingOf, ...known }, splitLib, sums, text, ...parts);
  };
  return { tiles: of("tiles"), wide: of("wide") };
}

/** The kernels of a product on GPUs, from the readers that `shaders/lib/core_tiles.wgsl` asks for, the last part. */
export function tilesKernel(
  traits: Omit<KernelTraits, "kernelSet" | "tilings" | "tilingOf" | "buffers">,
  ...parts: readonly ShaderText[]
): TileKernels {
  return kernelsByTiles(traits, true, parts);
}

/** The same, of which the tuner knows nothing: what is computed is tuned as another product. */
export function untunedTilesKernel(traits: Pick<KernelTraits, "flops">, ...parts: readonly ShaderText[]): TileKernels {
  return kernelsByTiles(traits, false, parts);
}

/** The kernel of a tiling among those of a product. */
export function kernelOfTiles({ tiles, wide }: TileKernels, { buffers }: Pick<Tiling, "buffers">): Kernel {
  return buffers ? wide : tiles;
}

/** Invocations of a tile. */
const lanesOf = ({ rows, columns, buffers }: Block): number => buffers ? rows * columns / 64 : 256;

/** Constants of the cores: software adapters get loops, which they compile several times as fast. */
export function tileConstants({ info }: Device, tiling: Block): Readonly<Record<string, number>> {
  const { rows, columns, buffers } = tiling;
  return {
    ...{ TILE_ROWS: rows, TILE_COLUMNS: columns, UNROLLED: Number(!info.isFallback) },
    ...buffers && { LANES: lanesOf(tiling), BUFFERS: buffers },
  };
}

/** Numbers of a product of m × n as tiles fill it up. */
function padded(m: number, n: number, rows: number, columns: number): number {
  return Math.ceil(m / rows) * rows * Math.ceil(n / columns) * columns;
}

/**
 * Tiling of `batch` products of m × n summed over k: the largest tile that fills the GPU and pads little, else the
 * smallest, with the summed axis split as often as it takes.
 */
export function tilesFor(m: number, n: number, k: number, batch: number): Tiling {
  const limit = 1.25 * padded(m, n, 64, 64);
  for (const [rows, columns] of TILES) {
    const area = padded(m, n, rows, columns);
    if (area <= limit && batch * area >= FILL * rows * columns) return { rows, columns, splitK: 1 };
  }
  return { rows: 64, columns: 64, splitK: splitFor(batch * padded(m, n, 64, 64) / 4096, k, SHORTEST) };
}

/** Columns of a workgroup of `matmul_skinny.wgsl`. */
export const SKINNY_COLUMNS = 128;

/** Rows up to which the skinny kernel is taken, which then reads the right operand once. */
export const SKINNY_ROWS = 32;

/** Rows × columns of the skinny kernel's workgroups. */
export const SKINNY_TILES = [32, 24, 16, 8, 4].map((rows) => [rows, SKINNY_COLUMNS] as const);

/** Tiling of `batch` products of few rows; each part of a split sum has eight slices of its own. */
export function skinnyFor(m: number, n: number, k: number, batch: number): Tiling {
  const rows = m <= 4 ? 4 : m <= 8 ? 8 : m <= 16 ? 16 : m <= 24 ? 24 : 32;
  const groups = batch * Math.ceil(m / rows) * Math.ceil(n / SKINNY_COLUMNS);
  return { rows, columns: SKINNY_COLUMNS, splitK: splitFor(groups, k, 2 * SHORTEST) };
}

/**
 * A product's tiling on a GPU, as `known` or by the rules; the next where a kernel is left out: sums that are not split, then
 * other tiles. `skinny` allows the kernel of few rows.
 */
export function allowedTiles(
  device: Device,
  op: TunedOp,
  shape: ProductShape,
  { known, skinny = false }: { readonly known?: Tiling | undefined; readonly skinny?: boolean } = {},
): Tiling {
  const may = (tiling: Tiling): boolean => mayTile(device, op, tiling, "gpu");
  if (known && may(known)) return known;
  const first = (skinny && shape[0] <= SKINNY_ROWS ? skinnyFor : tilesFor)(...shape);
  if (may(first)) return first;
  const low = skinny ? SKINNY_TILES.map(([rows, columns]) => ({ rows, columns, splitK: 1 })) : [];
  const wide = TILES.map(([rows, columns]): Tiling => ({ rows, columns, buffers: 2, splitK: 1 }));
  const others = [...known ? [known] : [], first, ...tileCandidates(skinny, shape), ...low, ...wide];
  return others.flatMap((tiling) => [tiling, { ...tiling, splitK: 1 }]).find(may) ?? first;
}

/**
 * Tilings worth measuring on a GPU, the rules' own among them: every tile, split so as to fill the GPU, half and twice that, and tiles of
 * 8 × 8 numbers an invocation that pad little.
 */
export function tileCandidates(skinny: boolean, shape: ProductShape): Tiling[] {
  const [m, n, k, batch] = shape;
  const tilings: Tiling[] = TILES.map(([rows, columns]) => {
    const groups = batch * Math.ceil(m / rows) * Math.ceil(n / columns);
    return { rows, columns, splitK: splitFor(groups, k, SHORTEST) };
  });
  if (skinny && m <= 2 * SKINNY_ROWS) {
    const own = skinnyFor(m, n, k, batch);
    // Twice as many workgroups that each read the right operand.
    tilings.unshift(own, ...own.rows > 16 ? [{ ...own, rows: 16 }] : []);
  }
  const [first] = m <= SKINNY_ROWS && skinny ? tilings : tilings.slice(-1);
  for (const splitK of [Math.floor(first.splitK / 2), 2 * first.splitK]) {
    if (splitK >= 1 && splitK <= Math.min(MAX_SPLIT_K, k < UNSPLIT ? 1 : k / 32)) tilings.push({ ...first, splitK });
  }
  return m <= SKINNY_ROWS && skinny ? tilings : [...tilings, ...wideCandidates(shape)];
}

/** Tiles of 8 × 8 numbers an invocation that pad no more than the rules allow, their sums split so that as many invocations are busy. */
function wideCandidates([m, n, k, batch]: ProductShape): Tiling[] {
  const least = padded(m, n, 64, 64);
  return TILES.filter(([rows, columns]) => padded(m, n, rows, columns) <= 1.25 * least).flatMap(([rows, columns]) =>
    ([2, 1] as const).map((buffers) => {
      const tile = { rows, columns, buffers }, groups = batch * Math.ceil(m / rows) * Math.ceil(n / columns);
      return { ...tile, splitK: splitFor(groups * lanesOf(tile) / 256, k, SHORTEST) };
    })
  );
}

function splitFor(groups: number, k: number, shortest: number): number {
  return k < UNSPLIT ? 1 : Math.max(1, Math.min(Math.ceil(FILL / groups), Math.floor(k / shortest), MAX_SPLIT_K));
}

/** Last steps on a product as it is written: act(v · scale + bias + residual), on request added to the output. */
export interface Epilogue {
  readonly scale?: Tensor | null | undefined;
  readonly bias?: Tensor | null | undefined;
  readonly residual?: Tensor | null | undefined;
  readonly activation?: Activation | undefined;
  /** Add to the output's old elements. */
  readonly add?: boolean | undefined;
  /** Of a gradient: the slope to multiply by at the end. */
  readonly slope?: Slope | null | undefined;
}

/** The activation that gave a tensor of the output's shape; its slope follows from what it gave. */
export interface Slope {
  readonly activation: Activation;
  readonly y: Tensor;
}

/** Constants of `lib/epilogue.wgsl`. */
export function epilogueConstants({ scale, bias, residual, activation = "none", slope }: Epilogue) {
  return {
    ...slope ? { SLOPE: ACTIVATIONS[slope.activation] } : {},
    HAS_SCALE: Number(scale != null),
    HAS_BIAS: Number(bias != null),
    HAS_RESIDUAL: Number(residual != null),
    ACTIVATION: ACTIVATIONS[activation],
  };
}

/** Constants of `settled` there: for gradients. */
export function settledConstants({ add = false, slope }: Epilogue) {
  return { ADD: Number(add), SLOPE: ACTIVATIONS[slope?.activation ?? "none"] };
}

/** Bindings of `lib/epilogue.wgsl`. */
export function epilogueBind({ scale = null, bias = null, residual = null, slope = null }: Epilogue) {
  return { scale, bias, residual, activated: slope && slope.y };
}

/** y [..., columns] = act(Σ parts · scale + bias + residual), partial [parts, ...y]. */
export function sumSplits(partial: Tensor, y: Tensor, epilogue: Epilogue): void {
  const columns = y.shape.at(-1)!, per = columns % 4 === 0 ? 4 : 1, count = y.size / per;
  y.device.run(per === 4 ? splitSum : splitSumSingle, {
    bind: { x: partial, y, ...epilogueBind(epilogue) },
    params: { count, columns: columns / per, parts: partial.shape[0] },
    constants: { ...epilogueConstants(epilogue), ADD: Number(epilogue.add ?? false) },
    grid: y.device.grid(count, GROUP),
  });
}
