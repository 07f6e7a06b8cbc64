/** Batched matrix products and the fully connected layer. */
import matrixText from "../../shaders/lib/matrix.wgsl" with { type: "text" };
import singleText from "../../shaders/lib/products/matrix_single.wgsl" with { type: "text" };
import text from "../../shaders/matmul.wgsl" with { type: "text" };
import usesText from "../../shaders/matmul_uses.wgsl" with { type: "text" };
import usesLibText from "../../shaders/lib/products/uses.wgsl" with { type: "text" };
import usesSingleText from "../../shaders/lib/products/uses_single.wgsl" with { type: "text" };
import skinnyText from "../../shaders/matmul_skinny.wgsl" with { type: "text" };
import tilesText from "../../shaders/matmul_tiles.wgsl" with { type: "text" };
import singleSumsText from "../../shaders/lib/products/matrix_single_sums.wgsl" with { type: "text" };
import sumsText from "../../shaders/lib/products/matrix_sums.wgsl" with { type: "text" };
import scalarText from "../../shaders/matmul_scalar.wgsl" with { type: "text" };
import { expectFlag, expectOptions, type NamesOf } from "../base/given.ts";
import { EngineError, ShapeError } from "../base/errors.ts";
import { contextOf, storageOf, tuningOf } from "../friends.ts";
import { declareKernel, type DispatchParams, kernel, type KernelTraits } from "../gpu/kernel.ts";
import { type BackwardCall, defineOp, expectDType, type LaterUses } from "../op.ts";
import { bucketSize, powerAbove } from "../buckets.ts";
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf } from "../shape.ts";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor.ts";
import { MATMULS, type Tiling, type TunedOp } from "../tuning/table.ts";
import { sumTo } from "./binary.ts";
import { blockKernels, softwareTiling } from "./lib/blocks.ts";
import { fill } from "./lib/fill.ts";
import { expandTo, pad, reshape, sliceInto } from "./layout.ts";
import { type Activation, epilogueLibs, expectActivation, GROUP, indexLib, scalarLib, vec4Lib } from "./lib/library.ts";
import { activationGrad } from "./lib/activation.ts";
import { sumCollected } from "./reduce.ts";
import { mayRun } from "./lib/choice.ts";
import { productSet } from "./lib/product_set.ts";
import {
  allowedTiles,
  type Epilogue,
  epilogueBind,
  epilogueConstants,
  SKINNY_COLUMNS,
  SKINNY_TILES,
  splitLib,
  splitSumSingle,
  sumGrads,
  type Sums,
  sumSplits,
  tileConstants,
  tilesKernel,
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
  tiles: tilesKernel({ flops: traits.flops! }, ...singleParts, singleSumsLib, {
    file: "matmul_tiles.wgsl",
    text: tilesText,
  }),
  skinny: declareKernel(
    "matmul_skinny",
    { flops: traits.flops!, kernelSet: "gpu", tilings: SKINNY_TILES, tilingOf: ({ ROWS }) => [ROWS, SKINNY_COLUMNS] },
    splitLib,
    ...singleParts,
    { file: "matmul_skinny.wgsl", text: skinnyText },
  ),
};
const usesPart = { file: "matmul_uses.wgsl", text: usesText };
const usesFlops = { flops: (p: DispatchParams): number => 2 * p.m * p.n * p.k * p.uses };
/** Gradients to a weight that was used several times. */
const uses = {
  fours: tilesKernel(usesFlops, { file: "lib/products/uses.wgsl", text: usesLibText }, usesPart),
  single: tilesKernel(
    usesFlops,
    { file: "lib/products/uses_single.wgsl", text: usesSingleText, variant: "single" },
    usesPart,
  ),
};
/** Uses that are taken at once, and rows of a use's step. */
const USES = 3, STEP = 8;
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

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** Use the transpose of the last two axes of the first operand. */
  readonly transposeA?: boolean;
  /** Use the transpose of the last two axes of the second operand. */
  readonly transposeB?: boolean;
}

const MATMUL: NamesOf<MatmulOptions> = { transposeA: true, transposeB: true };

