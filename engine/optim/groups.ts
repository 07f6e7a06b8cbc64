/** Parameters that one dispatch has together: their places among its workgroups, as `lib/optim/places.wgsl` finds them. */
import insideText from "../../shaders/lib/optim/inside.wgsl" with { type: "text" };
import placesText from "../../shaders/lib/optim/places.wgsl" with { type: "text" };
import type { ShaderText } from "../gpu/kernel.ts";
import { GROUP } from "../ops/lib/library.ts";

/** `inside`: the elements of a four that a parameter has. */
export const insideLib: ShaderText = { file: "lib/optim/inside.wgsl", text: insideText };
/** `place_of` and `whole_of`. */
export const placesLib: ShaderText = { file: "lib/optim/places.wgsl", text: placesText };

/** Parameters of a group. */
export const GROUPED = 7;

/** Elements up to which a software adapter groups: it works through the branch of every parameter for each. */
export const SMALL = 4096;

/** Two vector fields that hold one value a parameter. */
export function halves(name: string, values: readonly number[]): Record<string, readonly number[]> {
  const eight = [...values, ...new Array<number>(8 - values.length).fill(0)];
  return { [`${name}_a`]: eight.slice(0, 4), [`${name}_b`]: eight.slice(4) };
}

/** The first workgroup of each of a group's parameters of these sizes, as parameters of the dispatch, and the workgroups of all. */
export function workgroupsOf(sizes: readonly number[]): {
  readonly params: Record<string, readonly number[]>;
  readonly groups: number;
} {
  const first: number[] = [];
  let groups = 0;
  for (const size of sizes) {
    first.push(groups);
    groups += Math.ceil(Math.ceil(size / 4) / GROUP);
  }
  // A parameter that is not there begins behind all workgroups.
  while (first.length < 8) first.push(groups);
  return { params: { ...halves("first", first), ...halves("size", sizes) }, groups };
}
