/**
 * The fastest tilings of products, as measured: winners by adapter, op and shape. A table only chooses among kernels that
 * all compute the same; without one, rules of thumb choose.
 */
import { allKernels, type KernelDeclaration, tiledForm } from "../gpu/kernel.ts";

/** Pixels along a side of Winograd's tiles: F(2×2, 3×3) and F(4×4, 3×3). */
export type WinogradForm = 2 | 4;

/** Every {@link WinogradForm}. */
export const WINOGRAD_FORMS: readonly WinogradForm[] = [2, 4];

/** Tiles or blocks of a product, rows × columns, and the parts that its summed axis is split in. */
export interface Tiling {
  /** Rows of a tile or block. */
  readonly rows: number;
  /** Columns of a tile or block. */
  readonly columns: number;
  /** Parts of the summed axis, added up in a second pass; 1 on software adapters. */
  readonly splitK: number;
  /**
   * On GPUs, of tiles whose invocations compute 8 × 8 numbers each, 64 to 256 of them to a tile: buffers in which what passes lies.
   * Other tiles have 256 invocations.
   */
  readonly buffers?: 1 | 2 | undefined;
  /** Of a convolution by Winograd's way: the tiling is that of the product of its points; else it is computed directly. */
  readonly winograd?: WinogradForm | undefined;
}

/**
 * A tiling in a few characters: `128×64/4` are tiles or blocks of 128 rows and 64 columns, the summed axis split in 4; `128×64b2` tiles
 * of 8 × 8 numbers an invocation in two buffers; `F4 128×64` those of a product between Winograd's transforms F(4×4, 3×3).
 */
export function tilingName({ rows, columns, splitK, buffers, winograd }: Tiling): string {
  const own = buffers ? `b${buffers}` : "", parts = splitK > 1 ? `/${splitK}` : "";
  return `${winograd ? `F${winograd} ` : ""}${rows}×${columns}${own}${parts}`;
}

/** A tile or block. */
export type Block = Pick<Tiling, "rows" | "columns" | "buffers">;

/** True for one and the same tile or block. */
export function sameBlock(a: Block, b: Block): boolean {
  return a.rows === b.rows && a.columns === b.columns && a.buffers === b.buffers;
}

/** An op that can be tuned: products by which operand is transposed (n or t), and convolutions, which are products too. */
export type TunedOp =
  | `matmul ${"n" | "t"}${"n" | "t"}`
  | "conv2d forward"
  | "conv2d data gradient"
  | "conv2d weight gradient";

/** Products by which operand is transposed. */
export const MATMULS: readonly Extract<TunedOp, `matmul ${string}`>[] = [
  "matmul nn",
  "matmul nt",
  "matmul tn",
  "matmul tt",
];

/** Every {@link TunedOp}. */
export const TUNED_OPS: readonly TunedOp[] = [
  ...MATMULS,
  "conv2d forward",
  "conv2d data gradient",
  "conv2d weight gradient",
];

/** m × n numbers, each a sum over k, once for each of `batch`: batch entries, images of a bank, or phases of a strided gradient. */
export type ProductShape = readonly [m: number, n: number, k: number, batch: number];

/** A measured winner. */
export interface TunedTiling {
  /** Vendor, architecture, description and kernel set. */
  readonly adapter: string;
  /** The op it computes. */
  readonly op: TunedOp;
  /** Hash of the shaders it was measured with; others make it stale. */
  readonly shaders: string;
  /** Shape it was measured on; it counts for the bucket around it. */
  readonly shape: ProductShape;
  /** The fastest tiling. */
  readonly tiling: Tiling;
}

/** The table as ops ask it. */
export interface Tuning {
  /** The tiling to use, or nothing where none was measured. */
  find(op: TunedOp, m: number, n: number, k: number, batch: number): Tiling | undefined;
  /** Names what is in it; equal digests choose the same kernels. Empty where nothing is. */
  readonly digest: string;
  /** True where convolutions are to be computed directly, whatever was measured and whatever the rules say. */
  readonly direct?: boolean;
}

/** The tiling of a product or a direct convolution to use, or nothing where none was measured. */
export function directTiling(tuning: Tuning, op: TunedOp, shape: ProductShape): Tiling | undefined {
  const found = tuning.find(op, ...shape);
  return found?.winograd ? undefined : found;
}

/** Names an adapter with the kernels that run on it. */
export function adapterKey(
  info: { readonly vendor: string; readonly architecture: string; readonly description: string },
  kernelSet: string,
): string {
  return [info.vendor, info.architecture, info.description, kernelSet].join(" | ");
}

/** The kernels that compute an op in a family, as they declare. */
function kernelsOf(op: TunedOp, kernelSet: string): KernelDeclaration[] {
  return allKernels().filter(({ traits }) => traits.kernelSet === kernelSet && traits.computes?.includes(op));
}

/** Hash of the shaders an op may run: what was measured with others says nothing of these. Winograd's way runs products. */
export function shadersOf(op: TunedOp, kernelSet: string): string {
  const ops = op.startsWith("conv2d") ? [op, ...MATMULS] : [op];
  return hash([...new Set(ops.flatMap((one) => kernelsOf(one, kernelSet).map(({ code }) => code)))].join("\n"));
}

