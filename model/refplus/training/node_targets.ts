/** Ground-truth masks of program nodes: the objects that each node outputs when it is executed on its picture's scene. */
import { UserError } from "../../../engine/base/user_error.ts";
import { HEIGHT, WIDTH } from "../../../datasets/refplus/scenes/camera.ts";
import { asSet, executeWhatCan } from "../../../datasets/refplus/language/execute.ts";
import { MaskResizer } from "../../../datasets/refplus/files/mask.ts";
import { ownersOf } from "../../../datasets/refplus/files/owners.ts";
import { nodeOf } from "../../../datasets/refplus/encoding/programs.ts";
import { readScenes } from "../../../datasets/refplus/files/read.ts";
import type { Scene } from "../../../datasets/refplus/files/types.ts";
import type { RandomStream } from "../../../engine/base/random.ts";
import type { NodeInputs } from "./config.ts";
import type { NodeTargets } from "../engine/execution_engine.ts";
import type { ProgramTokens, ProgramTree } from "../engine/program_tree.ts";

/** A picture's scene and mask owners. */
interface Picture {
  readonly scene: Scene;
  /** 1 + index of the object under each of the four corners of a mask's pixel, 0 for the ground; four planes. */
  readonly corners: Uint8Array;
}

/** Choice of the supervised nodes of a batch. */
export interface NodeTargetOptions {
  /** Weight of the nodes' loss beside that of the answers. */
  readonly weight: number;
  /** Nodes of each program at most, drawn by `random`; null for all. */
  readonly perProgram: number | null;
  /** Odds of a node with each token to be drawn; by default equal. */
  readonly odds?: ArrayLike<number>;
  readonly random: RandomStream;
  /** Inputs of all nodes; `groundTruth` adds the masks for teacher forcing. Default `predicted`. */
  readonly inputs?: NodeInputs;
}

/**
 * Odds of the tokens `names` that occur `counts` times: counts to the power of −`rarity`, times the factors that `favour` has
 * for their functions.
 *
 * @throws {UserError} for a function that no token has.
 */
export function oddsOf(
  names: readonly string[],
  counts: ArrayLike<number>,
  { rarity, favour }: { readonly rarity: number; readonly favour: Readonly<Record<string, number>> },
): Float64Array {
  const functions = names.map((name) => name.replace(/\[.*/, ""));
  const unknown = Object.keys(favour).find((name) => !functions.includes(name));
  if (unknown !== undefined) throw new UserError(`nodeLoss.favour: no program has a function "${unknown}"`);
  return Float64Array.from(functions, (name, i) => Math.max(counts[i], 1) ** -rarity * (favour[name] ?? 1));
}

/** The ground truth of a split's pictures. */
export class GroundTruth {
  readonly #file: string;
  readonly #size: readonly [number, number];
  readonly #pictures: ReadonlyMap<number, Picture>;

  private constructor(file: string, size: readonly [number, number], pictures: ReadonlyMap<number, Picture>) {
    this.#file = file;
    this.#size = size;
    this.#pictures = pictures;
  }

  /**
   * Reads a scene file; `size` is the masks' height and width.
   *
   * @throws {UserError} when it is missing or broken.
   */
  static async open(file: string, size: readonly [number, number]): Promise<GroundTruth> {
    const resizer = new MaskResizer(WIDTH, HEIGHT, size[1], size[0]);
    const pictures = new Map<number, Picture>();
    for await (const scene of readScenes(file)) {
      pictures.set(scene.image_index, { scene, corners: resizer.corners(ownersOf(scene, file)) });
    }
    return new GroundTruth(file, size, pictures);
  }

  /** Throws {@link UserError} where the file lacks one of these pictures. */
  require(images: readonly number[]): void {
    for (const image of images) this.#picture(image);
  }

  /**
   * Inner nodes of programs on pictures `images` with their masks, and for teacher forcing the input masks of these nodes and
   * of the answers'. Nodes that are invalid on their scene, which drawn programs may have, are left out.
   *
   * @throws {UserError} for a picture that the file lacks.
   */
  targets(
    images: readonly number[],
    programs: readonly ProgramTree[],
    { names }: ProgramTokens,
    { weight, perProgram, odds, random, inputs }: NodeTargetOptions,
  ): NodeTargets {
    const executed = programs.map((tree, program) => {
      const picture = this.#picture(images[program]);
      const nodes = tree.map(({ token, inputs }) => ({ ...nodeOf(names[token]), inputs }));
      return { tree, picture, outputs: executeWhatCan(picture.scene, nodes) };
    });
    const chosen = executed.flatMap(({ tree, picture, outputs }, program) => {
      const inner = outputs.slice(0, -1).flatMap((output, node) => output === null ? [] : [{ node, output }]);
      const drawn = perProgram === null || inner.length <= perProgram
        ? inner
        : drawnFirst(inner.map(({ node }) => odds?.[tree[node].token] ?? 1), perProgram, random).map((i) => inner[i]);
      return drawn.map(({ node, output }) => ({ program, node, picture, objects: asSet(output) }));
    });
    const pixels = this.#size[0] * this.#size[1], masks = new Int32Array(chosen.length * pixels);
    chosen.forEach(({ picture, objects }, i) =>
      fillMask(masks.subarray(i * pixels, (i + 1) * pixels), picture, objects)
    );
    const nodes = chosen.map(({ program, node }) => ({ program, node }));
    if (inputs !== "groundTruth") return { nodes, masks, weight };
    const taken = (program: number, node: number): Uint8Array[] => {
      const { tree, picture, outputs } = executed[program];
      return tree[node].inputs.map((input) => {
        const mask = new Uint8Array(pixels), output = outputs[input];
        // An invalid input has an empty mask.
        if (output !== null) fillMask(mask, picture, asSet(output));
        return mask;
      });
    };
    const answers = executed.map(({ tree }, program) => taken(program, tree.length - 1));
    return { nodes, masks, weight, inputs: [...answers, ...nodes.map(({ program, node }) => taken(program, node))] };
  }

  #picture(image: number): Picture {
    const found = this.#pictures.get(image);
    if (found) return found;
    throw new UserError(`${this.#file}: has no picture ${image}; give the scenes of the training expressions`);
  }
}

/**
 * `count` indices drawn by weights without replacement: each index gets a time that is exponential with its weight as the
 * rate, and the earliest are taken (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
 */
function drawnFirst(weights: readonly number[], count: number, random: RandomStream): number[] {
  const times = weights.map((weight) => -Math.log1p(-random.unit()) / weight);
  return [...times.keys()].sort((a, b) => times[a] - times[b]).slice(0, count);
}

function fillMask(mask: Int32Array | Uint8Array, { corners }: Picture, objects: readonly number[]): void {
  const among = new Uint8Array(256), plane = mask.length;
  for (const object of objects) among[object + 1] = 1;
  for (let at = 0; at < plane; at++) {
    mask[at] = among[corners[at]] & among[corners[at + plane]] & among[corners[at + 2 * plane]] &
      among[corners[at + 3 * plane]];
  }
}
