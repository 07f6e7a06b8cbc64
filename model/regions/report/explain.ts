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

/** A model's inside on one image, as numbers. */
export interface Explanation {
  /** Probabilities [R, C] of every prediction, the answer last. */
  readonly predictions: readonly { readonly name: string; readonly probabilities: Float32Array }[];
  /** Attention over all predictions but the answer, [R, N]; null when it is off. */
  readonly attention: Float32Array | null;
  /** The memory before and after every update; empty without one. */
  readonly memories: readonly MemoryMap[];
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
      map: trace.memories[0]?.shape.slice(1, 3) ?? [0, 0],
      layers: Promise.all((trace.layers.at(-1) ?? []).map(readLayer)),
      edges: trace.edges && { ...trace.edges, rows: trace.edges.rows, relations: trace.edges.relations },
    };
  });
  const probabilities = await reads.probabilities;
  const [height, width] = reads.map;
  return {
    predictions: reads.names.map((name, i) => ({ name, probabilities: probabilities[i] })),
    attention: await reads.attention,
    memories: (await reads.memories).map((magnitude) => ({ height, width, magnitude })),
    senders: reads.edges ? strongest(await reads.layers, reads.edges, image.labels.length) : [],
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

/** Per region the senders whose messages, summed over relations, are longest; over all layers. */
function strongest(layers: readonly Messages[], { relations }: GraphData, regions: number): Sender[][] {
  return Array.from({ length: regions }, (_, r) => {
    const lengths = new Map<string, number>();
    const add = (key: string, length: number): void => void lengths.set(key, (lengths.get(key) ?? 0) + length);
    for (const { regionMessages, classMessages, assignment, width } of layers) {
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
      for (const [q, message] of messages) add(`region ${q}`, length(message));
      if (!classMessages) continue;
      const classes = assignment.length / regions;
      for (let c = 1; c < classes; c++) {
        add(`class ${c}`, assignment[r * classes + c] * length(classMessages.subarray(c * width, (c + 1) * width)));
      }
    }
    const total = [...lengths.values()].reduce((sum, v) => sum + v, 0) || 1;
    return [...lengths].sort((a, b) => b[1] - a[1]).slice(0, NAMED).map(([key, size]): Sender => {
      const [kind, index] = key.split(" ");
      return { kind: kind as Sender["kind"], index: Number(index), share: size / total };
    });
  });
}

function length(vector: ArrayLike<number>): number {
  let squares = 0;
  for (let d = 0; d < vector.length; d++) squares += vector[d] * vector[d];
  return Math.sqrt(squares);
}
