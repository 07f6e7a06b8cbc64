/** All peers that run here. */
import type { Peer } from "../peer.ts";
import { jax } from "./jax.ts";
import { onnx } from "./onnx.ts";
import { tfjs } from "./tfjs.ts";

/** Loads every peer; `missing` is called for each that cannot be had, with the reason. */
export async function openPeers(missing: (name: string, why: string) => void): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const [name, open] of [["tfjs webgpu", tfjs], ["jax-js webgpu", jax], ["onnxruntime CPU", onnx]] as const) {
    try {
      peers.push(await open());
    } catch (error) {
      missing(name, firstLine(error));
    }
  }
  return peers;
}

/** The first line of an error's message. */
export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}