interface Attrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

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
  if ((p.add || p.slope) && n4 !== n) throw new EngineError("internal: a product is added only to rows of whole vec4s");
  const target = n4 === n ? y : device.empty([batch, m, n4]);
  const run = set === "gpu" ? runTiles : runRegisters;
  run(left, right, target, batch, { ...p, bias }, {
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
  const names = [single.tiles, single.skinny, splitSumSingle].map(({ name }) => name);
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
  const { rows, columns, splitK } = allowedTiles(device, opOf(p), like, { known, skinny: !p.byTiles });
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
    device.run(skinny ? ours.skinny : ours.tiles, {
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
        ...skinny ? { ROWS: rows } : tileConstants(device, { rows, columns }),
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

/** Leaves the gradients to a weight, and to a bias, of which this is one of several uses to the last of them. */
function laterGrads(
  call: BackwardCall<unknown>,
  inputs: readonly [number, number | null],
  x: Tensor,
  dz: Tensor,
): boolean {
  const { device } = dz, [k, m] = x.shape, n = dz.shape[1];
  if (contextOf(device).refused.size > 0) return false;
  const take: LaterUses["take"] = (all, [w, b]) => {
    const dw = w ?? device.empty([m, n]), db = inputs[1] === null ? null : b ?? device.empty([n]);
    productOfUses(all, dw, db, { add: w !== null, addSums: b !== null });
    for (const one of [w, db && b]) if (one) storageOf(one).version++;
    const shape = call.inputMetas[inputs[0]]!.shape;
    return [w ? null : reshape(dw, shape), b || !db ? null : db];
  };
  return call.later(inputs, { key: `product ${k} × ${m}, ${n}`, terms: [x, dz], take, most: USES });
}

/** dw [m, n] = Σ xᵀ · dz and db [n] = ΣΣ dz of some uses [x [k, m], dz [k, n]], each added to what is there or in its place. */
function productOfUses(
  all: readonly (readonly Tensor[])[],
  dw: Tensor,
  db: Tensor | null,
  { add, addSums }: { readonly add: boolean; readonly addSums: boolean },
): void {
  const { device } = dw, [[x, dz]] = all, [k, m] = x.shape, n = dz.shape[1];
  const blocks = Math.ceil(k / 4 / STEP) * STEP, fours = m % 4 === 0 && n % 4 === 0;
  const like = [m, n, bucketSize(k * all.length), 1] as const;
  const known = tuningOf(device).find("matmul tn", ...like);
  const { rows, columns, splitK } = allowedTiles(device, "matmul tn", like, { known });
  const tiled = rows >= 64 ? { rows, columns } : { rows: 64, columns: 64 }, behind = splitK > 1;
  const target = behind ? device.empty([splitK, m + Number(db !== null), n]) : dw;
  const bind = Object.fromEntries(
    [0, 1, 2].flatMap((i) => [[`a${i}`, all[i]?.[0] ?? null], [`b${i}`, all[i]?.[1] ?? null]]),
  );
  device.run(fours ? uses.fours : uses.single, {
    bind: { ...bind, c: target, sums: behind ? null : db },
    params: { m, n, k, n4: Math.ceil(n / 4), blocks, uses: all.length, parts: splitK },
    constants: {
      ADD: Number(add && !behind),
      SUMS: Number(db !== null),
      SUMS_BEHIND: Number(behind && db !== null),
      ADD_SUMS: Number(addSums),
      ...tileConstants(device, tiled),
    },
    grid: [Math.ceil(n / tiled.columns), Math.ceil(m / tiled.rows), splitK],
  });
  if (behind && db) sumGrads(target, dw, { into: db, add: addSums }, { add });
  else if (behind) sumSplits(target, dw, { add });
}

/**
 * Gradients xᵀ · dz and Σ dz to the weight and the bias of a layer, inputs `weight` and `bias`, from x [rows, m] and dz [rows, n]: each
 * added to what it has collected (then null), or a tensor of its own; on GPUs by one product. `scale` has factors of the columns of
 * the weight's.
 */
export function layerGrads(
  call: BackwardCall<unknown>,
  [weight, bias]: readonly [number, number],
  x: Tensor,
  dz: Tensor,
  scale: Tensor | null = null,
): readonly [weight: Tensor | null, bias: Tensor | null] {
  const { needs } = call, { device } = dz, [k, n] = dz.shape, m = x.shape[1];
  const onGpu = device.kernels === "gpu" && mayAdd(device, n) && k * m * n > 0;
  if (!needs[bias] || !onGpu) {
    if (onGpu && !scale && needs[weight] && laterGrads(call, [weight, null], x, dz)) return [null, null];
    const product = (): Tensor | null => productCollected(call.collected(weight), x, dz, scale);
    return [needs[weight] ? product() : null, needs[bias] ? sumCollected(call.collected(bias), dz, [0]) : null];
  }
  if (needs[weight] && !scale && laterGrads(call, [weight, bias], x, dz)) return [null, null];
  const [w, b] = [needs[weight] ? call.collected(weight) : null, call.collected(bias)];
  const dw = w ?? device.empty([m, n]), db = b ?? device.empty([n]);
  const sums = { into: db, add: b !== null };
  product(x, dz, dw, 1, { m, n, k, transposeA: true, transposeB: false, add: w !== null, scale, sums, byTiles: true });
  for (const one of [w, b]) if (one) storageOf(one).version++;
  return [needs[weight] && !w ? dw : null, b ? null : db];
}

/**
 * Gradient dz · wᵀ of input `i` of x · w, of any shape: on GPUs added to what it has collected (then null), and multiplied by the
 * slope of the activation that gave it.
 */
export function productInput(call: BackwardCall<unknown>, i: number, dz: Tensor, w: Tensor): Tensor | null {
  const [k, n] = w.shape, { device } = dz, { shape } = call.inputMetas[i]!;
  if (device.kernels !== "gpu" || !mayAdd(device, k) || dz.size * k === 0) {
    return reshape(matmul(dz, w, { transposeB: true }), shape);
  }
  const into = call.collected(i), slope = call.slope(i), dx = into ?? device.empty(shape);
  const sizes = { m: dz.size / n, n: k, k: n, transposeA: false, transposeB: true };
  product(dz, w, dx, 1, { ...sizes, add: into !== null, slope });
  if (!into) return dx;
  storageOf(into).version++;
  return null;
}

/** Gradient aᵀ · b of a leaf [m, n]: added to what it has collected (then null), or a tensor of its own. */
export function productCollected(
  into: Tensor | null,
  a: Tensor,
  b: Tensor,
  scale: Tensor | null = null,
): Tensor | null {
  const [k, m] = a.shape, n = b.shape[1];
  const onGpu = a.device.kernels === "gpu" && mayAdd(a.device, n) && k * m * n > 0;
  if (!onGpu && !scale && (!into || !mayAdd(into.device, n))) return matmul(a, b, { transposeA: true });
  const dw = into ?? a.device.empty([m, n]);
  product(a, b, dw, 1, { m, n, k, transposeA: true, transposeB: false, add: into !== null, scale, byTiles: onGpu });
  if (!into) return dw;
  storageOf(into).version++;
  return null;
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

function extents(name: string, a: Shape, b: Shape, { transposeA, transposeB }: Attrs) {
  if (a.length < 2 || b.length < 2) {
    throw new ShapeError(
      `${name}: ${formatShape(a)} and ${formatShape(b)} are not both matrices; reshape vectors first`,
    );
  }
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [kb, n] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (k !== kb) {
    const t = (on: boolean) => on ? " transposed" : "";
    throw new ShapeError(
      `${name}: ${formatShape(a)}${t(transposeA)} has ${k} columns but ${formatShape(b)}${
        t(transposeB)
      } has ${kb} rows`,
    );
  }
  return { m, k, n, lead: broadcastShapes(name, a.slice(0, -2), b.slice(0, -2)) };
}

const matmulOp = defineOp<Attrs>({
  name: "matmul",
  family: "matmul",
  infer: ([a, b], attrs) => {
    expectDType("matmul", "the first operand", a!, "f32");
    expectDType("matmul", "the second operand", b!, "f32");
    const { m, n, lead } = extents("matmul", a!.shape, b!.shape, attrs);
    return [{ shape: [...lead, m, n], dtype: "f32" }];
  },
  forward: ([a, b], attrs, [y]) => {
    const { m, n, k, lead } = extents("matmul", a!.shape, b!.shape, attrs);
    const fit = (x: Tensor): Tensor => {
      const own = x.shape.slice(0, -2);
      if (sizeOf(own) === 1 || sameShape(own, lead)) return x;
      return expandTo(x, [...lead, ...x.shape.slice(-2)]);
    };
    // One matrix on the right of many plain ones: a single tall product.
    if (sizeOf(b!.shape.slice(0, -2)) === 1 && !attrs.transposeA && sizeOf(lead) > 1) {
      product(reshape(fit(a!), [sizeOf(lead) * m, k]), b!, y, 1, { m: sizeOf(lead) * m, n, k, ...attrs });
    } else {
      product(fit(a!), fit(b!), y, sizeOf(lead), { m, n, k, ...attrs });
    }
  },
  saves: (needs) => ({ inputs: [...needs[0] ? [1] : [], ...needs[1] ? [0] : []] }),
  backward: (call) => {
    const dy = call.grads[0]!;
    const { transposeA: ta, transposeB: tb } = call.attrs;
    const shapes = call.inputMetas.map((meta) => meta!.shape);
    const da = () =>
      !ta && !tb && shapes[1].length === 2
        ? productInput(call, 0, dy, call.input(1))
        : ta
        ? matmul(call.input(1), dy, { transposeA: tb, transposeB: true })
        : matmul(dy, call.input(1), { transposeB: !tb });
    const db = () => {
      // One right-hand matrix under many left ones: fold the batch into the summed axis.
      if (!ta && !tb && shapes[1].length === 2) {
        const [k, n] = shapes[1], rows = sizeOf(shapes[0].slice(0, -1));
        return productCollected(call.collected(1), reshape(call.input(0), [rows, k]), reshape(dy, [rows, n]));
      }
      return tb
        ? matmul(dy, call.input(0), { transposeA: true, transposeB: ta })
        : matmul(call.input(0), dy, { transposeA: !ta });
    };
    const right = call.needs[1] ? db() : null;
    const left = call.needs[0] ? da() : null;
    return [left && sumTo(left, shapes[0]), right && sumTo(right, shapes[1])];
  },
  samples: () => {
    const cases: [number[], number[], boolean, boolean][] = [
      [[1, 1], [1, 1], false, false],
      [[4, 4], [4, 4], false, false],
      [[5, 7], [7, 3], false, false],
      [[7, 5], [7, 3], true, false],
      [[5, 7], [3, 7], false, true],
      [[7, 5], [3, 7], true, true],
      [[37, 64], [64, 72], false, false],
      [[67, 33], [33, 129], false, false],
      [[131, 66], [66, 129], false, false],
      [[66, 131], [129, 66], true, true],
      [[2, 3, 4, 5], [5, 6], false, false],
      [[2, 1, 4, 5], [3, 5, 8], false, false],
      [[3, 5, 4], [3, 5, 2], true, false],
      [[0, 5], [5, 3], false, false],
      [[4, 0], [0, 3], false, false],
      [[2, 9], [9, 40], false, false],
      [[3, 1030], [1030, 7], false, false],
    ];
    return cases.map(([a, b, transposeA, transposeB]) => ({
      inputs: [{ shape: a }, { shape: b }],
      attrs: { transposeA, transposeB },
    }));
  },
  bad: [
    {
      inputs: [{ shape: [2, 3] }, { shape: [4, 5] }],
      attrs: { transposeA: false, transposeB: false },
      message: /has 3 columns .* has 4 rows/,
    },
    {
      inputs: [{ shape: [3] }, { shape: [3, 5] }],
      attrs: { transposeA: false, transposeB: false },
      message: /not both/,
    },
  ],
});

/**
 * op(a) · op(b): [..., M, K] · [..., K, N] → [..., M, N]; leading axes broadcast, `op` transposes the last two on request.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, matmul } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const a = device.tensor([[1, 2], [3, 4]]), b = device.tensor([[0, 1], [1, 0]]);
 * deepStrictEqual([...await matmul(a, b).data()], [2, 1, 4, 3]);
 * deepStrictEqual([...await matmul(a, a, { transposeB: true }).data()], [5, 11, 11, 25]);
 * ```
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  expectOptions("matmul", options, MATMUL);
  const { transposeA = false, transposeB = false } = options;
  expectFlag("matmul", "transposeA", transposeA);
  expectFlag("matmul", "transposeB", transposeB);
  return matmulOp([a, b], { transposeA, transposeB })[0];
}

const linearOp = defineOp<{ readonly activation: Activation }>({
  name: "linear",
  family: "matmul",
  infer: ([x, w, bias, residual]) => {
    for (const [what, t] of [["the input", x], ["the weight", w]] as const) expectDType("linear", what, t!, "f32");
    const [k, n] = w!.shape;
    if (w!.shape.length !== 2 || x!.shape.length < 1 || x!.shape.at(-1) !== k) {
      throw new ShapeError(
        `linear: input ${formatShape(x!.shape)} does not fit a weight of shape ${formatShape(w!.shape)} ([in, out])`,
      );
    }
    if (bias && !sameShape(bias.shape, [n])) {
      throw new ShapeError(`linear: bias ${formatShape(bias.shape)} does not fit ${n} outputs`);
    }
    const shape = [...x!.shape.slice(0, -1), n];
    if (residual && !sameShape(residual.shape, shape)) {
      throw new ShapeError(
        `linear: residual ${formatShape(residual.shape)} does not fit the output ${formatShape(shape)}`,
      );
    }
    return [{ shape, dtype: "f32" }];
  },
  forward: ([x, w, bias, residual], { activation }, [y]) => {
    const [k, n] = w!.shape;
    const m = x!.size === 0 && k === 0 ? sizeOf(x!.shape.slice(0, -1)) : k === 0 ? 0 : x!.size / k;
    product(reshape(x!, [m, k]), w!, y, 1, {
      ...{ m, n, k, transposeA: false, transposeB: false },
      ...{ bias, residual, activation },
    });
  },
  saves: (needs, { activation }) => ({
    inputs: [...needs[1] ? [0] : [], ...needs[0] ? [1] : []],
    outputs: activation === "none" ? [] : [0],
  }),
  activation: ({ activation }) => activation,
  backward: (call) => {
    const [k, n] = call.inputMetas[1]!.shape;
    const { activation } = call.attrs;
    const raw = call.grads[0]!;
    const sloped = activation === "none" || call.sloped;
    const dz = reshape(sloped ? raw : activationGrad(activation, call.output(0), raw), [-1, n]);
    // Where the bias's gradient alone is wanted it is taken in the same order, of whatever fits.
    const rows = (): Tensor => call.needs[1] ? reshape(call.input(0), [-1, k]) : dz.device.empty([dz.shape[0], k]);
    return [
      call.needs[0] ? productInput(call, 0, dz, call.input(1)) : null,
      ...layerGrads(call, [1, 2], call.needs[1] || call.needs[2] ? rows() : dz, dz),
      call.needs[3] ? reshape(dz, call.outputMetas[0].shape) : null,
    ];
  },
  samples: () =>
    ([
      [[5, 7], [7, 3], true, "none"],
      [[6, 5], [5, 7], true, "relu", true],
      [[3, 4, 8], [8, 20], false, "tanh", true],
      [[37, 64], [64, 40], true, "relu"],
      [[5, 7], [7, 8], true, "relu"],
      [[1031, 8], [8, 8], true, "tanh"],
      [[1031, 6], [6, 7], true, "none"],
      [[2, 3, 8], [8, 12], false, "tanh"],
      [[1, 5], [5, 1], true, "sigmoid"],
      [[8, 5], [5, 1], true, "relu"],
      [[0, 8], [8, 4], true, "relu"],
    ] as const).map(([x, w, bias, activation, residual = false]) => ({
      inputs: [
        { shape: x },
        { shape: w },
        bias ? { shape: [w[1]] } : null,
        residual ? { shape: [...x.slice(0, -1), w[1]] } : null,
      ],
      attrs: { activation },
    })),
  bad: [{
    inputs: [{ shape: [2, 3] }, { shape: [4, 5] }, null, null],
    attrs: { activation: "none" },
    message: /does not fit a weight/,
  }, {
    inputs: [{ shape: [2, 3] }, { shape: [3, 5] }, null, { shape: [5] }],
    attrs: { activation: "none" },
    message: /residual \[5\] does not fit/,
  }],
});

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Applied to the result as it is written; default `none`. */
  readonly activation?: Activation;
  /** Added before the activation, of the result's shape. */
  readonly residual?: Tensor;
}

/**
 * act(x · w + bias + residual): x [..., K], w [K, N], bias [N] or null → [..., N].
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, linear } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([[1, 2]]), w = device.tensor([[1, -1], [1, -1]]), bias = device.tensor([10, 1]);
 * deepStrictEqual([...await linear(x, w, bias).data()], [13, -2]);
 * deepStrictEqual([...await linear(x, w, bias, { activation: "relu" }).data()], [13, 0]);
 * ```
 */
export function linear(x: Tensor, w: Tensor, bias: Tensor | null = null, options: LinearOptions = {}): Tensor {
  expectOptions("linear", options, { activation: true, residual: true });
  expectActivation("linear", options.activation);
  return linearOp([x, w, bias, options.residual ?? null], {
    activation: options.activation ?? "none",
  })[0];
}
