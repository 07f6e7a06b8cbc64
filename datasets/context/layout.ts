/** Layout of an image: scene type, pairs, classes, looks and boxes, from (seed, split, index) alone. */
import { RandomStream } from "../../engine/base/random.ts";
import { CONTEXT_TABLES, type ContextTables, RELATIONS } from "./tables.ts";
import type { ContextOptions } from "./options.ts";

/** One object: its class, the look it is drawn with, and its tight box [x1, y1, x2, y2], inclusive pixels. */
export interface SceneObject {
  /** Class of the object. */
  readonly label: number;
  /** Index into the tables' looks; their count means faded. */
  readonly look: number;
  /** x1, y1, x2, y2 in inclusive pixels. */
  readonly box: readonly [number, number, number, number];
}

/** A host and its guest; `relation` is an index into `RELATIONS`. */
export interface ScenePair {
  /** The object whose looks show its class. */
  readonly host: SceneObject;
  /** The object whose class follows from its host. */
  readonly guest: SceneObject;
  /** Number of the spatial relation between them. */
  readonly relation: number;
}

/** One image before it is drawn. */
export interface ContextScene {
  /** Index of the scene type. */
  readonly scene: number;
  /** Its pairs of host and guest. */
  readonly pairs: readonly ScenePair[];
  /**
   * The objects in region order, each as 2 · pair for a host and 2 · pair + 1 for a guest. The order is random, so that
   * nothing can be read off it.
   */
  readonly order: Int32Array;
}

/** Code of a split in every random stream. */
export const SPLIT_CODES = { train: 1, val: 2, test: 3 } as const;

/** Purposes that keep the random streams of one image apart. */
export const STREAMS = { layout: 1, picture: 2, object: 3 } as const;

/** Fewest and most pairs in an image. */
export const PAIRS = { min: 4, max: 8 } as const;

/** Pixels a pair keeps from its cell's border: two pairs are never nearer than twice this. */
const MARGIN = 4;

/** Largest gap inside a pair, in pixels. */
const LARGEST_GAP = 3;

type Stream = RandomStream;
interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draws the lots of image `index`. Positions and sizes depend on relations and roles, never on classes or scene. */
export function layoutScene(
  options: ContextOptions,
  index: number,
  tables: ContextTables = CONTEXT_TABLES,
): ContextScene {
  const random = new RandomStream(options.seed, SPLIT_CODES[options.split], index, STREAMS.layout);
  const sceneIndex = random.integer(0, tables.scenes.length - 1);
  const scene = tables.scenes[sceneIndex];
  const count = random.integer(PAIRS.min, PAIRS.max);
  const drawn = Array.from({ length: count }, () => {
    const h = random.pick(scene.probabilities);
    const { guests, relations, probabilities } = scene.guests[h];
    const g = random.pick(probabilities);
    const look = (label: number) => random.unit() < tables.faded ? tables.looks.length : tables.lookOf[label];
    const host = { label: scene.hosts[h], look: look(scene.hosts[h]) };
    const guest = { label: guests[g], look: look(guests[g]) };
    return { host, guest, relation: relations[g] };
  });
  const cells = placeCells(options, drawn.map((pair) => pair.relation), random);
  const pairs = drawn.map((pair, i) => {
    const [host, guest] = placePair(cells[i], pair.relation, random);
    return {
      host: { ...pair.host, box: boxOf(host) },
      guest: { ...pair.guest, box: boxOf(guest) },
      relation: pair.relation,
    };
  });
  return { scene: sceneIndex, pairs, order: random.permutation(2 * count) };
}

/** The objects of a scene in region order. */
export function objectsOf(scene: ContextScene): SceneObject[] {
  return Array.from(scene.order, (code) => scene.pairs[code >> 1][code & 1 ? "guest" : "host"]);
}

