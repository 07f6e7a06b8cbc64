/** Gradients of layers, x · w + bias: to the input, and to the weight with the bias, of all uses of a weight at once on GPUs. */
import usesText from "../../shaders/matmul_uses.wgsl" with { type: "text" };
import usesLibText from "../../shaders/lib/products/uses.wgsl" with { type: "text" };
import usesSingleText from "../../shaders/lib/products/uses_single.wgsl" with { type: "text" };
import { contextOf, storageOf, tuningOf } from "../friends.ts";
import type { DispatchParams } from "../gpu/kernel.ts";
import { bucketSize } from "../buckets.ts";
import type { BackwardCall, LaterUses } from "../op.ts";
import { sizeOf } from "../shape.ts";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor.ts";
import type { Block } from "../tuning/table.ts";
import { reshape } from "./layout.ts";
import { allowedTiles, kernelOfTiles, sumGrads, sumSplits, tileConstants, untunedTilesKernel } from "./lib/tiles.ts";
import { mayAdd, product } from "./product.ts";
import { sumCollected } from "./reduce.ts";

const usesPart = { file: "matmul_uses.wgsl", text: usesText };
const usesFlops = { flops: (p: DispatchParams): number => 2 * p.m * p.n * p.k * p.uses };
/** Gradients to a weight that was used several times. */
const uses = {
  fours: untunedTilesKernel(usesFlops, { file: "lib/products/uses.wgsl", text: usesLibText }, usesPart),
  single: untunedTilesKernel(
    usesFlops,
    { file: "lib/products/uses_single.wgsl", text: usesSingleText, variant: "single" },
    usesPart,
  ),
};
/** Uses that are taken at once, and rows of a use's step. */
const USES = 3, STEP = 8;

/** True on GPUs where no kernel is left out: those that stand in do one thing at a time. */
function fuses(device: Device): boolean {
  return device.kernels === "gpu" && contextOf(device).refused.size === 0;
}

/** Leaves the gradients to a weight, and to a bias, of which this is one of several uses to the last of them. */
function laterGrads(
  call: BackwardCall<unknown>,
  inputs: readonly [number, number | null],
  x: Tensor,
  dz: Tensor,
): boolean {
  const { device } = dz, [k, m] = x.shape, n = dz.shape[1];
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
  const tiling = allowedTiles(device, "matmul tn", like, { known }), { splitK } = tiling;
  const tiled: Block = tiling.rows >= 64 ? tiling : { rows: 64, columns: 64 }, behind = splitK > 1;
  const target = behind ? device.empty([splitK, m + Number(db !== null), n]) : dw;
  const bind = Object.fromEntries(
    [0, 1, 2].flatMap((i) => [[`a${i}`, all[i]?.[0] ?? null], [`b${i}`, all[i]?.[1] ?? null]]),
  );
  device.run(kernelOfTiles(fours ? uses.fours : uses.single, tiled), {
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
  const onGpu = fuses(device) && mayAdd(device, n) && k * m * n > 0;
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
 * Gradient dz · wᵀ of input `i` of x · w, of any shape: added to what it has collected (then null), and multiplied by the slope of the
 * activation that gave it, where rows of the product can be.
 */
export function productInput(call: BackwardCall<unknown>, i: number, dz: Tensor, w: Tensor): Tensor | null {
  const [k, n] = w.shape, { device } = dz, { shape } = call.inputMetas[i]!;
  if (contextOf(device).refused.size > 0 || !mayAdd(device, k) || dz.size * k === 0) {
    const dx = device.empty(shape), m = sizeOf(dz.shape.slice(0, -1));
    product(dz, w, dx, 1, { m, n: k, k: n, transposeA: false, transposeB: true });
    return dx;
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
  const onGpu = fuses(a.device) && mayAdd(a.device, n) && k * m * n > 0;
  const adds = into !== null && (onGpu || mayAdd(a.device, n)), dw = adds ? into : a.device.empty([m, n]);
  product(a, b, dw, 1, { m, n, k, transposeA: true, transposeB: false, add: adds, scale, byTiles: onGpu });
  if (!adds) return dw;
  storageOf(into).version++;
  return null;
}
