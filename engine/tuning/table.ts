/**
 * Which cut of a product is fastest where: measured winners by adapter, op and shape. A table only chooses among kernels that
 * all compute the same; without one, rules of thumb choose.
 */
import { EngineError } from "../base/errors.ts";
import { allKernels, type Kernel } from "../gpu/kernel.ts";

/** How a product is cut: tiles or blocks of rows × columns, and the parts of its summed axis. */
export interface Tiling {
  /** Rows of a tile or block. */
  readonly rows: number;
  /** Columns of a tile or block. */
  readonly columns: number;
  /** Parts of the summed axis, added up in a second pass; 1 on software adapters. */
  readonly parts: number;
}

/** Words for a cut: `128×64/4` are tiles or blocks of 128 rows and 64 columns, the summed axis in 4 parts. */
export function tilingName({ rows, columns, parts }: Tiling): string {
  return `${rows}×${columns}${parts > 1 ? `/${parts}` : ""}`;
}

/** What can be tuned: products by which operand is transposed (n or t), and convolutions, which are products too. */
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

/** m × n numbers, each a sum over k, in so many layers: batch entries, images of a bank, or phases of a strided gradient. */
export type ProductShape = readonly [m: number, n: number, k: number, layers: number];

/** A measured winner. */
export interface TunedTiling {
  /** Vendor, architecture, description and kernel set. */
  readonly adapter: string;
  /** What it is a way to compute. */
  readonly op: TunedOp;
  /** Hash of the shaders it was measured with; others make it stale. */
  readonly shaders: string;
  /** Shape it was measured on; it counts for the bucket around it. */
  readonly shape: ProductShape;
  /** What was fastest. */
  readonly cut: Tiling;
}

/** What ops ask. */
export interface Tuning {
  /** The cut to use, or nothing where none was measured. */
  find(op: TunedOp, m: number, n: number, k: number, layers: number): Tiling | undefined;
  /** Names what is in it; equal digests choose the same kernels. Empty where nothing is. */
  readonly digest: string;
}

/** Names an adapter with the kernels that run on it. */
export function adapterKey(
  info: { readonly vendor: string; readonly architecture: string; readonly description: string },
  kernelSet: string,
): string {
  return [info.vendor, info.architecture, info.description, kernelSet].join(" | ");
}

/** The kernels that compute an op in a family, as they declare. */
function kernelsOf(op: TunedOp, kernelSet: string): Kernel[] {
  return allKernels().filter(({ traits }) => traits.kernelSet === kernelSet && traits.computes?.includes(op));
}

/** Hash of the shaders an op runs: what was measured with others says nothing of these. */
export function shadersOf(op: TunedOp, kernelSet: string): string {
  return hash([...new Set(kernelsOf(op, kernelSet).map(({ code }) => code))].join("\n"));
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

/** Extents within a factor of √2 around a power of it share a bucket; layers within one of 2. */
export function bucketOf(m: number, n: number, k: number, layers: number): number {
  const half = (extent: number): number => Math.min(63, Math.round(2 * Math.log2(extent)));
  return ((half(m) * 64 + half(n)) * 64 + half(k)) * 32 + Math.min(31, Math.round(Math.log2(layers)));
}

/** Whether two shapes share a bucket. */
export function sameBucket(a: ProductShape, b: ProductShape): boolean {
  return bucketOf(...a) === bucketOf(...b);
}

/** `winners` with what was found of a shape in place of all its bucket had: nothing where the rule turned out to be best. */
export function replaceWinner(
  winners: readonly TunedTiling[],
  { cut, ...found }: Omit<TunedTiling, "cut"> & { readonly cut: Tiling | null },
): TunedTiling[] {
  const { adapter, op, shape } = found;
  const others = winners.filter((winner) =>
    winner.adapter !== adapter || winner.op !== op || !sameBucket(winner.shape, shape)
  );
  return cut ? [...others, { ...found, cut }] : others;
}

/** Winners of one adapter. */
export class TuningTable implements Tuning {
  readonly digest: string;
  readonly #entries: readonly TunedTiling[];
  readonly #kernelSet: string;
  readonly #ops = new Map<TunedOp, Map<number, Tiling>>();

  /** Of `entries` those of `adapter` count, later ones before earlier ones; those of other shaders never do. */
  constructor(entries: readonly TunedTiling[], adapter: string, kernelSet: string) {
    this.#entries = entries.filter((entry) => entry.adapter === adapter);
    this.#kernelSet = kernelSet;
    this.digest = this.#entries.length === 0 ? "" : hash(JSON.stringify(this.#entries));
  }

  /** The cut to use, or nothing where none was measured. */
  find(op: TunedOp, m: number, n: number, k: number, layers: number): Tiling | undefined {
    const cuts = this.#ops.get(op) ?? this.#read(op);
    return cuts.size === 0 ? undefined : cuts.get(bucketOf(m, n, k, layers));
  }

  /** On an op's first use: its shaders are declared by then. */
  #read(op: TunedOp): Map<number, Tiling> {
    const shaders = shadersOf(op, this.#kernelSet);
    const valid = this.#entries.filter((entry) => entry.op === op && entry.shaders === shaders);
    const cuts = new Map(valid.map(({ shape, cut }) => [bucketOf(...shape), cut]));
    this.#ops.set(op, cuts);
    return cuts;
  }
}

/** Format of the file. */
const FORMAT = 1;

/** The text of a file of winners. */
export function formatTuning(entries: readonly TunedTiling[]): string {
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`);
  return `{\n  "format": ${FORMAT},\n  "winners": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/**
 * Winners from the text of the file at `path`.
 *
 * @throws {EngineError} where it is not such a text.
 */
export function parseTuning(text: string, path: string): TunedTiling[] {
  let file: { readonly format?: unknown; readonly winners?: unknown } | null = null;
  try {
    file = JSON.parse(text);
  } catch {
    // Told below.
  }
  if (file?.format !== FORMAT || !Array.isArray(file.winners)) {
    throw new EngineError(`${path} is no tuning file of format ${FORMAT}`);
  }
  for (const winner of file.winners) {
    if (!isTunedCut(winner)) throw new EngineError(`${path} holds a winner that cannot be: ${JSON.stringify(winner)}`);
  }
  return file.winners;
}

/** Whether a value is a winner, with a cut that the op's kernels know: others would compute something else. */
function isTunedCut(x: unknown): x is TunedTiling {
  const whole = (n: unknown): boolean => Number.isInteger(n) && (n as number) > 0;
  const { adapter, op, shaders, shape, cut } = (x ?? {}) as Partial<TunedTiling>;
  if (typeof adapter !== "string" || typeof shaders !== "string" || !TUNED_OPS.includes(op!)) return false;
  if (!Array.isArray(shape) || shape.length !== 4 || !shape.every(whole)) return false;
  const known = blocksOf(adapter.split(" | ").at(-1)!, op!);
  return known.some(({ rows, columns }) => rows === cut?.rows && columns === cut?.columns) && whole(cut!.parts) &&
    cut!.parts <= MOST_PARTS;
}

/** Most parts of a summed axis. */
export const MOST_PARTS = 64;

/** Every pair of rows and columns that an op's kernels know. */
export function blocksOf(kernelSet: string, op: TunedOp): readonly Pick<Tiling, "rows" | "columns">[] {
  return kernelsOf(op, kernelSet).flatMap(({ traits }) => traits.tilings ?? []).map(([rows, columns]) => ({
    rows,
    columns,
  }));
}