/** Two rows of cells; a pair that stands side by side gets a wider one. */
function placeCells(options: ContextOptions, relations: readonly number[], random: Stream): Rectangle[] {
  const upper = (relations.length + random.integer(0, 1)) >> 1;
  const rows = [relations.slice(0, upper), relations.slice(upper)];
  const half = options.height >> 1;
  return rows.flatMap((row, r) => {
    const weights = row.map((relation) => isBeside(relation) ? 7 : 5);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let before = 0;
    return weights.map((weight) => {
      const left = Math.floor(options.width * before / total);
      before += weight;
      const right = Math.floor(options.width * before / total);
      const y = r === 0 ? 0 : half;
      return {
        x: left + MARGIN,
        y: y + MARGIN,
        width: right - left - 2 * MARGIN,
        height: (r === 0 ? half : options.height - half) - 2 * MARGIN,
      };
    });
  });
}

/** Host and guest inside a cell: the host always has the larger area, the gap is 1 to {@link LARGEST_GAP} pixels. */
function placePair(cell: Rectangle, relation: number, random: Stream): [Rectangle, Rectangle] {
  const name = RELATIONS[relation];
  const gap = random.integer(1, LARGEST_GAP);
  const share = (low: number, high: number, of: number) => Math.floor(of * random.integer(low, high) / 100);
  if (name === "inside") {
    const height = share(82, 100, Math.min(cell.height, Math.floor(cell.width * 1.4)));
    const width = share(82, 100, Math.min(cell.width, Math.floor(height * 1.4)));
    const host = drop(cell, width, height, random);
    const guestWidth = share(44, 52, width), guestHeight = share(44, 52, height);
    const shift = (space: number) => (space >> 1) + random.integer(-(space >> 3), space >> 3);
    return [host, {
      x: host.x + shift(width - guestWidth),
      y: host.y + shift(height - guestHeight),
      width: guestWidth,
      height: guestHeight,
    }];
  }
  if (isBeside(relation)) {
    const space = share(86, 100, cell.width) - gap;
    const hostWidth = share(56, 60, Math.min(space, Math.floor(cell.height * 1.6)));
    const hostHeight = share(85, 100, Math.min(cell.height, Math.floor(hostWidth * 1.4)));
    const guestWidth = Math.floor(hostWidth * 0.72), guestHeight = share(64, 85, hostHeight);
    const whole = drop(cell, hostWidth + gap + guestWidth, hostHeight, random);
    const floor = whole.y + hostHeight;
    const left = name === "left";
    const hostX = left ? whole.x + guestWidth + gap : whole.x;
    const guestX = left ? whole.x : whole.x + hostWidth + gap;
    return [
      { x: hostX, y: whole.y, width: hostWidth, height: hostHeight },
      { x: guestX, y: floor - guestHeight, width: guestWidth, height: guestHeight },
    ];
  }
  const space = share(86, 100, cell.height) - gap;
  const hostHeight = share(56, 60, space), guestHeight = Math.floor(hostHeight * 0.72);
  const hostWidth = share(82, 100, Math.min(cell.width, Math.floor(hostHeight * 1.4)));
  const guestWidth = share(60, 85, Math.min(hostWidth, Math.floor(guestHeight * 1.4)));
  const whole = drop(cell, hostWidth, hostHeight + gap + guestHeight, random);
  const guestX = whole.x + random.integer(0, hostWidth - guestWidth);
  const on = name === "on";
  return [
    { x: whole.x, y: on ? whole.y + guestHeight + gap : whole.y, width: hostWidth, height: hostHeight },
    { x: guestX, y: on ? whole.y : whole.y + hostHeight + gap, width: guestWidth, height: guestHeight },
  ];
}

/** A rectangle of the given size somewhere in a cell. */
function drop(cell: Rectangle, width: number, height: number, random: Stream): Rectangle {
  const x = cell.x + random.integer(0, cell.width - width);
  return { x, y: cell.y + random.integer(0, cell.height - height), width, height };
}

function isBeside(relation: number): boolean {
  return RELATIONS[relation] === "left" || RELATIONS[relation] === "right";
}

function boxOf({ x, y, width, height }: Rectangle): [number, number, number, number] {
  return [x, y, x + width - 1, y + height - 1];
}
