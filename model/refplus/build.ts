/** Both models of IEP-Ref with random weights, by a run's settings. */
import { tokenList, type Vocabulary } from "../../datasets/refplus/encoding/tokens.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { Device } from "../../engine/mod.ts";
import type { DataSpec } from "./data_spec.ts";
import { ExecutionEngine } from "./engine/execution_engine.ts";
import { ProgramTokens } from "./engine/program_tree.ts";
import { ProgramGenerator } from "./generator/program_generator.ts";
import type { RefplusConfig } from "./training/config.ts";

/** Prefixes of the models' tensors in a checkpoint. */
export const PREFIX = { generator: "program_generator.", engine: "execution_engine." } as const;

/** A program generator with random weights. */
export function buildGenerator(
  device: Device,
  { generator, seed }: Pick<RefplusConfig, "generator" | "seed">,
  vocabulary: Vocabulary,
): ProgramGenerator {
  return new ProgramGenerator(device, {
    words: Object.keys(vocabulary.refexp_token_to_idx).length,
    tokens: Object.keys(vocabulary.program_token_to_idx).length,
    ...generator,
    seed,
  });
}

/**
 * An execution engine with random weights.
 *
 * @throws {UserError} where modules are to pass attention that does not fit the features.
 */
export function buildEngine(
  device: Device,
  { engine: { headChunk, ...sizes }, seed }: Pick<RefplusConfig, "engine" | "seed">,
  vocabulary: Vocabulary,
  spec: DataSpec,
): ExecutionEngine {
  const [channels, rows, columns] = spec.features;
  try {
    return new ExecutionEngine(device, {
      tokens: programTokens(vocabulary),
      features: channels,
      size: spec.masks,
      grid: [rows, columns],
      ...sizes,
      ...headChunk === null ? {} : { headChunk },
      seed,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      `${error.message}; encode expressions with other --height and --width, or set engine.message=features`,
    );
  }
}

/** A vocabulary's program tokens, for the execution engine. */
export function programTokens(vocabulary: Vocabulary): ProgramTokens {
  return new ProgramTokens(tokenList(vocabulary.program_token_to_idx));
}
