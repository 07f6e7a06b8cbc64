/** Products of matrices by the kernels that fit: tiles and few rows on GPUs, register blocks elsewhere, number by number where small. */
import matrixText from "../../shaders/lib/matrix.wgsl" with { type: "text" };
import singleText from "../../shaders/lib/products/matrix_single.wgsl" with { type: "text" };
import text from "../../shaders/matmul.wgsl" with { type: "text" };
import skinnyText from "../../shaders/matmul_skinny.wgsl" with { type: "text" };
import tilesText from "../../shaders/matmul_tiles.wgsl" with { type: "text" };
import singleSumsText from "../../shaders/lib/products/matrix_single_sums.wgsl" with { type: "text" };
import sumsText from "../../shaders/lib/products/matrix_sums.wgsl" with { type: "text" };
import scalarText from "../../shaders/matmul_scalar.wgsl" with { type: "text" };
import { EngineError } from "../base/errors.ts";
import { contextOf, tuningOf } from "../friends.ts";
import { declareKernel, type DispatchParams, kernel, type KernelTraits } from "../gpu/kernel.ts";
import { bucketSize, powerAbove } from "../buckets.ts";
import { sizeOf } from "../shape.ts";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor.ts";
import { MATMULS, type Tiling, type TunedOp } from "../tuning/table.ts";
import { blockKernels, softwareTiling } from "./lib/blocks.ts";
import { fill } from "./lib/fill.ts";
import { pad, reshape, sliceInto } from "./layout.ts";
import { epilogueLibs, GROUP, indexLib, scalarLib, vec4Lib } from "./lib/library.ts";
import { mayRun } from "./lib/choice.ts";
import { productSet } from "./lib/product_set.ts";
import {
  allowedTiles,
  type Epilogue,
  epilogueBind,
  epilogueConstants,
  kernelOfTiles,
  SKINNY_COLUMNS,
  SKINNY_TILES,
  splitLib,
  splitSumSingle,
  sumGrads,
  type Sums,
  sumSplits,
  tileConstants,
  tilesKernel,
  untunedTilesKernel,
} from "./lib/tiles.ts";

const matrixLib = { file: "lib/matrix.wgsl", text: matrixText };
const libs = [vec4Lib, ...epilogueLibs, matrixLib] as const;
const traits: KernelTraits = {
  computes: MATMULS,
  flops: (p: DispatchParams): number => 2 * p.m * p.n * p.k * p.batches,
};
const blocks = blockKernels(traits, ...libs, { file: "matmul.wgsl", text });
const sumsLib = { file: "lib/products/matrix_sums.wgsl", text: sumsText };
const tiles = tilesKernel(traits, ...libs, sumsLib, { file: "matmul_tiles.wgsl", text: tilesText });
const singleLib = { file: "lib/products/matrix_single.wgsl", text: singleText, variant: "single" };
const singleParts = [scalarLib, ...epilogueLibs, singleLib] as const;
const singleSumsLib = { file: "lib/products/matrix_single_sums.wgsl", text: singleSumsText };
/** Those of rows that are no whole fours: slower to read, but nothing is padded first. */
const single = {
  tiles: untunedTilesKernel({ flops: traits.flops! }, ...singleParts, singleSumsLib, {
    file: "matmul_tiles.wgsl",
    text: tilesText,
  }),
  skinny: declareKernel(
    "matmul_skinny",
    { flops: traits.flops!, kernelSet: "gpu", tilingOf: ({ ROWS }) => [ROWS, SKINNY_COLUMNS] },
    splitLib,
    ...singleParts,
    { file: "matmul_skinny.wgsl", text: skinnyText },
  ),
};
const skinnyKernel = declareKernel(
  "matmul_skinny",
  { ...traits, kernelSet: "gpu", tilings: SKINNY_TILES, tilingOf: ({ ROWS }) => [ROWS, SKINNY_COLUMNS] },
  splitLib,
  ...libs,
  {
    file: "matmul_skinny.wgsl",
    text: skinnyText,
  },
);
const scalarKernel = kernel("matmul_scalar", indexLib, scalarLib, ...epilogueLibs, {
  file: "matmul_scalar.wgsl",
  text: scalarText,
});

/** Multiplications up to which a product with ragged rows is taken by the scalar kernel: padding would take longer, or on GPUs tiles. */
const SMALL = { cpu: 1 << 19, gpu: 1 << 12 } as const;

const ceil4 = (n: number): number => Math.ceil(n / 4) * 4;

/** x with its last axis padded by zeros to `columns`. */
function padLast(x: Tensor, columns: number): Tensor {
  const last = x.shape.length - 1;
  return x.shape[last] === columns ? x : pad(x, x.shape.map((e, axis) => [0, axis === last ? columns - e : 0]));
}

