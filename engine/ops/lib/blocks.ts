/** Tilings of matrix products on software adapters, blocks in registers; see `shaders/lib/core_registers.wgsl`. */
import lanesText from "../../../shaders/lib/core_lanes.wgsl" with { type: "text" };
import registersText from "../../../shaders/lib/core_registers.wgsl" with { type: "text" };
import type { Device } from "../../device.ts";
import { tuningOf } from "../../friends.ts";
import { declareKernel, type Kernel, type KernelTraits, type ShaderText, type Tilings } from "../../gpu/kernel.ts";
import { mayTile } from "./choice.ts";
import { directTiling, type ProductShape, type Tiling, type TunedOp } from "../../tuning/table.ts";

/** Lanes of a workgroup. */
export const LANES = 8;

/** Constants of a product's kernel, and its workgroups along columns and rows. */
export interface Blocks {
  readonly constants: { readonly ROWS: number; readonly COLUMNS: number; readonly ACROSS: number };
  readonly x: number;
  readonly y: number;
}

/** Rows of a block for a product of `rows`. */
function blockRows(rows: number): number {
  return rows <= 4 ? 4 : rows <= 8 ? 8 : 16;
}

/**
 * Blocks of a product of rows × columns. Wide ones load least for what they multiply, but only where they leave no lane idle.
 * What was measured to be best is given as the blocks' rows and columns.
 */
export function blocksFor(
  rows: number,
  columns: number,
  ROWS: number = blockRows(rows),
  COLUMNS?: number,
): Blocks {
  const down = Math.ceil(rows / ROWS);
  const ofWidth = (COLUMNS: number): Blocks => {
    const across = Math.ceil(columns / COLUMNS), ACROSS = Math.min(LANES, 2 ** Math.ceil(Math.log2(across)));
    return {
      constants: { ROWS, COLUMNS, ACROSS },
      x: Math.ceil(across / ACROSS),
      y: Math.ceil(down * ACROSS / LANES),
    };
  };
  if (COLUMNS !== undefined) return ofWidth(COLUMNS);
  const wide = ofWidth(8);
  return columns > 4 && down * wide.constants.ACROSS >= LANES ? wide : columns > 32 ? wide : ofWidth(4);
}

/** Rows that a lane has where lanes share an operand, as `shaders/lib/core_lanes.wgsl` says. */
export const SHARED_ROWS = 8;

/** Columns that it may have; with fewer there is less arithmetic than there are loads. No other block has as many. */
export const SHARED_COLUMNS: readonly number[] = [12, 16, 24, 32];

/** Rows × columns of the blocks of lanes that share nothing, and of those that do. */
export const BLOCKS = [[16, 8], [8, 8], [4, 8], [16, 4], [8, 4], [4, 4]] as const;
export const SHARED_BLOCKS: Tilings = SHARED_COLUMNS.map((c) => [SHARED_ROWS, c]);

/**
 * The kernels of a product on software adapters, from the readers that `shaders/lib/core_registers.wgsl` asks for, the last part:
 * of lanes that share nothing, and of lanes that share the second operand.
 */
export function blockKernels(
  traits: Omit<KernelTraits, "kernelSet" | "tilings" | "tilingOf">,
  ...parts: readonly ShaderText[]
): Readonly<Record<"registers" | "lanes", Kernel>> {
  const of = (entry: string, text: string, own: Pick<KernelTraits, "tilings" | "tilingOf">): Kernel =>
    declareKernel(entry, { ...traits, kernelSet: "cpu", ...own }, { file: `lib/core_${entry}.wgsl`, text }, ...parts);
  return {
    registers: of("registers", registersText, { tilings: BLOCKS, tilingOf: ({ ROWS, COLUMNS }) => [ROWS, COLUMNS] }),
    lanes: of("lanes", lanesText, { tilings: SHARED_BLOCKS, tilingOf: ({ QUADS }) => [SHARED_ROWS, 4 * QUADS] }),
  };
}

/** Quads of columns from which blocks are as wide as can be: what they leave idle at the end is little then. */
const MANY_QUADS = 64;

/** Quads of columns of the widest blocks, and workgroups that they must leave: several cores want work. */
const WIDEST = 8, GROUPS = 4;

/** Those of the others; 6 after 4, for its sums fill more than the registers. */
const NARROWER = [4, 6, 3] as const;

/** The first width with which fewest quads of columns do not exist. */
function fewestIdle(quads: number, ...widths: readonly number[]): number {
  const idle = (width: number): number => Math.ceil(quads / width) * width - quads;
  return widths.reduce((best, own) => idle(own) < idle(best) ? own : best);
}

/**
 * Workgroups along the columns by which a filter's gradient splits its sum: those of blocks before there were the widest, so that
 * runs keep their bits.
 */
