/** A program for an expression, and the mask of each of its steps: the same code in Deno and in a page. */
import { decodeTokens, encodeTokens, tokenList, wordsOf } from "../../../datasets/refplus/encoding/tokens.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import type { Device, SafetensorsTensor } from "../../../engine/mod.ts";
import { buildEngine, buildGenerator, PREFIX, programTokens } from "../../../model/refplus/build.ts";
import type { ExecutionEngine } from "../../../model/refplus/engine/execution_engine.ts";
import { parsePrefix, type ProgramTree } from "../../../model/refplus/engine/program_tree.ts";
import type { ProgramGenerator } from "../../../model/refplus/generator/program_generator.ts";
import { widened } from "../weights.ts";
import type { ProgramFacts } from "./payload.ts";

/** Both models. */
export interface ProgramModels {
  readonly generator: ProgramGenerator;
  readonly engine: ExecutionEngine;
}

/** An expression's program as it ran. */
export interface Execution {
  /** Tokens in prefix order. */
  readonly program: readonly string[];
  /** Steps in the order in which they run, and the earlier ones that each takes. */
  readonly tree: ProgramTree;
  /** Token of each step. */
  readonly tokens: readonly string[];
  /** Probability of each pixel, [H · W], for each step. */
  readonly steps: readonly Float32Array[];
}

/** The models of a page with their weights. */
export function programModels(
  device: Device,
  { generator, engine, vocabulary, spec }: ProgramFacts,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
): ProgramModels {
  const weights = (which: keyof typeof PREFIX): Map<string, SafetensorsTensor> =>
    new Map(
      [...tensors].filter(([name]) => name.startsWith(PREFIX[which])).map(([name, tensor]) => [
        name.slice(PREFIX[which].length),
        widened(tensor),
      ]),
    );
  const models = {
    generator: buildGenerator(device, generator, vocabulary),
    engine: buildEngine(device, engine, vocabulary, spec),
  };
  models.generator.load(weights("generator"));
  models.engine.load(weights("engine"));
  return models;
}

/**
 * Writes the program of an expression.
 *
 * @throws {UserError} for an expression without words, or a word that the vocabulary lacks.
 */
export async function writeProgram(
  { generator }: ProgramModels,
  { vocabulary }: Pick<ProgramFacts, "vocabulary">,
  text: string,
): Promise<string[]> {
  const known = vocabulary.refexp_token_to_idx, words = wordsOf(text).map((word) => spelled(word, known));
  if (words.length === 0) throw new UserError("Type a few words.");
  const sequence = encodeTokens(words, known, (word) => {
    throw new UserError(`The model does not know the word “${word}”.`);
  });
  const given = { data: Int32Array.from(sequence), count: 1, length: sequence.length };
  const { programs } = await generator.decode(given, "likeliest");
  return decodeTokens(programs.data, tokenList(vocabulary.program_token_to_idx));
}

/** A word as the vocabulary has it: in another case, or with its plural in brackets; as it is where there is no such word. */
function spelled(word: string, known: Readonly<Record<string, number>>): string {
  const lower = word.toLowerCase(), capital = lower.slice(0, 1).toUpperCase() + lower.slice(1);
  return [word, lower, capital, lower.replace(/s$/, "(s)")].find((form) => Object.hasOwn(known, form)) ?? word;
}

/** Steps of a program in prefix order, as they run. */
export function stepsOf(
  { vocabulary }: Pick<ProgramFacts, "vocabulary">,
  program: readonly string[],
): Pick<Execution, "tree" | "tokens"> {
  const tokens = programTokens(vocabulary), { names } = tokens;
  const tree = parsePrefix(program.map((name) => names.indexOf(name)), tokens);
  return { tree, tokens: tree.map(({ token }) => names[token]) };
}

/** Runs a program on a picture's features [rows · columns · channels]. */
export async function execute(
  { engine }: ProgramModels,
  facts: Pick<ProgramFacts, "vocabulary" | "spec">,
  program: readonly string[],
  features: Float32Array,
): Promise<Execution> {
  const { tree, tokens } = stepsOf(facts, program), [channels, rows, columns] = facts.spec.features;
  const { device } = engine, reads: Promise<Float32Array>[] = [];
  device.noGrad(() => {
    using _scope = device.scope();
    const x = device.tensor(Float32Array.from(features), [1, rows, columns, channels]);
    for (const scores of engine.inspect(x, [tree])) reads.push(scores.softmax().data());
  });
  const scores = await Promise.all(reads);
  // Background and foreground take turns.
  const steps = scores.map((values) => Float32Array.from({ length: values.length / 2 }, (_, i) => values[2 * i + 1]));
  return { program, tree, tokens, steps };
}
