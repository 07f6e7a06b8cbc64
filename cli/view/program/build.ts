/** The payload of a page about the module network. */
import { basename } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { printableLine } from "../../../engine/base/printable.ts";
import { pagePicture } from "../../../datasets/images/page_picture.ts";
import { readPicture } from "../../../datasets/images/read_picture.ts";
import { decodeTokens, tokenList } from "../../../datasets/refplus/encoding/tokens.ts";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { listPictures } from "../../../datasets/refplus/files/pictures.ts";
import type { SafetensorsTensor } from "../../../engine/mod.ts";
import { PREFIX } from "../../../model/refplus/build.ts";
import {
  holds,
  readRefplusCheckpoint,
  type RefplusCheckpoint,
  samePrograms,
} from "../../../model/refplus/checkpoint.ts";
import { assertSameSpec } from "../../../model/refplus/data_spec.ts";
import { Samples } from "../../../model/refplus/training/samples.ts";
import { openDevice } from "../../../model/run/run_config.ts";
import { VERSION } from "../../../model/run/version.ts";
import type { Payload } from "../payload.ts";
import { MOST_WEIGHTS, narrowed } from "../weights.ts";
import { execute, programModels, writeProgram } from "./compute.ts";
import { expressionNames, type ModelConfig, type PagePicture, pictureNames, type ProgramFacts } from "./payload.ts";

/** Options of {@link programPayload}. */
export interface ProgramOptions {
  /** Run or checkpoint with the program generator, where the run itself has none. */
  readonly generator: string | undefined;
  /** Folder of the pictures of the run's held-out split. */
  readonly pictures: string;
  /** Pictures on the page. */
  readonly images: number;
  /** Weights in 16 bits. */
  readonly half: boolean;
  readonly onPicture: (done: number) => void;
  readonly onMessage: (text: string) => void;
}

/** Expressions of a picture that are computed before. */
const EXPRESSIONS = 4;

/** Bytes of a picture. */
const PHOTO_BYTES = 300_000;

/** Facts, weights, pictures with their features, and some expressions with their programs and masks. */
export async function programPayload(
  run: string,
  engine: RefplusCheckpoint,
  { generator: from, pictures: folder, images, half, onPicture, onMessage }: ProgramOptions,
): Promise<Payload<ProgramFacts>> {
  if (!holds(engine, "engine")) {
    throw new UserError(`${engine.path}: is of stage ${engine.config.stage} and has no execution engine to look at`);
  }
  const generator = await generatorOf(engine, from);
  const { valRefexps, valFeatures } = engine.config.data;
  if (valRefexps === null || valFeatures === null) {
    throw new UserError(`${engine.path}: was trained without held-out expressions (data.valRefexps, data.valFeatures)`);
  }
  using samples = await Samples.open(valRefexps, valFeatures, engine.vocabulary);
  using features = await FeatureFile.open(valFeatures);
  assertSameSpec(
    { features: features.settings.shape, extractor: features.settings.extractor, masks: samples.maskSize },
    engine,
  );
  const files = await listPictures(folder), weights = weightsOf(engine, generator, half);
  const live = weights.reduce((sum, [, { data }]) => sum + data.byteLength, 0) <= MOST_WEIGHTS;
  if (!live) onMessage(`${engine.path}: its weights are too much for a page, which shows what is computed here`);
  const { vocabulary, spec } = { ...engine, vocabulary: generator.vocabulary };
  const facts = {
    run: printableLine(run),
    version: VERSION,
    step: engine.step,
    convolutions: engine.config.convolutions,
    generator: modelConfig(generator),
    engine: modelConfig(engine),
    vocabulary,
    spec: spec!,
    pictures: [] as PagePicture[],
    live,
  } satisfies ProgramFacts;
  const tensors = new Map<string, SafetensorsTensor>(live ? weights : []);
  await using device = await openDevice(engine.config);
  const models = programModels(device, facts, new Map(weights));
  using _generator = models.generator;
  using _engine = models.engine;
  const words = tokenList(engine.vocabulary.refexp_token_to_idx), [height, width] = spec!.masks;
  const groups = Map.groupBy(Array.from({ length: samples.size }, (_, i) => i), (i) => samples.pictures([i])[0]);
  for (const [picture, own] of [...groups].slice(0, images)) {
    const at = facts.pictures.length, names = pictureNames(at), row = features.row(picture);
    if (files[picture] === undefined) {
      throw new UserError(`${folder}: has ${files.length} pictures, the run's expressions speak of number ${picture}`);
    }
    const shown = await pagePicture(await readPicture(files[picture]), PHOTO_BYTES);
    tensors.set(names.photo, { dtype: "U8", shape: [shown.file.length], data: new Uint8Array(shown.file) });
    tensors.set(names.features, { dtype: "F32", shape: [row.length], data: row });
    const expressions = [];
    for (const i of spread(own, EXPRESSIONS, (i) => samples.lengths(i).words)) {
      const text = decodeTokens(samples.words([i]).data, words).join(" ").replace(/ ([;,])/g, "$1");
      const { program, steps } = await execute(models, facts, await writeProgram(models, facts, text), row);
      const keys = expressionNames(at, expressions.length), all = new Float32Array(steps.length * height * width);
      steps.forEach((step, k) => all.set(step, k * height * width));
      tensors.set(keys.steps, { dtype: "F32", shape: [steps.length, height, width], data: all });
      tensors.set(keys.truth, { dtype: "U8", shape: [height, width], data: Uint8Array.from(samples.masks([i])) });
      expressions.push({ text, program });
    }
    facts.pictures.push({
      id: printableLine(basename(files[picture])),
      width: shown.width,
      height: shown.height,
      expressions,
    });
    onPicture(facts.pictures.length);
  }
  return { facts, tensors };
}

async function generatorOf(engine: RefplusCheckpoint, from: string | undefined): Promise<RefplusCheckpoint> {
  const generator = from === undefined ? engine : await readRefplusCheckpoint(from);
  if (!holds(generator, "generator")) {
    throw new UserError(`${generator.path}: has no program generator; name a run that has one by --generator`);
  }
  if (samePrograms(generator.vocabulary, engine.vocabulary)) return generator;
  throw new UserError(`${generator.path}: was trained with other program tokens than ${engine.path}`);
}

function modelConfig({ config: { generator, engine, seed } }: RefplusCheckpoint): ModelConfig {
  return { generator, engine, seed };
}

function weightsOf(
  engine: RefplusCheckpoint,
  generator: RefplusCheckpoint,
  half: boolean,
): [string, SafetensorsTensor][] {
  return (["engine", "generator"] as const).flatMap((which) =>
    [...(which === "engine" ? engine : generator).tensors].filter(([name]) => name.startsWith(PREFIX[which]))
      .map(([name, tensor]): [string, SafetensorsTensor] => [name, half ? narrowed(tensor) : tensor])
  );
}

/** At most `count` of a list, from all over it, for neighbours are of one template: of each part the one with the least `size`. */
function spread(list: readonly number[], count: number, size: (index: number) => number): number[] {
  const parts = Math.min(count, list.length), at = (part: number): number => Math.floor(part * list.length / parts);
  return Array.from({ length: parts }, (_, part) => {
    const own = list.slice(at(part), at(part + 1));
    return own.reduce((best, one) => size(one) < size(best) ? one : best);
  });
}