export function splittingGroups({ shared, columns, x }: SoftwareTiling, outputs: number): number {
  const quads = Math.ceil(outputs / 4);
  return shared && columns === 4 * WIDEST ? Math.ceil(quads / fewestIdle(quads, ...NARROWER)) : x;
}

/** Constants and workgroups of a product whose lanes share an operand. */
export interface SharedBlocks {
  readonly constants: { readonly QUADS: number };
  readonly x: number;
  readonly y: number;
}

/**
 * Blocks of a product of rows × columns for lanes that share an operand; null where that does not pay: fewer columns than a block
 * has at least, or rows that leave most lanes idle. Blocks of `width` columns, one of {@link SHARED_COLUMNS}, are made anyhow.
 * Many columns get the widest blocks. Sums that are split into parts (`split`), as those of filters' gradients, keep all cores
 * busy with few blocks.
 */
export function sharedFor(
  rows: number,
  columns: number,
  { width, split = false, batch = 1 }: {
    readonly width?: number | undefined;
    readonly split?: boolean;
    readonly batch?: number;
  } = {},
): SharedBlocks | null {
  const down = Math.ceil(rows / SHARED_ROWS), quads = Math.ceil(columns / 4);
  const many = !split && quads >= MANY_QUADS, fewest = many ? 3 : LANES / 2;
  if (width === undefined && (down < fewest || quads < 3)) return null;
  const groups = batch * Math.ceil(down / LANES) * Math.ceil(quads / WIDEST), wide = split || groups >= GROUPS;
  const best = many ? WIDEST : wide ? fewestIdle(quads, WIDEST, ...NARROWER) : fewestIdle(quads, ...NARROWER);
  const QUADS = width !== undefined ? width / 4 : best;
  return { constants: { QUADS }, x: Math.ceil(quads / QUADS), y: Math.ceil(down / LANES) };
}

/** A product's tiling: its block, its kernel's constants, and its workgroups along columns and rows. */
export interface SoftwareTiling {
  /** True where the lanes share an operand. */
  readonly shared: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly constants: Readonly<Record<string, number>>;
  readonly x: number;
  readonly y: number;
}

/**
 * Tiling of an op, as given, as measured or by the rules: shared where eight lanes are a subgroup and it pays. The rows may be in
 * parts of `part`, which no block crosses.
 */
export function softwareTiling(
  device: Device,
  op: TunedOp,
  shape: ProductShape,
  { part, tiling }: { readonly part?: number | undefined; readonly tiling?: Tiling | undefined } = {},
): SoftwareTiling {
  return allowedTiling(device, op, shape, part, tiling ?? directTiling(tuningOf(device), op, shape));
}

/** Tiling by the rules alone. */
export function softwareRule(device: Device, op: TunedOp, shape: ProductShape, part?: number): SoftwareTiling {
  return allowedTiling(device, op, shape, part, undefined);
}

/** The tiling of a block, or the next of the rule where a kernel is left out: blocks of its kind, then the others. */
function allowedTiling(
  device: Device,
  op: TunedOp,
  shape: ProductShape,
  part: number | undefined,
  known: Tiling | undefined,
): SoftwareTiling {
  const may = ({ rows, columns }: SoftwareTiling): boolean => mayTile(device, op, { rows, columns, splitK: 1 }, "cpu");
  const first = tilingBy(device, shape, part, known);
  if (may(first)) return first;
  const [wide, narrow] = [SHARED_BLOCKS.toReversed(), BLOCKS];
  const others = (first.shared ? [...wide, ...narrow] : [...narrow, ...wide]).flatMap(([rows, columns]) => {
    const found = tilingBy(device, shape, part, { rows, columns, splitK: 1 });
    return found.rows === rows && found.columns === columns ? [found] : [];
  });
  return [tilingBy(device, shape, part, undefined), ...others].find(may) ?? first;
}

function tilingBy(
  device: Device,
  [m, n, , batch]: ProductShape,
  part: number | undefined,
  known: Tiling | undefined,
): SoftwareTiling {
  const shares = device.info.lanes === LANES;
  const found = known && (shares || !SHARED_COLUMNS.includes(known.columns)) ? known : undefined;
  const padded = (rows: number): number => part === undefined ? m : m / part * Math.ceil(part / rows) * rows;
  if (shares && (!found || SHARED_COLUMNS.includes(found.columns))) {
    const tiling = sharedFor(padded(SHARED_ROWS), n, { width: found?.columns, split: part !== undefined, batch });
    if (tiling) return { shared: true, rows: SHARED_ROWS, columns: 4 * tiling.constants.QUADS, ...tiling };
  }
  const wanted = found?.rows ?? (part === undefined ? undefined : blockRows(part));
  const tiling = blocksFor(padded(wanted ?? 1), n, wanted, found?.columns),
    { ROWS: rows, COLUMNS: columns } = tiling.constants;
  return { shared: false, rows, columns, ...tiling };
}
