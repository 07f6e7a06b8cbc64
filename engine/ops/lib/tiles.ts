/** How matrix products are cut into tiles and parts on GPUs; see `shaders/lib/tile.wgsl`. */
import epilogueText from "../../../shaders/lib/epilogue.wgsl" with { type: "text" };
import partsText from "../../../shaders/lib/parts.wgsl" with { type: "text" };
import splitSumText from "../../../shaders/split_sum.wgsl" with { type: "text" };
import tileText from "../../../shaders/lib/tile.wgsl" with { type: "text" };
import { kernel, type ShaderText } from "../../gpu/kernel.ts";
import type { Tensor } from "../../tensor.ts";
import { MATMULS, MOST_PARTS, type ProductShape, type Tiling } from "../../tuning/table.ts";
import { type Activation, activationLib, ACTIVATIONS, GROUP, indexLib } from "./library.ts";

/** The tiles' passage through workgroup memory, and the constants TILE_ROWS and TILE_COLUMNS. */
export const tileLib: ShaderText = { file: "lib/tile.wgsl", text: tileText };
/** `part_of` a summed axis. */
export const partsLib: ShaderText = { file: "lib/parts.wgsl", text: partsText };
/** `epilogue`, and the constants HAS_SCALE, HAS_BIAS and HAS_RESIDUAL. */
export const epilogueLib: ShaderText = { file: "lib/epilogue.wgsl", text: epilogueText };

const splitSum = kernel(
  "split_sum",
  { kernelSet: "gpu", computes: [...MATMULS, "conv2d forward", "conv2d data gradient"] },
  indexLib,
  activationLib,
  epilogueLib,
  { file: "split_sum.wgsl", text: splitSumText },
);

/** Workgroups that keep a large GPU busy: two on each of some 130 multiprocessors. */
const FILL = 256;

/** Shortest part of a summed axis: shorter ones cost more to add up than they save. */
const SHORTEST = 128;

/** Sums below this are whole: up to 511 regions are added in the same order when they are padded. */
const WHOLE = 512;

/** Tiles from the one that reads least for what it multiplies to the one that leaves least idle. */
export const TILES = [[128, 128], [128, 64], [64, 128], [64, 64]] as const;

/**
 * Cuts `layers` products of m × n summed over k: the largest tile that fills the GPU and pads little, else the smallest
 * and as many parts as it takes.
 */
export function tilesFor(m: number, n: number, k: number, layers: number): Tiling {
  const padded = (rows: number, columns: number): number =>
    Math.ceil(m / rows) * rows * Math.ceil(n / columns) * columns;
  const most = 1.25 * padded(64, 64);
  for (const [rows, columns] of TILES) {
    const area = padded(rows, columns);
    if (area <= most && layers * area >= FILL * rows * columns) return { rows, columns, parts: 1 };
  }
  return { rows: 64, columns: 64, parts: partsFor(layers * padded(64, 64) / 4096, k, SHORTEST) };
}

/** Columns of a workgroup of `matmul_skinny.wgsl`. */
export const SKINNY_COLUMNS = 128;

/** Rows up to which the skinny kernel is taken: it reads the right operand once for every 16. */
export const SKINNY_ROWS = 32;

/** Rows × columns of the skinny kernel's workgroups. */
export const SKINNY_TILES = [[16, SKINNY_COLUMNS], [8, SKINNY_COLUMNS], [4, SKINNY_COLUMNS]] as const;

/** Cuts `layers` products of few rows; each part has eight slices of its own. */
export function skinnyFor(m: number, n: number, k: number, layers: number): Tiling {
  const rows = m <= 4 ? 4 : m <= 8 ? 8 : 16;
  const groups = layers * Math.ceil(m / rows) * Math.ceil(n / SKINNY_COLUMNS);
  return { rows, columns: SKINNY_COLUMNS, parts: partsFor(groups, k, 2 * SHORTEST) };
}

/** Cuts worth measuring on a GPU, what the rules say among them: every tile with as many parts as fill it, and half and twice that. */
export function tileCandidates(skinny: boolean, [m, n, k, layers]: ProductShape): Tiling[] {
  const cuts: Tiling[] = TILES.map(([rows, columns]) => {
    const groups = layers * Math.ceil(m / rows) * Math.ceil(n / columns);
    return { rows, columns, parts: partsFor(groups, k, SHORTEST) };
  });
  if (skinny && m <= 2 * SKINNY_ROWS) cuts.unshift(skinnyFor(m, n, k, layers));
  const [first] = m <= SKINNY_ROWS && skinny ? cuts : cuts.slice(-1);
  for (const parts of [Math.floor(first.parts / 2), 2 * first.parts]) {
    if (parts >= 1 && parts <= Math.min(MOST_PARTS, k < WHOLE ? 1 : k / 32)) cuts.push({ ...first, parts });
  }
  return cuts;
}

function partsFor(groups: number, k: number, shortest: number): number {
  return k < WHOLE ? 1 : Math.max(1, Math.min(Math.ceil(FILL / groups), Math.floor(k / shortest), MOST_PARTS));
}

/** What is done to a product as it is written: act(v · scale + bias + residual), on request added to what is there. */
export interface Epilogue {
  readonly scale?: Tensor | null | undefined;
  readonly bias?: Tensor | null | undefined;
  readonly residual?: Tensor | null | undefined;
  readonly activation?: Activation | undefined;
  /** Add to what is there. */
  readonly add?: boolean | undefined;
}

/** Constants of `lib/epilogue.wgsl`. */
export function epilogueConstants({ scale, bias, residual, activation = "none" }: Epilogue) {
  return {
    HAS_SCALE: Number(scale != null),
    HAS_BIAS: Number(bias != null),
    HAS_RESIDUAL: Number(residual != null),
    ACTIVATION: ACTIVATIONS[activation],
  };
}

/** What `lib/epilogue.wgsl` is bound to. */
export function epilogueBind({ scale = null, bias = null, residual = null }: Epilogue) {
  return { scale, bias, residual };
}

/** y [..., columns] = act(Σ parts · scale + bias + residual), partial [parts, ...y]; columns are a multiple of 4. */
export function sumParts(partial: Tensor, y: Tensor, epilogue: Epilogue): void {
  const count = y.size / 4;
  y.device.run(splitSum, {
    bind: { x: partial, y, ...epilogueBind(epilogue) },
    params: { count, columns: y.shape.at(-1)! / 4, parts: partial.shape[0] },
    constants: { ...epilogueConstants(epilogue), ADD: Number(epilogue.add ?? false) },
    grid: y.device.gpu.grid(count, GROUP),
  });
}
