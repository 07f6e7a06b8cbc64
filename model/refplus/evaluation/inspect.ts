/** The masks of every node of annotated programs, expression by expression, and drawings of them. */
import { UserError } from "../../../engine/base/user_error.ts";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { chainPng, overlayMask, type Tile } from "../../../datasets/refplus/files/overlay.ts";
import { readPicture } from "../../../datasets/images/read_picture.ts";
import { listPictures } from "../../../datasets/refplus/files/pictures.ts";
import { readRefexps } from "../../../datasets/refplus/files/read.ts";
import { SceneMasks } from "../../../datasets/refplus/files/scene_masks.ts";
import type { Refexp } from "../../../datasets/refplus/files/types.ts";
import type { ExecutionEngine } from "../engine/execution_engine.ts";
import { assertSameSpec } from "../data_spec.ts";
import { programTokens } from "../build.ts";
import type { RefplusCheckpoint } from "../checkpoint.ts";
import { type NodeMask, nodeMasks } from "./node_masks.ts";

/** Files of the expressions, and of their scenes, features and pictures. */
export interface InspectFiles {
  readonly refexps: string;
  readonly scenes: string;
  readonly features: string;
  /** Folder of the pictures to draw on; null draws nothing. */
  readonly pictures: string | null;
}

/** An inspected expression. */
export interface Inspected {
  readonly refexp: Refexp;
  readonly nodes: readonly NodeMask[];
  /** Draws the picture and every node's mask on it, as a PNG; null where there are no pictures. */
  readonly chain: (() => Promise<Uint8Array<ArrayBuffer>>) | null;
}

/**
 * Inspects the expressions for which `wanted` is true, in the order of their file.
 *
 * @throws {UserError} for features of another extractor than the engine's, or programs that the engine
 * cannot run or that lack the output of a node.
 */
export async function* inspectExpressions(
  engine: ExecutionEngine,
  { vocabulary, spec, path }: Pick<RefplusCheckpoint, "vocabulary" | "spec" | "path">,
  files: InspectFiles,
  wanted: (refexp: Refexp) => boolean = () => true,
): AsyncGenerator<Inspected> {
  const tokens = programTokens(vocabulary), size = spec!.masks;
  using features = await FeatureFile.open(files.features);
  const { settings: { shape, extractor } } = features;
  assertSameSpec({ features: shape, extractor, masks: size }, { spec, path });
  await using masks = new SceneMasks(files.scenes, size[1], size[0]);
  const pictures = files.pictures === null ? null : await listPictures(files.pictures);
  let at = -1;
  for await (const refexp of readRefexps(files.refexps)) {
    at++;
    if (!wanted(refexp)) continue;
    const where = `${files.refexps}: refexps.${at}`;
    if (refexp.program.length === 0) {
      throw new UserError(`${where}.program: is missing; only programs can be inspected`);
    }
    if (refexp.program.some(({ _output }) => _output === undefined)) {
      throw new UserError(`${where}: a node of its program has no _output`);
    }
    const nodes = await nodeMasks(engine, tokens, {
      refexp,
      features: features.row(refexp.image_index),
      shape,
      size,
      truth: (objects) => masks.union(refexp.image_index, objects, where),
    }).catch((error: unknown) => {
      throw error instanceof RangeError ? new UserError(`${where}: program: ${error.message}`) : error;
    });
    yield { refexp, nodes, chain: pictures && (() => chainOf(refexp, nodes, pictures[refexp.image_index])) };
  }
}

async function chainOf(
  { refexp }: Refexp,
  nodes: readonly NodeMask[],
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const picture = await readPicture(path);
  const tiles = nodes.map(({ token, mask }): Tile => ({ label: token, picture: overlayMask(picture, mask) }));
  return await chainPng([{ label: refexp, picture }, ...tiles]);
}
