/** How matrix products are cut into blocks on software adapters; see `shaders/lib/blocks.wgsl`. */
import text from "../../shaders/lib/blocks.wgsl" with { type: "text" };
import type { ShaderText } from "../gpu/kernel.ts";

/** `block_of`, and the constants ROWS, COLUMNS and ACROSS. */
export const blocksLib: ShaderText = { file: "lib/blocks.wgsl", text };

/** Lanes of a workgroup. */
const LANES = 8;

/** Constants of a product's kernel, and its workgroups along columns and rows. */
export interface Blocks {
  readonly constants: { readonly ROWS: number; readonly COLUMNS: number; readonly ACROSS: number };
  readonly x: number;
  readonly y: number;
}

/** Rows of a block for a product of `rows`. */
export function blockRows(rows: number): number {
  return rows <= 4 ? 4 : rows <= 8 ? 8 : 16;
}

/**
 * Cuts a product of rows × columns. Wide blocks load least for what they multiply, but only where they leave no lane idle.
 * What was measured to be best is given as the blocks' rows and columns.
 */
export function blocksFor(
  rows: number,
  columns: number,
  ROWS: number = blockRows(rows),
  COLUMNS?: number,
): Blocks {
  const down = Math.ceil(rows / ROWS);
  const cut = (COLUMNS: number): Blocks => {
    const across = Math.ceil(columns / COLUMNS), ACROSS = Math.min(LANES, 2 ** Math.ceil(Math.log2(across)));
    return {
      constants: { ROWS, COLUMNS, ACROSS },
      x: Math.ceil(across / ACROSS),
      y: Math.ceil(down * ACROSS / LANES),
    };
  };
  if (COLUMNS !== undefined) return cut(COLUMNS);
  const wide = cut(8);
  return columns > 4 && down * wide.constants.ACROSS >= LANES ? wide : columns > 32 ? wide : cut(4);
}
