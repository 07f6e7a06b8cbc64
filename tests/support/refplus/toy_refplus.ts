/**
 * A referring-expression task that tiny models learn in seconds: pictures of 4 × 4 cells, each grey or of one colour, and
 * expressions for the cells of one colour, of one of two colours, or for the whole scene.
 */
import { join } from "node:path";
import { digest } from "../../../datasets/refplus/encoding/encode.ts";
import { appendFeatures, createFeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { Hdf5 } from "../../../datasets/formats/hdf5.ts";
import { appendRefexps, createRefexpFile, type EncodedRefexp } from "../../../datasets/refplus/files/refexp_file.ts";
import { encodeTokens, SPECIAL_TOKENS, type Vocabulary, wordsOf } from "../../../datasets/refplus/encoding/tokens.ts";
import type { Random } from "../random.ts";

/** Colours of cells. */
export const COLOURS = ["red", "green", "blue"] as const;

/** Cells along a side, and pixels of the mask along a cell's side. */
export const [CELLS, PIXELS] = [4, 2];

const table = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries([...SPECIAL_TOKENS, ...tokens].map((token, i) => [token, i]));

/** Words and program tokens of the task. */
export const TOY_VOCABULARY: Vocabulary = {
  refexp_token_to_idx: table([...COLOURS, "either", "or", "everything", "the", "things"].sort()),
  program_token_to_idx: table([...COLOURS.map((c) => `filter_color[${c}]`), "scene", "union"].sort()),
  answer_token_to_idx: null,
};

/** Colour of each cell, −1 for grey. */
type Picture = readonly number[];

/** An expression: its words, its program in prefix order, the colours it means. */
interface Phrase {
  readonly text: string;
  readonly program: readonly string[];
  readonly means: (colour: number) => boolean;
  readonly category: number;
}

function phrase(random: Random): Phrase {
  const [a, b] = [random.integer(0, 3), random.integer(0, 3)];
  const filter = (c: number): string[] => [`filter_color[${COLOURS[c]}]`, "scene"];
  if (a === b) return { text: `the ${COLOURS[a]} things`, program: filter(a), means: (c) => c === a, category: 0 };
  return {
    text: `the things either ${COLOURS[a]} or ${COLOURS[b]}`,
    program: ["union", ...filter(a), ...filter(b)],
    means: (c) => c === a || c === b,
    category: 5,
  };
}

/** Files of a toy split, as the commands take them. */
export interface ToyFiles {
  readonly refexps: string;
  readonly features: string;
  readonly vocabulary: string;
}

/** Writes `count` expressions, four on each picture, into `folder` under the name `split`. */
export async function writeToy(folder: string, split: string, count: number, random: Random): Promise<ToyFiles> {
  const [refexps, features] = [join(folder, `${split}.h5`), join(folder, `${split}_features.h5`)];
  const vocabulary = join(folder, "vocab.json"), size = CELLS * PIXELS;
  await Deno.writeTextFile(vocabulary, JSON.stringify(TOY_VOCABULARY));
  const pictures: Picture[] = Array.from(
    { length: Math.ceil(count / 4) },
    () => Array.from({ length: CELLS * CELLS }, () => random.integer(-1, COLOURS.length)),
  );
  const settings = {
    mode: "prefix",
    width: size,
    height: size,
    source: "toy",
    vocabulary: await digest(TOY_VOCABULARY),
  };
  await createRefexpFile(refexps, settings);
  const rows = Array.from({ length: count }, (_, i): EncodedRefexp => {
    const { text, program, means, category } = phrase(random);
    const image = Math.floor(i / 4), picture = pictures[image];
    const cell = (pixel: number): number =>
      Math.floor(Math.floor(pixel / size) / PIXELS) * CELLS + Math.floor(pixel % size / PIXELS);
    const never = (): never => {
      throw new Error("a word of the task is not in its vocabulary");
    };
    return {
      refexp: encodeTokens(wordsOf(text), TOY_VOCABULARY.refexp_token_to_idx, never),
      program: encodeTokens(program, TOY_VOCABULARY.program_token_to_idx, never),
      image,
      original: i,
      family: 0,
      category,
      mask: Uint8Array.from({ length: size * size }, (_, pixel) => means(picture[cell(pixel)]) ? 1 : 0),
    };
  });
  {
    using file = await Hdf5.open(refexps, "a");
    appendRefexps(file, rows, settings);
  }
  const shape = [COLOURS.length, CELLS, CELLS] as const;
  const made = { extractor: "toy", shape };
  await createFeatureFile(features, made);
  using file = await Hdf5.open(features, "a");
  const planes = pictures.flatMap((picture) =>
    COLOURS.flatMap((_, c) => picture.map((colour) => colour === c ? 1 : 0))
  );
  appendFeatures(file, Float32Array.from(planes), made);
  return { refexps, features, vocabulary };
}