/** Extents and epilogue of a product. */
export interface Product extends Epilogue {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Row count by which the tiling is chosen; default m's bucket. */
  readonly tilingRows?: number;
  /** Factors along the summed axis, [k], on GPUs: of rows that are whole fours. */
  readonly sumScale?: Tensor | null;
  /** Sums of b's columns, as a gradient to a bias has them: taken by the tiles of GPUs, of one product without an epilogue. */
  readonly sums?: Sums | null;
  /** By tiles whatever the rows: so that a weight's gradient has the same bits with a bias's beside it and without. */
  readonly byTiles?: boolean;
  /** Tiling to use, where it was measured for what this product is a part of. */
  readonly tiling?: Tiling;
}

/**
 * y [batch, m, n] = act(op(a) · op(b) · scale + bias + residual). `a` and `b` hold one matrix, or one per batch entry; their
 * leading axes may be others where there is one. Operands whose last extent is no multiple of 4 are padded with zeros first.
 */
export function product(a: Tensor, b: Tensor, y: Tensor, batch: number, p: Product): void {
  const { device } = y;
  const { m, n, k, transposeA, transposeB } = p;
  if (y.size === 0) return;
  if (k === 0 && !p.bias) return p.add ? undefined : fill(y, 0);
  const wanted = p.sums ?? null;
  const ragged = (transposeA ? m : k) % 4 !== 0 || (transposeB ? k : n) % 4 !== 0 || n % 4 !== 0;
  const scalar = ragged && !wanted && !p.byTiles &&
    powerAbove(batch) * powerAbove(m) * n * powerAbove(k) <= SMALL[device.kernels] &&
    mayRun(device, scalarKernel);
  const set = scalar ? null : productSet(device, opOf(p));
  if (set === null) return scalarProduct(a, b, y, p);
  if (ragged && set === "gpu" && mayRunSingle(device)) {
    return runTiles(a, b, y, batch, p, {
      single: true,
      params: {
        ...{ m, n, k, n4: ceil4(n) / 4, k4: Math.ceil(k / 4) },
        stride_a: sizeOf(a.shape.slice(0, -2)) === 1 ? 0 : m * k,
        stride_b: sizeOf(b.shape.slice(0, -2)) === 1 ? 0 : k * n,
        stride_c: m * n,
      },
      constants: { TRANSPOSE_A: Number(transposeA), TRANSPOSE_B: Number(transposeB) },
    });
  }
  const n4 = ceil4(n);
  const k4 = Math.max(4, ceil4(k));
  const m4 = transposeA ? ceil4(m) : m;
  const left = padLast(a, transposeA ? m4 : k4);
  const right = padLast(b, transposeB ? k4 : n4);
  const bias = p.bias && n4 !== n ? pad(p.bias, [[0, n4 - n]]) : p.bias ?? null;
  const residual = p.residual && n4 !== n ? padLast(reshape(p.residual, [batch, m, n]), n4) : p.residual ?? null;
  if ((p.add || p.slope) && n4 !== n) throw new EngineError("internal: a product is added only to rows of whole vec4s");
  const target = n4 === n ? y : device.empty([batch, m, n4]);
  const run = set === "gpu" ? runTiles : runRegisters;
  run(left, right, target, batch, { ...p, bias, residual }, {
    params: {
      m,
      n,
      k,
      m4: ceil4(m) / 4,
      n4: n4 / 4,
      k4: k4 / 4,
      stride_a: sizeOf(a.shape.slice(0, -2)) === 1 ? 0 : sizeOf(left.shape.slice(-2)) / 4,
      stride_b: sizeOf(b.shape.slice(0, -2)) === 1 ? 0 : sizeOf(right.shape.slice(-2)) / 4,
      stride_c: m * n4 / 4,
    },
    constants: {
      TRANSPOSE_A: Number(transposeA),
      TRANSPOSE_B: Number(transposeB),
      // Rows of a transposed A are often an image's regions: always ragged, so that their number compiles nothing.
      RAGGED: Number(transposeA || (transposeB ? n % 4 !== 0 : k % 4 !== 0)),
    },
  });
  if (target !== y) {
    sliceInto(reshape(y, [batch, m, n]), target, [0, 0, 0]);
  }
}

/** Params and constants of `lib/matrix.wgsl`, but for the tiling. */
interface Operands {
  /** True where rows are read number by number. */
  readonly single?: boolean;
  readonly params: Readonly<Record<string, number>>;
  readonly constants: Readonly<Record<string, number>>;
}

/** True where no kernel of rows that are no whole fours is left out. */
function mayRunSingle(device: Device): boolean {
  const { refused } = contextOf(device);
  if (refused.size === 0) return true;
  const names = [single.tiles.tiles, single.tiles.wide, single.skinny, splitSumSingle].map(({ name }) => name);
  return ![...refused].some((form) => names.some((name) => form === name || form.startsWith(`${name} `)));
}

