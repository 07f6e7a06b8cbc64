/** Import of the reference's checkpoints (PyTorch): both models' weights with the sizes they have. */
import { z } from "../../../engine/base/packages/zod.ts";
import type { Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { Device, type Module, saveTensors } from "../../../engine/mod.ts";
import { checkpointMetadata } from "../../run/checkpoint.ts";
import { VERSION } from "../../run/version.ts";
import { type StoredTensor, type WeightFile, WeightsError } from "../../weights/stored.ts";
import { REFPLUS_RUNS, type RefplusConfig, type Stage } from "../training/config.ts";
import type { DataSpec } from "../data_spec.ts";
import { buildEngine, buildGenerator } from "../build.ts";
import { checkpointTensors, type Models, refplusFacts } from "../checkpoint.ts";
import { type Banks, fromTorchState } from "./torch_names.ts";

/** Prefixes of each model's state dict in the reference's checkpoints. */
const STATES = { generator: "program_generator_state.", engine: "execution_engine_state." } as const;

/** Facts that a checkpoint of the reference lacks. */
export interface ReferenceOptions {
  readonly vocabulary: Vocabulary;
  /** Rows and columns of the features the engine was trained on. */
  readonly grid: readonly [number, number];
  /** Name of their extractor, as `itera refplus features` writes it. */
  readonly extractor: string;
  readonly masks: readonly [number, number];
}

/** An imported checkpoint and the models it has. */
export interface ImportedReference {
  /** The checkpoint, as `itera refplus` reads it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly config: RefplusConfig;
  readonly generator: boolean;
  readonly engine: boolean;
}

/**
 * Reads one or both models.
 *
 * @throws {WeightsError} where there is none, a tensor is missing or of another shape, or the vocabulary does not fit.
 */
export async function importReference(file: WeightFile, options: ReferenceOptions): Promise<ImportedReference> {
  const { vocabulary, grid, extractor, masks } = options;
  refuseOtherVocabulary(file, vocabulary);
  const [generator, engine] = [generatorSizes(file, vocabulary), engineSizes(file, vocabulary)];
  if (!generator && !engine) {
    throw new WeightsError(
      "it has neither program_generator_state nor execution_engine_state, as the reference's checkpoints have",
    );
  }
  const stage: Stage = generator && engine ? "joint" : generator ? "pg" : "ee-gt";
  const imported = "imported", start = { programGenerator: imported, executionEngine: imported };
  const value = {
    version: VERSION,
    stage,
    start,
    data: { trainRefexps: imported, trainFeatures: imported, vocabulary: imported },
    ...generator ? { generator } : {},
    ...engine ? { engine: { dim: engine.dim, headWidth: engine.headWidth, stemLayers: engine.stemLayers } } : {},
  };
  const config = REFPLUS_RUNS.begin([{ source: "import", value }]);
  const spec: DataSpec | null = engine ? { features: [engine.features, ...grid], extractor, masks } : null;
  await using device = await Device.open();
  using made = generator ? buildGenerator(device, config, vocabulary) : undefined;
  using network = engine ? buildEngine(device, config, vocabulary, spec!) : undefined;
  if (made) fill(made, file, STATES.generator);
  if (network) fill(network, file, STATES.engine, network.banks);
  const models: Models = { generator: made ?? null, engine: network ?? null };
  const tensors = checkpointTensors(models, { generator: null, engine: null });
  const metadata = checkpointMetadata(0, config, refplusFacts(config, { vocabulary, spec, baseline: 0 }));
  return {
    bytes: await saveTensors(tensors, metadata),
    config,
    generator: made !== undefined,
    engine: network !== undefined,
  };
}

const tables = z.object({
  refexp_token_to_idx: z.array(z.tuple([z.string(), z.int()])),
  program_token_to_idx: z.array(z.tuple([z.string(), z.int()])),
});

/** Equal numbers of words say nothing: the words of a checkpoint that has its vocabulary must have the numbers given. */
function refuseOtherVocabulary({ metadata: { vocab } }: WeightFile, vocabulary: Vocabulary): void {
  if (vocab === undefined) return;
  let own: z.output<typeof tables>;
  try {
    own = tables.parse(JSON.parse(vocab));
  } catch {
    return;
  }
  for (const name of ["refexp_token_to_idx", "program_token_to_idx"] as const) {
    const given = vocabulary[name], other = own[name].find(([token, index]) => given[token] !== index);
    if (!other) continue;
    const [token, index] = other, found = Object.hasOwn(given, token) ? `number ${given[token]}` : "nowhere";
    throw new WeightsError(
      `was trained with another vocabulary: "${token}" is number ${index} there, and ${found} in --vocab_json`,
    );
  }
}

function fill(model: Module, file: WeightFile, prefix: string, banks: Banks = {}): void {
  const own = fromTorchState(file, model.parameters(), prefix, banks);
  for (const { name, tensor } of model.parameters()) tensor.write(own.get(name)!.data);
}

function generatorSizes({ tensors }: WeightFile, vocabulary: Vocabulary): RefplusConfig["generator"] | null {
  const at = (name: string): StoredTensor | undefined => tensors.get(STATES.generator + name);
  const [embed, state, tokens] = [
    at("encoder_embed.weight"),
    at("encoder_rnn.weight_hh_l0"),
    at("decoder_embed.weight"),
  ];
  if (!embed || !state || !tokens) return null;
  const words = Object.keys(vocabulary.refexp_token_to_idx).length;
  const programTokens = Object.keys(vocabulary.program_token_to_idx).length;
  if (embed.shape[0] !== words || tokens.shape[0] !== programTokens) {
    throw new WeightsError(
      `its program generator knows ${embed.shape[0]} words and ${tokens.shape[0]} program tokens, ` +
        `the vocabulary has ${words} and ${programTokens}`,
    );
  }
  let layers = 1;
  while (at(`encoder_rnn.weight_hh_l${layers}`)) layers++;
  return { wordDim: embed.shape[1], hidden: state.shape[1], layers, forgetBias: null, labelSmoothing: 0 };
}

function engineSizes({ tensors }: WeightFile, { program_token_to_idx: tokens }: Vocabulary) {
  const at = (name: string): StoredTensor | undefined => tensors.get(STATES.engine + name);
  const first = at("stem.0.weight");
  if (!first) return null;
  const missing = Object.keys(tokens).find((token) => !at(`${token}.conv1.weight`) && !at(`${token}.proj.weight`));
  if (missing !== undefined) {
    throw new WeightsError(`its execution engine has no module for "${missing}" of the vocabulary`);
  }
  let stemLayers = 1;
  while (at(`stem.${2 * stemLayers}.weight`)) stemLayers++;
  // Without a head the file is incomplete, which is reported when its tensors are read.
  const headWidth = at("classifier.7.weight")?.shape[0] ?? null;
  return { dim: first.shape[0], features: first.shape[1], stemLayers, headWidth };
}
