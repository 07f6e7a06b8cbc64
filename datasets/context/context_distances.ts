/** Distances of the objects that decide the classes of the context scenes' objects. */
import type { ContextScene, SceneObject, ScenePair } from "./layout.ts";
import { appearancePosterior, imagePosterior, pairPosterior, type SeenPair } from "./posteriors.ts";
import { classShares, type ContextTables } from "./tables.ts";

/** Images that are laid out by known tables. */
interface LaidOut {
  readonly tables: ContextTables;
  readonly size: number;
  scene(index: number): ContextScene;
}

/** Regions whose deciding object lies at a distance in [from, to) pixels. */
export interface DistanceRange {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Ranges of the table. Inside a pair gaps are at most 3 pixels, between pairs 8 and more. */
export const DISTANCE_RANGES: readonly DistanceRange[] = [
  { name: "own look", from: 0, to: 0.5 },
  { name: "partner", from: 0.5, to: 6 },
  { name: "another pair, under 32 px", from: 6, to: 32 },
  { name: "32 to 64 px", from: 32, to: 64 },
  { name: "64 px and more", from: 64, to: Infinity },
];

/** Probability of the true class from which on an object counts as decided. */
const DECIDED = 0.8;

const seenOf = ({ host, guest, relation }: ScenePair): SeenPair => ({
  hostLook: host.look,
  guestLook: guest.look,
  relation,
});

/**
 * For every region of a split in data set order, [N], the distance in pixels to what decides its class: 0 where its own look
 * gives the truth a probability of 0.8, the gap to its partner (at least 1) where the pair does, otherwise the gap to the nearer object
 * of that other pair which, added to its own, makes the truth most probable.
 */
export function contextDistances(dataset: LaidOut): Float32Array<ArrayBuffer> {
  const { tables } = dataset;
  const shares = classShares(tables);
  const distances: number[] = [];
  for (let index = 0; index < dataset.size; index++) {
    const { pairs, order } = dataset.scene(index);
    for (const code of order) {
      const role = code % 2 === 0 ? "host" : "guest";
      const pair = pairs[code >> 1];
      const { label, look } = pair[role];
      if (appearancePosterior(tables, shares, look)[label] >= DECIDED) distances.push(0);
      else if (pairPosterior(tables, seenOf(pair))[role][label] >= DECIDED) {
        distances.push(Math.max(1, gap(pair.host, pair.guest)));
      } else {
        const others = pairs.filter((other) => other !== pair).map((other) => ({
          truth: imagePosterior(tables, [seenOf(pair), seenOf(other)]).pairs[0][role][label],
          distance: Math.min(gap(pair[role], other.host), gap(pair[role], other.guest)),
        }));
        distances.push(others.reduce((best, other) => other.truth > best.truth ? other : best).distance);
      }
    }
  }
  return Float32Array.from(distances);
}

/** Pixels between two boxes, 0 where they touch or overlap. */
function gap({ box: a }: SceneObject, { box: b }: SceneObject): number {
  const along = (low: 0 | 1): number => Math.max(0, b[low] - a[low + 2], a[low] - b[low + 2]);
  return Math.hypot(along(0), along(1));
}
