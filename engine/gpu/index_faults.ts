/**
 * Indices out of range: kernels note them in a buffer of the device (`shaders/lib/index_faults.wgsl`), and the next reading
 * brings them along and fails. No reading of its own is needed, and none waits.
 */
import text from "../../shaders/lib/index_faults.wgsl" with { type: "text" };
import { IndexError } from "../base/errors.ts";
import type { PoolBuffer } from "./buffer_pool.ts";
import type { ShaderText } from "./kernel.ts";
import { numbered } from "./wgsl.ts";

/** The library file that kernels note faults by. */
export const indexFaultsLib: ShaderText = { file: "lib/index_faults.wgsl", text };

/** The variable of the buffer in kernels; the context binds it. */
export const FAULTS = "index_faults";

const OPS = numbered(text, "gather", "scatter", "crossEntropy", "cropAndResize", "roiAlign");

/** Words of each op: a flag, the index, the entries. */
const WORDS = 3;

/** Words of an op for its indices and for what they number. */
const NOUNS: Readonly<Record<keyof typeof OPS, readonly [index: string, entries: string]>> = {
  gather: ["index", "rows"],
  scatter: ["index", "rows"],
  crossEntropy: ["label", "classes"],
  cropAndResize: ["image index", "images"],
  roiAlign: ["image index", "images"],
};

/** The buffer of noted faults, and whether anything may have been noted since it was last brought along. */
export class IndexFaults {
  /** As kernels bind it. */
  readonly buffer: PoolBuffer;
  /** Zeros, to forget by. */
  readonly zeros: GPUBuffer;
  /** Bytes of either. */
  readonly bytes: number = Object.keys(OPS).length * WORDS * 4;
  /** True when a kernel ran that may have noted something. */
  dirty = false;

  constructor(device: GPUDevice) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const gpu = device.createBuffer({ label: FAULTS, size: this.bytes, usage });
    this.buffer = { id: -2, gpu, bytes: this.bytes };
    this.zeros = device.createBuffer({ label: "no faults", size: this.bytes, usage: GPUBufferUsage.COPY_SRC });
  }

  /** Throws {@link IndexError} where the words of the buffer hold a fault. */
  judge(bytes: ArrayBuffer): void {
    const words = new Int32Array(bytes);
    for (const [op, number] of Object.entries(OPS)) {
      const [flag, index, entries] = words.subarray(number * WORDS);
      if (flag === 0) continue;
      const [noun, plural] = NOUNS[op as keyof typeof OPS];
      throw new IndexError(
        `${op}: ${noun} ${index} is out of range: there are ${entries} ${plural}, and ${
          op === "crossEntropy" ? "ignoreIndex" : "-1"
        } stands for none`,
      );
    }
  }

  /** Frees the buffers. */
  destroy(): void {
    this.buffer.gpu.destroy();
    this.zeros.destroy();
  }
}
