/** All that a page holds beside its script: facts, weights, pictures and results, as one block of text. */
import type { Knowledge } from "../../datasets/knowledge/knowledge.ts";
import type { ContextOptions } from "../../datasets/context/options.ts";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../../engine/mod.ts";
import type { TrainConfig } from "../../model/regions/config.ts";

/** Settings that a model is built and pictures are prepared by. */
export type PageConfig = Pick<TrainConfig, "model" | "seed" | "image" | "convolutions">;

/** A picture of the page with its regions. */
export interface PageScene {
  /** Name of the picture. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** x1, y1, x2, y2 of each region in inclusive pixels of the picture. */
  readonly boxes: readonly (readonly [number, number, number, number])[];
  /** Class of each region; null where nobody said it. */
  readonly labels: readonly (number | null)[];
  /** Context scenes are drawn on the page: the set's options and the number of the image. Others have a tensor of pixels. */
  readonly drawn?: { readonly options: ContextOptions; readonly index: number };
}

/** Facts of a page about a region classifier. */
export interface PageFacts {
  /** Name of the run. */
  readonly run: string;
  /** The data set as people write it. */
  readonly set: string;
  /** Version that made the page. */
  readonly version: string;
  /** Updates that the model was trained for. */
  readonly step: number;
  readonly config: PageConfig;
  /** Class names, background first. */
  readonly classes: readonly string[];
  /** Types and edges of the classes' graph; its vectors are among the weights. */
  readonly knowledge: Omit<Knowledge, "vectors"> | null;
  readonly scenes: readonly PageScene[];
  /** False where the model was too large to go with the page. */
  readonly live: boolean;
}

/** Facts and tensors of a page. */
export interface Payload<Facts = PageFacts> {
  readonly facts: Facts;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** Name of the tensor with the pixels of a scene as the network gets them, a PNG file's bytes. */
export function pixelsName(scene: number): string {
  return `scene${scene}.png`;
}

/** Name of the tensor with a scene as people see it, the bytes of a PNG or WebP file. */
export function photoName(scene: number): string {
  return `scene${scene}.photo`;
}

/** The payload as text: a packed safetensors file in Base64. */
export async function encodePayload({ facts, tensors }: Payload<unknown>): Promise<string> {
  const file = encodeSafetensors(tensors, { facts: JSON.stringify(facts) }, { checksum: true });
  return (await through(file, new CompressionStream("deflate"))).toBase64();
}

/** The payload whose text {@link encodePayload} gave. */
export async function decodePayload<Facts = PageFacts>(text: string): Promise<Payload<Facts>> {
  const { tensors, metadata } = decodeSafetensors(await through(fromBase64(text), new DecompressionStream("deflate")));
  return { facts: JSON.parse(metadata.facts) as Facts, tensors };
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

/** `Uint8Array.fromBase64` is younger than WebGPU. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}
