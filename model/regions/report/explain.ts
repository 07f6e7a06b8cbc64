/** Explanations of a reasoning model on an image: its predictions by iteration, and the nodes that influenced each region. */
import type { LoadedImage } from "../../../datasets/images/loader.ts";
import { type GraphData, softmax, type Tensor } from "../../../engine/mod.ts";
import type { LayerTrace } from "../reasoning/graph.ts";
import { ReasoningClassifier, type Trace } from "../reasoning/reasoner.ts";
import type { RegionModel } from "../contract.ts";

/** A sender: another region, or a class. */
export interface Sender {
  readonly kind: "region" | "class";
  /** Index of the region, or label of the class. */
  readonly index: number;
  /** Share of all messages to the region, by length of the messages. */
  readonly share: number;
}

/** The memory at one time. */
export interface MemoryMap {
  readonly height: number;
  readonly width: number;
  /** Mean absolute value over channels, [height, width]. */
  readonly magnitude: Float32Array;
}

/** Messages that one update sent, each as a share of all that its receiver got, by length of the messages. */
export interface MessageShares {
  /** [R, R]: row r has the shares of the regions that sent to r. */
  readonly regions: Float32Array;
  /** [R, C]: row r has the shares of the classes that r is assigned to. */
  readonly classes: Float32Array;
}

/** A model's inside on one image, as numbers. */
export interface Explanation {
  /** Probabilities [R, C] of every prediction, the answer last. */
  readonly predictions: readonly { readonly name: string; readonly probabilities: Float32Array }[];
  /** Attention over all predictions but the answer, [R, N]; null when it is off. */
  readonly attention: Float32Array | null;
  /** The memory before and after every update; empty without one. */
  readonly memories: readonly MemoryMap[];
  /** Places where each update wrote: mean absolute change over channels. */
  readonly written: readonly MemoryMap[];
  /** Messages of each update; empty without a graph. */
  readonly messages: readonly MessageShares[];
  /** The strongest senders of every region in the last iteration; empty without a graph. */
  readonly senders: readonly (readonly Sender[])[];
}

/** Senders named for a region. */
const NAMED = 3;

/** Explanation of the model's run on an image; null for a model that does not reason. */
export async function explain(model: RegionModel, image: LoadedImage): Promise<Explanation | null> {
  if (!(model instanceof ReasoningClassifier)) return null;
  const { device } = model;
  const reads = device.noGrad(() => {
    using _scope = device.scope();
    const trace: Trace = { memories: [], layers: [], edges: null };
    const { predictions, attention, attended } = model.rollout(image, trace);
    const named = [...predictions, { name: "attended", logits: attended }];
    return {
      names: named.map(({ name }) => name),
      probabilities: readAll(named.map(({ logits }) => softmax(logits))),
      attention: attention && attention.data(),
      memories: readAll(trace.memories.map((m) => m.abs().mean(3))),
      written: readAll(trace.memories.slice(1).map((m, i) => m.sub(trace.memories[i]).abs().mean(3))),
      map: trace.memories[0]?.shape.slice(1, 3) ?? [0, 0],
      layers: Promise.all(trace.layers.map((layers) => Promise.all(layers.map(readLayer)))),
      edges: trace.edges && { ...trace.edges, rows: trace.edges.rows, relations: trace.edges.relations },
    };
  });
  const probabilities = await reads.probabilities;
  const [height, width] = reads.map;
  const maps = (all: Float32Array[]): MemoryMap[] => all.map((magnitude) => ({ height, width, magnitude }));
  const regions = image.labels.length, { edges } = reads;
  const messages = edges ? (await reads.layers).map((layers) => messageShares(layers, edges, regions)) : [];
  const last = messages.at(-1);
  return {
    predictions: reads.names.map((name, i) => ({ name, probabilities: probabilities[i] })),
    attention: await reads.attention,
    memories: maps(await reads.memories),
    written: maps(await reads.written),
    messages,
    senders: last ? Array.from({ length: regions }, (_, r) => strongest(last, r)) : [],
  };
}

function readAll(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  return Promise.all(tensors.map((t) => t.data()));
}

/** A layer's messages on the host. */
interface Messages {
  /** [relations, R, D]. */
  readonly regionMessages: Float32Array;
  /** [C, D]. */
  readonly classMessages: Float32Array | null;
  /** [R, C]. */
  readonly assignment: Float32Array;
  readonly width: number;
}

async function readLayer(trace: LayerTrace): Promise<Messages> {
  const [regionMessages, classMessages, assignment] = await Promise.all([
    trace.regionMessages.data(),
    trace.classMessages?.data() ?? null,
    trace.assignment.data(),
  ]);
  return { regionMessages, classMessages, assignment, width: trace.regionMessages.shape[2] };
}

/** Lengths of the messages, summed over relations, over all layers, as shares. */
function messageShares(layers: readonly Messages[], { relations }: GraphData, regions: number): MessageShares {
  const classes = layers.length > 0 ? layers[0].assignment.length / regions : 0;
  const shares = { regions: new Float32Array(regions * regions), classes: new Float32Array(regions * classes) };
  const classLengths = layers.map(({ classMessages, width }) =>
    classMessages &&
    Float64Array.from({ length: classes }, (_, c) => length(classMessages.subarray(c * width, (c + 1) * width)))
  );
  for (let r = 0; r < regions; r++) {
    const fromRegions = new Float64Array(regions), fromClasses = new Float64Array(classes);
    layers.forEach(({ regionMessages, assignment, width }, i) => {
      const messages = new Map<number, Float64Array>();
      relations.forEach(({ rowPtr, colIdx, values }, e) => {
        for (let k = rowPtr[r]; k < rowPtr[r + 1]; k++) {
          const q = colIdx[k];
          const sum = messages.get(q) ?? new Float64Array(width);
          const from = (e * regions + q) * width;
          for (let d = 0; d < width; d++) sum[d] += values[k] * regionMessages[from + d];
          messages.set(q, sum);
        }
      });
      for (const [q, message] of messages) fromRegions[q] += length(message);
      // The background, class 0, is no sender.
      classLengths[i]?.forEach((size, c) => fromClasses[c] += c === 0 ? 0 : assignment[r * classes + c] * size);
    });
    const sum = (all: Float64Array): number => all.reduce((total, one) => total + one, 0);
    const total = sum(fromRegions) + sum(fromClasses) || 1;
    shares.regions.set(fromRegions.map((v) => v / total), r * regions);
    shares.classes.set(fromClasses.map((v) => v / total), r * classes);
  }
  return shares;
}

/** The senders of region `r` with the largest shares. */
function strongest({ regions, classes }: MessageShares, r: number): Sender[] {
  const count = Math.sqrt(regions.length), width = classes.length / count;
  const row = (kind: Sender["kind"], shares: Float32Array, length: number): Sender[] =>
    Array.from(shares.subarray(r * length, (r + 1) * length), (share, index) => ({ kind, index, share }));
  return [...row("region", regions, count), ...row("class", classes, width)].filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share).slice(0, NAMED);
}

function length(vector: ArrayLike<number>): number {
  let squares = 0;
  for (let d = 0; d < vector.length; d++) squares += vector[d] * vector[d];
  return Math.sqrt(squares);
}
