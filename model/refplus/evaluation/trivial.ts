/** Baselines without learning, to which the small demonstration is compared. */
import { readRefexps, readScenes } from "../../../datasets/refplus/files/read.ts";
import { SceneMasks } from "../../../datasets/refplus/files/scene_masks.ts";
import { answerOf } from "../../../datasets/refplus/encoding/encode.ts";
import type { Refexp, Scene } from "../../../datasets/refplus/files/types.ts";

/** Intersections and unions [N, 2] of each baseline. */
export interface TrivialOverlaps {
  /** Every pixel. */
  readonly everything: Float64Array;
  /** All objects of the shape that the program names last, or all objects where it names none. */
  readonly namedShape: Float64Array;
}

/** The objects of the shape that the program's last `filter_shape` names. */
export function ofNamedShape({ program }: Pick<Refexp, "program">, { objects }: Pick<Scene, "objects">): number[] {
  const shape = program.findLast(({ type }) => type === "filter_shape")?.value_inputs[0];
  return objects.flatMap((object, i) => shape === undefined || object.shape === shape ? [i] : []);
}

/** Scores the baselines on the first `limit` expressions of a file, with masks of [height, width]. */
export async function trivialOverlaps(
  files: { readonly refexps: string; readonly scenes: string },
  [height, width]: readonly [number, number],
  limit: number,
): Promise<TrivialOverlaps> {
  const scenes = new Map<number, Scene>();
  for await (const scene of readScenes(files.scenes)) scenes.set(scene.image_index, scene);
  await using masks = new SceneMasks(files.scenes, width, height);
  const everything: number[] = [], namedShape: number[] = [];
  let done = 0;
  for await (const refexp of readRefexps(files.refexps)) {
    if (done === limit) break;
    const where = `${files.refexps}: refexps.${done++}`;
    const union = (objects: readonly number[]) => masks.union(refexp.image_index, objects, where);
    const truth = await union(answerOf(refexp, where));
    const guess = await union(ofNamedShape(refexp, scenes.get(refexp.image_index)!));
    everything.push(count(truth, (set) => set), truth.length);
    namedShape.push(count(truth, (set, i) => set & guess[i]), count(truth, (set, i) => set | guess[i]));
  }
  return { everything: Float64Array.from(everything), namedShape: Float64Array.from(namedShape) };
}

function count(mask: Uint8Array, value: (set: number, at: number) => number): number {
  return mask.reduce((sum, set, at) => sum + value(set, at), 0);
}
