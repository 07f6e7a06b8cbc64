/**
 * Chances that the hop scenes are drawn by. A class is a group, which an object's shape and colour show, and a member of the group,
 * which only a mark shows: a witness bears one. Every other object's member follows from its neighbour's and from how they lie.
 */
import { UserError } from "../../engine/base/user_error.ts";

/** Places of a linked object, seen from its neighbour: on either side, or underneath. */
export const LINKS = ["beside", "below"] as const;

/** Everything the generator knows. Labels count from 1: 1 + group · members + member. */
export interface HopTables {
  /** Names of the groups, [G]. */
  readonly groups: readonly string[];
  /** Members of each group, M. */
  readonly members: number;
  /**
   * p(member of an object | member of its neighbour) by link, [LINKS][M][M], rows and columns summing to 1; `below` is the row's
   * neighbour seen from above. `beside` is symmetric, so that a mirrored picture is as likely as the picture itself.
   */
  readonly links: readonly (readonly (readonly number[])[])[];
  /** Members that each mark stands for, [marks]; mark 0 is none and stands for all. */
  readonly marks: readonly (readonly number[])[];
}

/** Number of the mark of an object that bears none. */
export const NO_MARK = 0;

/**
 * Checks tables of one's own.
 *
 * @throws {UserError} when a link's chances do not sum to 1 both ways, `beside` is not symmetric, or a mark stands for nothing.
 */
export function checkTables(tables: HopTables): HopTables {
  const { links, members, marks } = tables;
  const all = Array.from({ length: members }, (_, m) => m);
  const isOne = (sum: number): boolean => Math.abs(sum - 1) < 1e-9;
  links.forEach((link, l) => {
    const balanced = all.every((a) =>
      isOne(all.reduce((sum, b) => sum + link[a][b], 0)) && isOne(all.reduce((sum, b) => sum + link[b][a], 0))
    );
    if (!balanced) throw new UserError(`hop tables: ${LINKS[l]}: rows and columns must sum to 1`);
  });
  if (all.some((a) => all.some((b) => links[0][a][b] !== links[0][b][a]))) {
    throw new UserError("hop tables: beside: must be symmetric, or mirrored pictures are others");
  }
  if (marks[NO_MARK].length !== members || marks.some((mark) => mark.length === 0)) {
    throw new UserError("hop tables: marks: the first stands for all members, each for one at least");
  }
  return tables;
}

/** Members as two bits: a neighbour beside differs in the first, one above or below in the second. */
const bit = (flip: number): number[][] =>
  [0, 1, 2, 3].map((from) => [0, 1, 2, 3].map((to) => to === (from ^ flip) ? 1 : 0));

/**
 * The tables of the set: four groups of four. Marks 1 to 4 show the member; 5 and 6 its first bit alone, 7 and 8 its second, so
 * that two such witnesses are needed to know it.
 */
export const HOP_TABLES: HopTables = checkTables({
  groups: ["disc", "tile", "cog", "bell"],
  members: 4,
  links: [bit(1), bit(2)],
  marks: [[0, 1, 2, 3], [0], [1], [2], [3], [0, 2], [1, 3], [0, 1], [2, 3]],
});

/** Marks that show the member whole, by member. */
export const WHOLE_MARKS: readonly number[] = [1, 2, 3, 4];

/** Marks that show a bit of the member alone, by bit and its value. */
export const HALF_MARKS: readonly (readonly number[])[] = [[5, 6], [7, 8]];

/** Class names, background first. */
export function hopClasses({ groups, members }: HopTables, background: string): string[] {
  return [background, ...groups.flatMap((group) => Array.from({ length: members }, (_, m) => `${group}-${m + 1}`))];
}