function opOf({ transposeA, transposeB }: Product): TunedOp {
  return transposeA ? transposeB ? "matmul tt" : "matmul tn" : transposeB ? "matmul nt" : "matmul nn";
}

function runRegisters(a: Tensor, b: Tensor, c: Tensor, batch: number, p: Product, operands: Operands): void {
  const { device } = c;
  const { shared, constants, x, y } = softwareTiling(
    device,
    opOf(p),
    [p.m, ceil4(p.n), p.k, batch],
    { tiling: p.tiling },
  );
  for (let first = 0; first < batch; first += contextOf(device).maxGroups) {
    device.run(shared ? blocks.lanes : blocks.registers, {
      bind: { a, b, c, ...epilogueBind(p) },
      params: { ...operands.params, first_batch: first, batches: batch, parts: 1 },
      constants: { ...operands.constants, ...epilogueConstants(p), ADD: Number(p.add ?? false), ...constants },
      grid: [x, y, Math.min(batch - first, contextOf(device).maxGroups)],
    });
  }
}

function runTiles(a: Tensor, b: Tensor, c: Tensor, batch: number, p: Product, operands: Operands): void {
  const { device } = c;
  const { m, n } = p;
  const like = [p.tilingRows ?? bucketSize(m), n, bucketSize(p.k), bucketSize(batch)] as const;
  const found = p.tiling ?? tuningOf(device).find(opOf(p), ...like);
  const known = p.byTiles && found && found.rows < 64 ? undefined : found;
  const tiling = allowedTiles(device, opOf(p), like, { known, skinny: !p.byTiles }), { rows, columns, splitK } = tiling;
  const skinny = rows < 64;
  const unsplit = splitK === 1;
  const { sums = null } = p, width = operands.single ? n : ceil4(n), behind = sums !== null && !unsplit;
  const target = unsplit ? c : device.empty(behind ? [splitK, m + 1, width] : [splitK, batch, m, width]);
  const params = behind ? { ...operands.params, stride_c: operands.params.stride_c / m * (m + 1) } : operands.params;
  // A gradient's factors are taken in with each part, whether sums of columns lie behind it or not.
  const early = p.transposeA && p.scale ? p.scale : null;
  const now: Epilogue = unsplit ? p : { scale: early }, { sumScale } = p;
  for (let first = 0; first < batch; first += contextOf(device).maxGroups) {
    const batches = Math.min(batch - first, contextOf(device).maxGroups);
    const ours = operands.single ? single : { tiles, skinny: skinnyKernel };
    device.run(skinny ? ours.skinny : kernelOfTiles(ours.tiles, tiling), {
      bind: {
        a,
        b,
        c: target,
        ...epilogueBind(now),
        ...sumScale && { scale: sumScale },
        sums: sums && !behind ? sums.into : null,
      },
      params: { ...params, first_batch: first, batches, parts: splitK },
      constants: {
        ...operands.constants,
        ...epilogueConstants(now),
        ADD: Number(now.add ?? false),
        ...sumScale ? { SCALED_SUM: 1 } : {},
        ...sums ? { SUMS: 1, SUMS_BEHIND: Number(behind), ADD_SUMS: Number(sums.add) } : {},
        ...skinny ? { ROWS: rows } : tileConstants(device, tiling),
      },
      grid: [Math.ceil(n / columns), Math.ceil(m / rows), batches * splitK],
    });
  }
  if (sums && behind) sumGrads(target, c, sums, p);
  else if (!unsplit) sumSplits(target, c, early ? { ...p, scale: null } : p);
}

/** True where a product's rows of n numbers can be added to what is there, or multiplied by a slope. */
export function mayAdd(device: Device, n: number): boolean {
  return n % 4 === 0 || (device.kernels === "gpu" && productSet(device, "matmul nn") === "gpu" && mayRunSingle(device));
}

function scalarProduct(a: Tensor, b: Tensor, y: Tensor, p: Product): void {
  const { m, n, k, transposeA, transposeB } = p;
  const stride = (x: Tensor): number => sizeOf(x.shape.slice(0, -2)) === 1 ? 0 : sizeOf(x.shape.slice(-2));
  y.device.run(scalarKernel, {
    bind: { a, b, c: y, ...epilogueBind(p) },
    params: { count: y.size, m, n, k, stride_a: stride(a), stride_b: stride(b) },
    constants: {
      TRANSPOSE_A: Number(transposeA),
      TRANSPOSE_B: Number(transposeB),
      ...epilogueConstants(p),
      ADD: Number(p.add ?? false),
    },
    grid: y.device.grid(y.size, GROUP),
  });
}
