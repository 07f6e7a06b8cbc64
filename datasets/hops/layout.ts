/** Layout of a hop scene: trees of linked objects, their classes, marks and boxes, from (seed, split, index) alone. */
import { RandomStream } from "../../engine/base/random.ts";
import type { HopOptions } from "./options.ts";
import { type Grid, PITCH, placeTrees, type Shape } from "./places.ts";
import { HALF_MARKS, HOP_TABLES, type HopTables, NO_MARK, WHOLE_MARKS } from "./tables.ts";

/** One object: its class, its mark, and its tight box [x1, y1, x2, y2], inclusive pixels. */
export interface HopObject {
  /** Number of its group. */
  readonly group: number;
  /** Number of the member. */
  readonly member: number;
  /** Number of its mark, 0 for none. */
  readonly mark: number;
  /** x1, y1, x2, y2 in inclusive pixels. */
  readonly box: readonly [number, number, number, number];
}

/** Two linked objects: `to` lies beside or below `from`, by their numbers in the scene. */
export interface HopLink {
  /** Number of the one object. */
  readonly from: number;
  /** Number of the other, beside it or below. */
  readonly to: number;
  /** Index into `LINKS`. */
  readonly link: number;
}

/** One image before it is drawn; objects in region order, which is random. */
export interface HopScene {
  /** Objects of the image. */
  readonly objects: readonly HopObject[];
  /** The forest of links. */
  readonly links: readonly HopLink[];
}

/** Code of a split in every random stream. */
export const SPLIT_CODES = { train: 1, val: 2, test: 3 } as const;

/** Purposes that keep the random streams of one image apart; none is the context scenes'. */
export const STREAMS = { layout: 0x401, picture: 0x402, object: 0x403 } as const;

/** Sides of an object in pixels, even, so that all centres of a row lie on one line. */
const SIDES = [10, 12, 14] as const;

/** Kinds of trees by share: a chain with one witness, one that branches, two half-witnesses that meet. */
const KINDS = ["chain", "branch", "meet"] as const, SHARES = [0.5, 0.25, 0.25];

/** Trees of a picture, and lone witnesses beside them. */
const TREES = 2, DISTRACTORS = 2;

/** A tree's shape and the marks of its witnesses, by node. */
interface Tree {
  readonly shape: Shape;
  /** Mark of each node that bears one, given its member. */
  readonly witnesses: ReadonlyMap<number, (member: number) => number>;
}

const whole = (member: number): number => WHOLE_MARKS[member];
const half = (bit: number) => (member: number): number => HALF_MARKS[bit][member >> bit & 1];

function drawTree(length: number, random: RandomStream): Tree {
  const chain = Array.from({ length }, (_, i) => i - 1);
  switch (KINDS[random.pick(SHARES)]) {
    case "chain":
      return { shape: chain, witnesses: new Map([[0, whole]]) };
    case "branch": {
      // The last two hang on the same node.
      const shape = chain.with(length - 1, length - 3);
      return { shape, witnesses: new Map([[0, whole]]) };
    }
    default: {
      const first = random.integer(0, 1);
      return { shape: chain, witnesses: new Map([[0, half(first)], [length - 1, half(1 - first)]]) };
    }
  }
}

/** Draws the lots of image `index`. Places, sizes and kinds of trees never depend on classes. */
export function layoutHops(options: HopOptions, index: number, tables: HopTables = HOP_TABLES): HopScene {
  const random = new RandomStream(options.seed, SPLIT_CODES[options.split], index, STREAMS.layout);
  const grid: Grid = { columns: Math.floor(options.width / PITCH), rows: Math.floor(options.height / PITCH) };
  const lone: Tree = { shape: [-1], witnesses: new Map([[0, whole]]) };
  const trees = [
    ...Array.from({ length: TREES }, () => drawTree(options.chain, random)),
    ...Array.from({ length: DISTRACTORS }, () => lone),
  ];
  const places = placeTrees(trees.map(({ shape }) => shape), grid, random);
  // The grid as a whole lies anywhere in what the picture has to spare.
  const spare = (size: number, cells: number): number => random.integer(0, size - (cells - 1) * PITCH - SIDES[2]);
  const [left, top] = [spare(options.width, grid.columns), spare(options.height, grid.rows)];
  const objects: HopObject[] = [], links: HopLink[] = [];
  places.forEach((cells, t) => {
    const { shape, witnesses } = trees[t], first = objects.length;
    cells.forEach((cell, node) => {
      const parent = shape[node];
      let member = random.integer(0, tables.members - 1);
      if (parent >= 0) {
        const link = linkOf(cells[parent], cell, first + parent, first + node, grid);
        member = random.pick(chances(tables, link, objects[first + parent].member, first + node));
        links.push(link);
      }
      const x = left + cell % grid.columns * PITCH, y = top + Math.floor(cell / grid.columns) * PITCH;
      objects.push({
        group: random.integer(0, tables.groups.length - 1),
        member,
        mark: witnesses.get(node)?.(member) ?? NO_MARK,
        box: boxAt(x, y, random),
      });
    });
  });
  return shuffled({ objects, links }, random);
}

/** The link between a parent's cell and a child's: `to` is the lower of two, or the child beside its parent. */
function linkOf(from: number, to: number, parent: number, child: number, { columns }: Grid): HopLink {
  if (to - from === columns) return { from: parent, to: child, link: 1 };
  if (from - to === columns) return { from: child, to: parent, link: 1 };
  return { from: parent, to: child, link: 0 };
}

/** Chances of a child's member, given its parent's. */
function chances({ links, members }: HopTables, { to, link }: HopLink, parent: number, child: number): number[] {
  return Array.from({ length: members }, (_, m) => to === child ? links[link][parent][m] : links[link][m][parent]);
}

/** A box whose centre is that of the largest at (x, y). */
function boxAt(x: number, y: number, random: RandomStream): [number, number, number, number] {
  const [width, height] = [SIDES[random.integer(0, 2)], SIDES[random.integer(0, 2)]];
  const [x1, y1] = [x + (SIDES[2] - width) / 2, y + (SIDES[2] - height) / 2];
  return [x1, y1, x1 + width - 1, y1 + height - 1];
}

/** The same scene with its objects in random order, so that nothing can be read off it. */
function shuffled({ objects, links }: HopScene, random: RandomStream): HopScene {
  const order = random.permutation(objects.length), place = new Int32Array(objects.length);
  order.forEach((object, region) => place[object] = region);
  return {
    objects: Array.from(order, (object) => objects[object]),
    links: links.map(({ from, to, link }) => ({ from: place[from], to: place[to], link })),
  };
}

/** The scene with the objects of `rows` alone, in that order, and the links among them. */
export function onlyObjects({ objects, links }: HopScene, rows: readonly number[]): HopScene {
  const place = new Map(rows.map((object, i) => [object, i]));
  return {
    objects: rows.map((object) => objects[object]),
    links: links.flatMap(({ from, to, link }) => {
      const [a, b] = [place.get(from), place.get(to)];
      return a === undefined || b === undefined ? [] : [{ from: a, to: b, link }];
    }),
  };
}
