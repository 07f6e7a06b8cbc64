/** Both models of IEP-Ref as a run's checkpoints have them. */
import { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { Vocabulary } from "../../datasets/refplus/encoding/tokens.ts";
import { withUpdateCounts } from "../../engine/internal.ts";
import {
  concat,
  type Device,
  loadTensors,
  type Optimiser,
  type SafetensorsTensor,
  type Tensor,
  tensorsOf,
} from "../../engine/mod.ts";
import { notOfARun, readRunCheckpoint, type RunCheckpoint } from "../run/checkpoint.ts";
import { jsonText } from "../run/json_metadata.ts";
import type { Json } from "../run/layers.ts";
import { completed, REFPLUS_RUNS, type RefplusConfig, refplusSchema } from "./training/config.ts";
import { buildEngine, buildGenerator, PREFIX } from "./build.ts";
import type { ExecutionEngine } from "./engine/execution_engine.ts";
import type { DataSpec } from "./data_spec.ts";
import type { ProgramGenerator } from "./generator/program_generator.ts";

/** Contents of a checkpoint beside its tensors, settings and step. */
export interface RefplusFacts {
  readonly vocabulary: Vocabulary;
  /** Null where there is no execution engine. */
  readonly spec: DataSpec | null;
  /** REINFORCE's moving baseline. */
  readonly baseline: number;
}

/** The models of a run; one may be missing. */
export interface Models {
  readonly generator: ProgramGenerator | null;
  readonly engine: ExecutionEngine | null;
}

/** Tensors of a checkpoint: both models and the state of their optimisers. */
export function checkpointTensors(
  { generator, engine }: Models,
  optimisers: { readonly generator: Optimiser | null; readonly engine: Optimiser | null },
): Map<string, Tensor> {
  const all = new Map<string, Tensor>();
  for (const [which, model] of [["generator", generator], ["engine", engine]] as const) {
    if (model) { for (const [name, tensor] of tensorsOf(model.parameters(), PREFIX[which])) all.set(name, tensor); }
    for (const [name, tensor] of optimisers[which]?.state ?? []) all.set(`optimiser.${PREFIX[which]}${name}`, tensor);
  }
  return all;
}

/** A checkpoint's tensors with a count of updates for each parameter, which earlier versions lack. */
export function withAllCounts(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  optimisers: { readonly generator: Optimiser | null; readonly engine: Optimiser | null },
): ReadonlyMap<string, SafetensorsTensor> {
  const parts = ["generator", "engine"] as const;
  return parts.reduce((all, which) => {
    const optimiser = optimisers[which];
    return optimiser ? withUpdateCounts(all, optimiser, `optimiser.${PREFIX[which]}`) : all;
  }, tensors);
}

/** The facts as a checkpoint's metadata, with settings whose sizes are those of the models. */
export function refplusFacts(
  config: RefplusConfig,
  { vocabulary, spec, baseline }: RefplusFacts,
): Record<string, string> {
  return {
    config: JSON.stringify(config),
    vocabulary: JSON.stringify(vocabulary),
    spec: JSON.stringify(spec),
    baseline: String(baseline),
  };
}

const table = z.record(z.string(), z.int().min(0));
const factsSchema = z.object({
  config: z.preprocess((saved) => completed(saved as Json), refplusSchema),
  baseline: jsonText(z.number()),
  vocabulary: jsonText(z.object({
    refexp_token_to_idx: table,
    program_token_to_idx: table,
    answer_token_to_idx: z.null(),
  })),
  spec: jsonText(
    z.object({
      features: z.tuple([z.int(), z.int(), z.int()]),
      extractor: z.string(),
      masks: z.tuple([z.int(), z.int()]),
    }).nullable(),
  ),
});

/** A checkpoint file read and checked. */
export interface RefplusCheckpoint extends Omit<RunCheckpoint, "config" | "facts">, RefplusFacts {
  readonly config: RefplusConfig;
}

/**
 * Reads a checkpoint, or the newest whole one of a run's folder; `onBroken` is called for each one skipped.
 *
 * @throws {UserError} when there is none, or it is broken or of another kind of run.
 */
export async function readRefplusCheckpoint(
  file: string,
  onBroken?: (path: string, reason: string) => void,
): Promise<RefplusCheckpoint> {
  return checkedRefplus(await readRunCheckpoint(file, [REFPLUS_RUNS], onBroken));
}

/** A checkpoint's settings and facts, checked. Throws {@link UserError}. */
export function checkedRefplus({ config, facts, ...read }: RunCheckpoint): RefplusCheckpoint {
  // Earlier checkpoints have `spec` under the name `frame`.
  const result = factsSchema.safeParse({ ...facts, spec: facts.spec ?? facts.frame, config });
  if (!result.success) throw notOfARun(read.path, result.error);
  return { ...read, ...result.data };
}

/** A checkpoint's models, vocabulary and data, a line each. */
export function describeRefplus(read: RunCheckpoint): string[] {
  const checkpoint = checkedRefplus(read), { config, step, vocabulary, spec } = checkpoint;
  const models = (["generator", "engine"] as const).filter((which) => holds(checkpoint, which));
  const count = (words: Readonly<Record<string, number>>): number => Object.keys(words).length;
  return [
    `models: ${models.join(" and ")}, after ${step} of ${config.steps} updates of stage ${config.stage}`,
    `vocabulary: ${count(vocabulary.refexp_token_to_idx)} words, ${
      count(vocabulary.program_token_to_idx)
    } program tokens`,
    ...spec
      ? [`features: ${spec.features.join(" × ")} of ${spec.extractor}, for masks of ${spec.masks.join(" × ")}`]
      : [],
  ];
}

/** The program generator of a checkpoint. Throws {@link UserError} where it has none. */
export function generatorOf(device: Device, checkpoint: RefplusCheckpoint): ProgramGenerator {
  return loaded(checkpoint, "generator", () => buildGenerator(device, checkpoint.config, checkpoint.vocabulary));
}

/** Standard deviation of new words' vectors, as in the reference. */
const NEW_WORDS = 0.01;

/**
 * The program generator of a checkpoint for a vocabulary that may have more words than its own; the vectors of these start
 * near zero.
 *
 * @throws {UserError} where the checkpoint has no generator, or its words have other indices in the vocabulary.
 */
export function generatorFor(
  device: Device,
  checkpoint: RefplusCheckpoint,
  vocabulary: Vocabulary,
  seed: number,
): ProgramGenerator {
  const [known, words] = [checkpoint.vocabulary, vocabulary].map((v) => v.refexp_token_to_idx);
  const before = Object.keys(known).length, more = Object.keys(words).length - before;
  if (
    !samePrograms(checkpoint.vocabulary, vocabulary) || Object.keys(known).some((word) => words[word] !== known[word])
  ) {
    throw new UserError(
      `${checkpoint.path}: was trained with another vocabulary; only one with more words will do, ` +
        "as itera refplus preprocess makes it with --expand_vocab 1",
    );
  }
  if (more === 0) return generatorOf(device, checkpoint);
  return loaded(checkpoint, "generator", () => buildGenerator(device, checkpoint.config, vocabulary), (model, load) => {
    const embedding = "encoder_embed.weight", all = tensorsOf(model.parameters(), PREFIX.generator);
    const grown = all.get(PREFIX.generator + embedding)!, width = grown.shape[1];
    using _scope = device.scope();
    const old = device.zeros([before, width]);
    load(new Map([...all, [PREFIX.generator + embedding, old]]));
    grown.copyFrom(concat([old, device.randn([more, width], { seed, std: NEW_WORDS })], 0));
  });
}

/** True where two vocabularies have the same program tokens, which are all that an execution engine needs. */
export function samePrograms(a: Vocabulary, b: Vocabulary): boolean {
  const names = Object.keys(a.program_token_to_idx);
  return names.length === Object.keys(b.program_token_to_idx).length &&
    names.every((name) => a.program_token_to_idx[name] === b.program_token_to_idx[name]);
}

/** The execution engine of a checkpoint. Throws {@link UserError} where it has none. */
export function engineOf(device: Device, checkpoint: RefplusCheckpoint): ExecutionEngine {
  const { config, vocabulary, spec } = checkpoint;
  return loaded(checkpoint, "engine", () => buildEngine(device, config, vocabulary, spec!));
}

/** True where a checkpoint holds a model. */
export function holds({ tensors }: RefplusCheckpoint, which: keyof typeof PREFIX): boolean {
  return tensors.keys().some((name) => name.startsWith(PREFIX[which]));
}

function loaded<M extends ProgramGenerator | ExecutionEngine>(
  checkpoint: RefplusCheckpoint,
  which: keyof typeof PREFIX,
  build: () => M,
  fill: (model: M, load: (into: Map<string, Tensor>) => void) => void = (model, load) =>
    load(tensorsOf(model.parameters(), PREFIX[which])),
): M {
  const { bytes, path, config } = checkpoint;
  if (!holds(checkpoint, which)) {
    const what = which === "generator" ? "program generator" : "execution engine";
    throw new UserError(`${path}: is of stage ${config.stage} and has no ${what}`);
  }
  const model = build();
  fill(model, (into) => void loadTensors(bytes, into, path, { allowExtra: true }));
  return model;
}
