/** What every step of a program should point at: the objects it gives on its picture's scene, as a mask. */
import { UserError } from "../../../engine/base/user_error.ts";
import { HEIGHT, WIDTH } from "../../../datasets/refplus/scenes/camera.ts";
import { asSet, executeWhatCan } from "../../../datasets/refplus/language/execute.ts";
import { MaskResizer } from "../../../datasets/refplus/files/mask.ts";
import { ownersOf } from "../../../datasets/refplus/files/owners.ts";
import { stepOf } from "../../../datasets/refplus/encoding/programs.ts";
import { readScenes } from "../../../datasets/refplus/files/read.ts";
import type { Scene } from "../../../datasets/refplus/files/types.ts";
import type { RandomStream } from "../../../engine/base/random.ts";
import type { TaughtSteps } from "../engine/execution_engine.ts";
import type { ProgramTokens, ProgramTree } from "../engine/program_tree.ts";

/** A picture's truth. */
interface Picture {
  readonly scene: Scene;
  /** 1 + index of the object under each of the four corners of a mask's pixel, 0 for the ground; four planes. */
  readonly corners: Uint8Array;
}

/** Which steps of a batch are taught. */
export interface TeachOptions {
  readonly weight: number;
  /** Steps of each program at most, drawn by `random`; null for all. */
  readonly most: number | null;
  /** How likely a step with each token is drawn before others; all alike without. */
  readonly odds?: ArrayLike<number>;
  readonly random: RandomStream;
  /** Whether every node is given its true inputs, so that what those are belongs to the lesson; default `own`. */
  readonly inputs?: "own" | "true";
}

/**
 * Odds of the tokens `names` that occur `counts` times: counts to the power of −`rarity`, times what `favour` says of their
 * functions.
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
  if (unknown !== undefined) throw new UserError(`stepLoss.favour: no program has a function "${unknown}"`);
  return Float64Array.from(functions, (name, i) => Math.max(counts[i], 1) ** -rarity * (favour[name] ?? 1));
}

/** The truth of a split's pictures. */
export class StepTargets {
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
  static async open(file: string, size: readonly [number, number]): Promise<StepTargets> {
    const resizer = new MaskResizer(WIDTH, HEIGHT, size[1], size[0]);
    const pictures = new Map<number, Picture>();
    for await (const scene of readScenes(file)) {
      pictures.set(scene.image_index, { scene, corners: resizer.corners(ownersOf(scene, file)) });
    }
    return new StepTargets(file, size, pictures);
  }

  /**
   * Inner steps of programs on pictures `images`, and their masks; the masks that they and the last steps take in where
   * `inputs` asks for them. Steps that mean nothing there, as drawn programs may have them, are left out; so is the last step,
   * whose mask is the answer's.
   *
   * @throws {UserError} for a picture that the file lacks.
   */
  taught(
    images: readonly number[],
    programs: readonly ProgramTree[],
    { names }: ProgramTokens,
    { weight, most, odds, random, inputs }: TeachOptions,
  ): TaughtSteps {
    const executed = programs.map((tree, program) => {
      const picture = this.#picture(images[program]);
      const steps = tree.map(({ token, inputs }) => ({ ...stepOf(names[token]), inputs }));
      return { tree, picture, outputs: executeWhatCan(picture.scene, steps) };
    });
    const chosen = executed.flatMap(({ tree, picture, outputs }, program) => {
      const inner = outputs.slice(0, -1).flatMap((output, node) => output === null ? [] : [{ node, output }]);
      const drawn = most === null || inner.length <= most
        ? inner
        : drawnFirst(inner.map(({ node }) => odds?.[tree[node].token] ?? 1), most, random).map((i) => inner[i]);
      return drawn.map(({ node, output }) => ({ program, node, picture, objects: asSet(output) }));
    });
    const pixels = this.#size[0] * this.#size[1], masks = new Int32Array(chosen.length * pixels);
    chosen.forEach(({ picture, objects }, i) =>
      fillMask(masks.subarray(i * pixels, (i + 1) * pixels), picture, objects)
    );
    const steps = chosen.map(({ program, node }) => ({ program, node }));
    if (inputs !== "true") return { steps, masks, weight };
    const taken = (program: number, node: number): Uint8Array[] => {
      const { tree, picture, outputs } = executed[program];
      return tree[node].inputs.map((input) => {
        const mask = new Uint8Array(pixels), output = outputs[input];
        // What means nothing points at nothing.
        if (output !== null) fillMask(mask, picture, asSet(output));
        return mask;
      });
    };
    const answers = executed.map(({ tree }, program) => taken(program, tree.length - 1));
    return { steps, masks, weight, inputs: [...answers, ...steps.map(({ program, node }) => taken(program, node))] };
  }

  #picture(image: number): Picture {
    const found = this.#pictures.get(image);
    if (found) return found;
    throw new UserError(`${this.#file}: has no picture ${image}; give the scenes of the expressions learnt from`);
  }
}

/**
 * The `most` indices drawn first, without replacement, by weights: each has a time exponential with its weight as the rate,
 * and the earliest come first (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
 */
function drawnFirst(weights: readonly number[], most: number, random: RandomStream): number[] {
  const times = weights.map((weight) => -Math.log1p(-random.unit()) / weight);
  return [...times.keys()].sort((a, b) => times[a] - times[b]).slice(0, most);
}

function fillMask(mask: Int32Array | Uint8Array, { corners }: Picture, objects: readonly number[]): void {
  const among = new Uint8Array(256), plane = mask.length;
  for (const object of objects) among[object + 1] = 1;
  for (let at = 0; at < plane; at++) {
    mask[at] = among[corners[at]] & among[corners[at + plane]] & among[corners[at + 2 * plane]] &
      among[corners[at + 3 * plane]];
  }
}
