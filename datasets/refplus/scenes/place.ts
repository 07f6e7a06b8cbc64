/** Placement of objects, apart from each other and all visible (papers/iep-ref.md#scene-placement). */
import { RandomStream } from "../../../engine/base/random.ts";
import { type Camera, drawCamera, project } from "./camera.ts";
import { ATTRIBUTES, FEWEST_OBJECTS, MOST_OBJECTS, RELATIONS } from "./catalogue.ts";
import { RADII, type Shape, Solid } from "./geometry.ts";
import { cover, type Coverage } from "./cover.ts";

/** Splits that can be generated, and their code in random streams. */
export const SPLIT_CODES = { train: 1, val: 2, test: 3 } as const;

/** Name of a split that can be generated. */
export type RefSplit = keyof typeof SPLIT_CODES;

/** Purposes that keep the random streams of one image apart. */
export const STREAMS = { scene: 101, light: 102, refexps: 103, falsePremise: 104 } as const;

/** Settings of all pictures of a set; by default the published set's. */
export interface World {
  /** Most objects of a scene. */
  readonly mostObjects: number;
  /** Camera zoom, on ground as many times smaller. */
  readonly zoom: number;
}

/** The published set's. */
export const PUBLISHED_WORLD: World = { mostObjects: MOST_OBJECTS, zoom: 1 };

/** Key of one picture of a generated set. */
export interface PictureKey {
  readonly seed: number;
  readonly split: RefSplit;
  readonly index: number;
  readonly world?: World;
}

/** Without zoom, objects stand within this of the middle, along x and along y. */
const REACH = 3;

/** Least distance between the borders of two objects. */
const GAP = 0.25;

/** Along each ground direction two centres are apart by at least this, so that it is clear which is further. */
const MARGIN = 0.4;

/** Least difference along a direction that makes a relationship. */
const RELATED = 0.2;

/** Fewest visible pixels of an object. */
const FEWEST_PIXELS = 200;

/** Tries for one object before the scene is begun anew. */
const TRIES = 50;

/** One object of a laid out scene. */
export interface Placed {
  readonly size: keyof typeof RADII;
  readonly color: typeof ATTRIBUTES.color[number];
  readonly material: typeof ATTRIBUTES.material[number];
  readonly shape: Shape;
  readonly rotation: number;
  readonly solid: Solid;
}

/** A laid out scene: its view, its objects and which pixels each covers. */
export interface Layout {
  readonly camera: Camera;
  readonly objects: readonly Placed[];
  readonly coverage: Coverage;
}

/** Lays out a picture. The same key gives the same layout on every machine. */
export function layOut({ seed, split, index, world = PUBLISHED_WORLD }: PictureKey): Layout {
  const random = new RandomStream(seed, SPLIT_CODES[split], index, STREAMS.scene);
  const camera = drawCamera(random, world.zoom);
  const count = random.integer(FEWEST_OBJECTS, world.mostObjects);
  for (;;) {
    const objects = placeObjects(camera, count, REACH / world.zoom, random);
    if (!objects || !depthsDiffer(camera, objects)) continue;
    const coverage = cover(camera, objects.map(({ solid }) => solid));
    if (coverage.visible.every((pixels) => pixels >= FEWEST_PIXELS)) return { camera, objects, coverage };
  }
}

/** `relationships[r][i]`: the objects that are r of object i, ascending. */
export function relationships({ camera, objects }: Layout): Record<typeof RELATIONS[number], number[][]> {
  const lists = RELATIONS.map((name) => {
    const [dx, dy] = camera.directions[name];
    const along = objects.map(({ solid }) => solid.x * dx + solid.y * dy);
    return [name, along.map((from) => along.flatMap((to, j) => to - from > RELATED ? [j] : []))] as const;
  });
  return Object.fromEntries(lists) as Record<typeof RELATIONS[number], number[][]>;
}

function placeObjects(camera: Camera, count: number, reach: number, random: RandomStream): Placed[] | null {
  const placed: Placed[] = [];
  while (placed.length < count) {
    const size = choose(random, ["large", "small"] as const);
    const shape = choose(random, ATTRIBUTES.shape);
    const color = choose(random, ATTRIBUTES.color);
    const material = choose(random, ATTRIBUTES.material);
    const rotation = 360 * random.unit();
    const spot = findSpot(camera, RADII[size], placed, reach, random);
    if (!spot) return null;
    placed.push({ size, shape, color, material, rotation, solid: new Solid(shape, RADII[size], ...spot, rotation) });
  }
  return placed;
}

function findSpot(
  camera: Camera,
  radius: number,
  others: readonly Placed[],
  reach: number,
  random: RandomStream,
): [number, number] | null {
  const { right, behind } = camera.directions;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const x = reach * (2 * random.unit() - 1), y = reach * (2 * random.unit() - 1);
    const free = others.every(({ size, solid }) => {
      const dx = x - solid.x, dy = y - solid.y;
      return Math.sqrt(dx * dx + dy * dy) - radius - RADII[size] >= GAP &&
        Math.abs(dx * right[0] + dy * right[1]) >= MARGIN && Math.abs(dx * behind[0] + dy * behind[1]) >= MARGIN;
    });
    if (free) return [x, y];
  }
  return null;
}

/** Which of two objects is nearer must be clear for the rule of visibility. */
function depthsDiffer(camera: Camera, objects: readonly Placed[]): boolean {
  const depths = objects.map(({ solid }) => project(camera, [solid.x, solid.y, solid.z]).depth);
  return new Set(depths).size === depths.length;
}

function choose<T>(random: RandomStream, from: readonly T[]): T {
  return from[random.integer(0, from.length - 1)];
}
