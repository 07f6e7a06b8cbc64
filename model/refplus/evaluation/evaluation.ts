/**
 * Evaluation of trained models on expressions: the programs they write and the masks they find
 * (papers/iep-ref.md#evaluation).
 */
import { END, START } from "../../../datasets/refplus/encoding/tokens.ts";
import type { ExecutionEngine } from "../engine/execution_engine.ts";
import type { Models } from "../checkpoint.ts";
import type { Sequences } from "../generator/program_generator.ts";
import { isWhole, type ProgramTokens, type ProgramTree } from "../engine/program_tree.ts";
import type { Ranks } from "../../run/ranks/ranks.ts";
import { ProgramWriter } from "../generator/program_writer.ts";
import { type Samples, treesOf } from "../training/samples.ts";

/** Options of an evaluation. */
export interface EvaluateOptions {
  /** Programs that the engine runs: the annotated or the predicted ones. */
  readonly programs: "truth" | "predicted";
  readonly batch: number;
  readonly tokens: ProgramTokens;
  /** Draw programs with this temperature and seed; by default the likeliest are taken. */
  readonly draw?: { readonly seed: number; readonly temperature: number };
  /** Called for each batch with the masks that were found, [count, height, width] of 0 and 1. */
  readonly onMasks?: (indices: readonly number[], masks: Float32Array) => void;
  /** Processes that share the batches out; all get all results. */
  readonly ranks?: Ranks | null | undefined;
  /** Called after each batch with the number of expressions done. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** Results for each expression, in the file's order. */
export interface Evaluated {
  /** Intersection and union in pixels of each, [N, 2]; null without an engine. */
  readonly overlaps: Float64Array | null;
  /** True where a predicted program equals the annotated one, token by token; null without a generator. */
  readonly exact: readonly boolean[] | null;
  /** Predicted programs that are not exactly one tree; they are run all the same. */
  readonly illFormed: number;
  /** Those of them without an `<END>` at the longest length. */
  readonly overLong: number;
}

/** Evaluates all of `samples` by the models there are. */
export async function evaluateSamples(
  { generator, engine }: Models,
  samples: Samples,
  { tokens, batch, programs, draw, ranks, onMasks, onProgress }: EvaluateOptions,
): Promise<Evaluated> {
  using writer = generator && new ProgramWriter(generator);
  const overlaps = new Float64Array(2 * samples.size), exact: boolean[] = Array(samples.size).fill(false);
  let illFormed = 0, overLong = 0;
  for (let at = 0; at < samples.size; at += batch) {
    if (ranks && (at / batch) % ranks.size !== ranks.rank) continue;
    const indices = Array.from({ length: Math.min(batch, samples.size - at) }, (_, i) => at + i);
    const truth = samples.programs(indices);
    let run = truth;
    if (writer) {
      const words = samples.words(indices);
      const written = await (draw ? writer.drawn(words, { ...draw, step: at }) : writer.likeliest(words));
      for (let n = 0; n < indices.length; n++) {
        const want = upToEnd(truth, n), got = upToEnd(written, n);
        exact[at + n] = want.join() === got.join();
        if (!isWhole(got, tokens)) illFormed++;
        if (!got.includes(END)) overLong++;
      }
      if (programs === "predicted") run = written;
    }
    if (engine) {
      const trees = treesOf(run, tokens);
      overlaps.set(await overlapsOf(engine, samples, indices, trees), 2 * at);
      if (onMasks) onMasks(indices, await masksOf(engine, samples, indices, trees));
    }
    onProgress?.(at + indices.length, samples.size);
  }
  const own = { overlaps, exact, illFormed, overLong }, all = ranks ? await joined(ranks, own) : own;
  return { ...all, overlaps: engine ? all.overlaps : null, exact: writer ? all.exact : null };
}

/** Results of each expression, of which some may be another rank's. */
type Results = { readonly [K in keyof Evaluated]: NonNullable<Evaluated[K]> };

/** The results of all ranks: each has some expressions', and zeros for the others. */
async function joined(ranks: Ranks, { overlaps, exact, illFormed, overLong }: Results): Promise<Results> {
  const row = Float64Array.from([...overlaps, ...exact.map(Number), illFormed, overLong]);
  const sum = new Float64Array(row.length);
  for (const bytes of await ranks.all(new Uint8Array(row.buffer))) {
    new Float64Array(bytes.slice().buffer).forEach((v, i) => sum[i] += v);
  }
  const [pixels, count] = [overlaps.length, exact.length];
  return {
    overlaps: sum.slice(0, pixels),
    exact: Array.from(sum.subarray(pixels, pixels + count), Boolean),
    illFormed: sum[pixels + count],
    overLong: sum[pixels + count + 1],
  };
}

/** Intersections and unions in pixels [count, 2] of expressions run by the given programs. */
export async function overlapsOf(
  engine: ExecutionEngine,
  samples: Samples,
  indices: readonly number[],
  programs: readonly ProgramTree[],
): Promise<Float32Array> {
  const { device } = engine;
  const overlaps = device.noGrad(() => {
    using scope = device.scope();
    const features = samples.features(device, indices);
    return scope.keep(engine.evaluate(features, programs, samples.masks(indices), { learn: false }).overlaps)
      .unscoped();
  });
  const pixels = await overlaps.data();
  overlaps.dispose();
  return pixels;
}

/** Masks [count, height, width] of 0 and 1 that the given programs find. */
async function masksOf(
  engine: ExecutionEngine,
  samples: Samples,
  indices: readonly number[],
  programs: readonly ProgramTree[],
): Promise<Float32Array> {
  const { device } = engine;
  const masks = device.noGrad(() => {
    using scope = device.scope();
    return scope.keep(engine.masks(engine.forward(samples.features(device, indices), programs))).unscoped();
  });
  const pixels = await masks.data();
  masks.dispose();
  return pixels as Float32Array;
}

/** Tokens of a sequence after `<START>`, up to and including `<END>`. */
export function upToEnd({ data, length }: Sequences, n: number): readonly number[] {
  const row = [...data.subarray(n * length, (n + 1) * length)].slice(data[n * length] === START ? 1 : 0);
  const end = row.indexOf(END);
  return end < 0 ? row : row.slice(0, end + 1);
}
