/**
 * Places of linked objects on a grid: trees that touch neither themselves nor each other, so that whatever lies one cell beside or
 * below is linked and everything else lies clearly further away.
 */
import type { RandomStream } from "../../engine/base/random.ts";

/** Pixels from one cell of the grid to the next. */
export const PITCH = 32;

/** Cells of a picture. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** Links of a tree before it has a place: the number of each node's parent, smaller than its own; -1 for the first. */
export type Shape = readonly number[];

/** Tries to place a tree before another shape of growth is given up. */
const TRIES = 40;

/** Tries to place all of a picture's trees before the last of them is left out. */
const RESTARTS = 20;

/** Cells beside, above and below. */
export function neighbours(cell: number, { columns, rows }: Grid): number[] {
  const x = cell % columns, y = Math.floor(cell / columns);
  return [
    ...x > 0 ? [cell - 1] : [],
    ...x < columns - 1 ? [cell + 1] : [],
    ...y > 0 ? [cell - columns] : [],
    ...y < rows - 1 ? [cell + columns] : [],
  ];
}

/**
 * Cells of each shape's nodes. Shapes at the end that find no place are left out, the first never: a grid of 6 × 4 holds any
 * chain of twelve.
 */
export function placeTrees(shapes: readonly Shape[], grid: Grid, random: RandomStream): number[][] {
  let best: number[][] = [];
  for (let restart = 0; best.length < shapes.length && (restart < RESTARTS || best.length === 0); restart++) {
    const taken = new Set<number>(), trees: number[][] = [];
    for (const shape of shapes) {
      const tree = placeTree(shape, grid, taken, random);
      if (!tree) break;
      tree.forEach((cell) => taken.add(cell));
      trees.push(tree);
    }
    if (trees.length > best.length) best = trees;
  }
  return best;
}

function placeTree(shape: Shape, grid: Grid, taken: ReadonlySet<number>, random: RandomStream): number[] | null {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const cells: number[] = [];
    for (const parent of shape) {
      const from = parent < 0 ? -1 : cells[parent];
      const all = parent < 0
        ? Array.from({ length: grid.columns * grid.rows }, (_, cell) => cell)
        : neighbours(from, grid);
      // Next to its parent and to nothing else.
      const free = all.filter((cell) =>
        !taken.has(cell) && !cells.includes(cell) &&
        neighbours(cell, grid).every((next) => next === from || !taken.has(next) && !cells.includes(next))
      );
      if (free.length === 0) break;
      cells.push(free[random.integer(0, free.length - 1)]);
    }
    if (cells.length === shape.length) return cells;
  }
  return null;
}
