/**
 * A slow executor of CLEVR-Ref+ programs that shares no code with the one under test: sets of objects by definition, from
 * coordinates, directions and pixels alone. Never reads the relationships of a scene.
 */
import type { ProgramNode, Scene } from "../../../datasets/refplus/files/types.ts";

/** A program has no meaning on a scene. */
export class Invalid extends Error {}

/** The pixels an object shows, as a set of row * 480 + column. */
export function shownPixels(scene: Scene, object: number): Set<number> {
  const pixels = new Set<number>();
  let at = 0;
  scene.obj_mask[`${object + 1}`].split(",").forEach((run, i) => {
    for (let k = 0; k < Number(run); k++, at++) if (i % 2) pixels.add(at);
  });
  if (at !== 480 * 320) throw new Error(`a mask of ${at} pixels`);
  return pixels;
}

/** True where `to` is in `direction` of `from`, by their places on the ground. */
export function isTowards(scene: Scene, direction: string, from: number, to: number): boolean {
  const [a, b] = [from, to].map((i) => scene.objects[i]["3d_coords"]);
  const way = scene.directions[direction];
  return [0, 1, 2].map((k) => (b[k] - a[k]) * way[k]).reduce((x, y) => x + y) > 0.2;
}

const counted = new WeakMap<Scene, Set<number> | Invalid>();

/** Objects that are partly hidden, by counting pixels; throws {@link Invalid} where that is unclear. */
export function partlyHidden(scene: Scene): Set<number> {
  let found = counted.get(scene);
  if (!found) {
    try {
      found = countHidden(scene);
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      found = error;
    }
    counted.set(scene, found);
  }
  if (found instanceof Invalid) throw found;
  return found;
}

function countHidden(scene: Scene): Set<number> {
  const shown = scene.objects.map((_, i) => [...shownPixels(scene, i)]);
  const hidden = new Set<number>();
  const n = scene.objects.length;
  for (let near = 0; near < n; near++) {
    for (let far = 0; far < n; far++) {
      if (scene.objects[near].pixel_coords[2] >= scene.objects[far].pixel_coords[2]) continue;
      const [x, y, w, h] = scene.obj_bbox[`${far + 1}`];
      const inside = shown[near].filter((p) => {
        const [u, v] = [p % 480, Math.floor(p / 480)];
        return u >= x && u < x + w && v >= y && v < y + h;
      });
      const share = inside.length / (w * h);
      if (share >= 0.2) hidden.add(far);
      else if (share > 0) throw new Invalid("some but little is hidden");
    }
  }
  if (hidden.size === 0 || hidden.size === n) throw new Invalid("all are hidden alike");
  return hidden;
}

const RANKS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "nineth"];

/** The objects that node `at` of a program refers to. */
export function refersTo(scene: Scene, program: readonly ProgramNode[], at = program.length - 1): Set<number> {
  const { type, inputs, value_inputs: [value, end] } = program[at];
  const all = new Set(scene.objects.keys());
  const from = inputs.map((i) => refersTo(scene, program, i));
  const one = (): number => {
    if (from[0].size !== 1) throw new Error(`${type} of ${from[0].size} objects`);
    return [...from[0]][0];
  };
  const keep = (set: Set<number>, test: (i: number) => boolean) => new Set([...set].filter(test));
  if (type === "scene") return all;
  if (type === "union") return from[0].union(from[1]);
  if (type === "intersect") return from[0].intersection(from[1]);
  if (type === "relate") return keep(all, (i) => isTowards(scene, value, one(), i));
  if (type === "unique") {
    if (from[0].size !== 1) throw new Invalid("not one");
    return from[0];
  }
  if (type === "filter_visible") {
    if (from[0].size === 0) throw new Invalid("visibility of nothing");
    const hidden = partlyHidden(scene);
    return keep(from[0], (i) => hidden.has(i) === (value === "partially visible"));
  }
  if (type === "filter_ordinal") {
    if (from[0].size === 1) throw new Invalid("a rank among one");
    const place = (i: number) => scene.objects[i].pixel_coords[end === "from front" ? 2 : 0];
    // Counting instead of sorting; of equal places, the earlier object comes first from the left.
    const before = (j: number, i: number) => place(j) < place(i) || (place(j) === place(i) && j < i);
    const rank = (i: number) =>
      keep(from[0], (j) => j !== i && (end === "from right" ? before(i, j) : before(j, i))).size;
    const wanted = RANKS.findIndex((word) => value === `the ${word} one of the`);
    const found = keep(from[0], (i) => rank(i) === wanted);
    if (found.size === 0) throw new Invalid("no such rank");
    return found;
  }
  const [kind, attribute] = type.split("_") as [string, "size" | "color" | "material" | "shape"];
  if (kind === "filter") return keep(from[0], (i) => scene.objects[i][attribute] === value);
  if (kind === "same") {
    return keep(all, (i) => i !== one() && scene.objects[i][attribute] === scene.objects[one()][attribute]);
  }
  throw new Error(`unknown function ${type}`);
}