/** Forms of the kernels that compute an op with a tiling; none where its kernels do not know it. */
export function formsOf(op: TunedOp, kernelSet: string, tiling: Tiling): string[] {
  const { rows, columns, splitK, winograd } = tiling;
  const products = kernelsOf(winograd ? "matmul nn" : op, kernelSet).filter((kernel) =>
    blocksOfKernel(kernel).some((block) => sameBlock(block, tiling))
  );
  if (products.length === 0) return [];
  const others =
    (winograd ? [...kernelsOf(op, kernelSet), ...kernelsOf("matmul nn", kernelSet)] : kernelsOf(op, kernelSet))
      .filter(({ traits }) => traits.serves?.({ splitK, winograd }));
  const names = new Set(others.map(({ name }) => name));
  return [...products.map(({ name }) => tiledForm(name, rows, columns)), ...names];
}

/** 52 bits of two FNV-1a hashes, in hexadecimal. */
export function hash(text: string): string {
  let a = 0x811c9dc5, b = 0x1000193;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x01000197);
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 12).toString(16).padStart(5, "0");
}

/** Extents within a factor of √2 around a power of it share a bucket; batches within one of 2. */
export function bucketOf(m: number, n: number, k: number, batch: number): number {
  const half = (extent: number): number => Math.min(63, Math.round(2 * Math.log2(extent)));
  return ((half(m) * 64 + half(n)) * 64 + half(k)) * 32 + Math.min(31, Math.round(Math.log2(batch)));
}

/** True where two shapes share a bucket. */
export function sameBucket(a: ProductShape, b: ProductShape): boolean {
  return bucketOf(...a) === bucketOf(...b);
}

/** `winners` with what was found of a shape in place of all its bucket had: nothing where the rule turned out to be best. */
export function replaceWinner(
  winners: readonly TunedTiling[],
  { tiling, ...found }: Omit<TunedTiling, "tiling"> & { readonly tiling: Tiling | null },
): TunedTiling[] {
  const { adapter, op, shape } = found;
  const others = winners.filter((winner) =>
    winner.adapter !== adapter || winner.op !== op || !sameBucket(winner.shape, shape)
  );
  return tiling ? [...others, { ...found, tiling }] : others;
}

/** Winners of one adapter. */
export class TuningTable implements Tuning {
  readonly digest: string;
  readonly direct: boolean;
  readonly #entries: readonly TunedTiling[];
  readonly #kernelSet: string;
  readonly #refused: ReadonlySet<string>;
  readonly #ops = new Map<TunedOp, Map<number, Tiling>>();

  /**
   * Of `entries` those of `adapter` count, later ones before earlier ones; those of other shaders never do, nor those that run a
   * kernel of the forms `refused`. `direct` convolutions are by no other way.
   */
  constructor(
    entries: readonly TunedTiling[],
    adapter: string,
    kernelSet: string,
    { direct = false, refused = new Set() }: { readonly direct?: boolean; readonly refused?: ReadonlySet<string> } = {},
  ) {
    this.direct = direct;
    this.#entries = entries.filter((entry) => entry.adapter === adapter);
    this.#kernelSet = kernelSet;
    this.#refused = refused;
    const all = [...this.#entries, ...[...refused].sort()];
    this.digest = all.length === 0 ? "" : hash(JSON.stringify(all));
  }

  /** The tiling to use, or nothing where none was measured. */
  find(op: TunedOp, m: number, n: number, k: number, batch: number): Tiling | undefined {
    const tilings = this.#ops.get(op) ?? this.#read(op);
    return tilings.size === 0 ? undefined : tilings.get(bucketOf(m, n, k, batch));
  }

  /** On an op's first use: its shaders are declared by then. */
  #read(op: TunedOp): Map<number, Tiling> {
    const shaders = shadersOf(op, this.#kernelSet);
    const valid = this.#entries.filter((entry) =>
      entry.op === op && entry.shaders === shaders &&
      !formsOf(op, this.#kernelSet, entry.tiling).some((form) => this.#refused.has(form))
    );
    const tilings = new Map(valid.map(({ shape, tiling }) => [bucketOf(...shape), tiling]));
    this.#ops.set(op, tilings);
    return tilings;
  }
}

/** Most parts that a summed axis is split in. */
export const MAX_SPLIT_K = 64;

/** The tiles or blocks that a kernel knows. */
export function blocksOfKernel({ traits: { tilings = [], buffers } }: KernelDeclaration): Block[] {
  const blocks = tilings.map(([rows, columns]): Block => ({ rows, columns }));
  return buffers ? buffers.flatMap((own) => blocks.map((block) => ({ ...block, buffers: own }))) : blocks;
}

/** All tiles or blocks that an op's kernels know. */
export function blocksOf(kernelSet: string, op: TunedOp): readonly Block[] {
  return kernelsOf(op, kernelSet).flatMap(blocksOfKernel);
}
