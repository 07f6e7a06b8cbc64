/** One picture and one expression: the program and the mask (papers/iep-ref.md#evaluation). */
import { UserError } from "../../../engine/base/user_error.ts";
import type { RgbImage } from "../../../datasets/images/preprocess.ts";
import { channelsLast } from "../../../datasets/refplus/files/feature_file.ts";
import type { PictureMask } from "../../../datasets/refplus/files/overlay.ts";
import {
  decodeTokens,
  encodeTokens,
  tokenList,
  type Vocabulary,
  wordsOf,
} from "../../../datasets/refplus/encoding/tokens.ts";
import type { ExecutionEngine } from "../engine/execution_engine.ts";
import type { Extractor } from "../extractor/extractors.ts";
import type { DataSpec } from "../data_spec.ts";
import { programTokens } from "../build.ts";
import type { ProgramGenerator } from "../generator/program_generator.ts";
import { treesOf } from "../training/samples.ts";

/** Result for an expression. */
export interface Answer {
  /** Tokens in prefix order. */
  readonly program: readonly string[];
  readonly mask: PictureMask;
}

/**
 * Writes the program of an expression and runs it on a picture.
 *
 * @throws {UserError} for a word that the vocabulary lacks.
 */
export async function runOne(
  models: { readonly generator: ProgramGenerator; readonly engine: ExecutionEngine },
  extractor: Pick<Extractor, "extract">,
  { vocabulary, spec }: { readonly vocabulary: Vocabulary; readonly spec: DataSpec },
  picture: RgbImage,
  refexp: string,
): Promise<Answer> {
  const said = wordsOf(refexp);
  if (said.length === 0) throw new UserError("--refexp: has no words");
  const words = encodeTokens(said, vocabulary.refexp_token_to_idx, (word) => {
    throw new UserError(`--refexp: the word "${word}" is not in the models' vocabulary`);
  });
  const sequence = { data: Int32Array.from(words), count: 1, length: words.length };
  const { programs } = await models.generator.decode(sequence, "likeliest");
  const features = channelsLast(await extractor.extract([picture]), spec.features);
  const [channels, rows, columns] = spec.features, [height, width] = spec.masks;
  const { device } = models.engine;
  const mask = device.noGrad(() => {
    using scope = device.scope();
    const maps = models.engine.forward(
      device.tensor(features, [1, rows, columns, channels]),
      treesOf(programs, programTokens(vocabulary)),
    );
    return scope.keep(models.engine.masks(maps)).unscoped();
  });
  const data = await mask.data();
  mask.dispose();
  return {
    program: decodeTokens(programs.data, tokenList(vocabulary.program_token_to_idx)),
    mask: { data, width, height },
  };
}
