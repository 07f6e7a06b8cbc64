/** Typed arrays on their way between the tests and the page, as JSON with Base64. */
import type { TypedArray } from "../../dtype.ts";

/** An array in JSON. */
export interface Wired {
  readonly type: string;
  readonly base64: string;
}

const KINDS = { Float32Array, Int32Array, Uint32Array, Float16Array } as const;

/** JSON of a value that may hold typed arrays. */
export function toWire(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (!ArrayBuffer.isView(part)) return part;
    const { buffer, byteOffset, byteLength } = part;
    // Chunks: a function takes so many arguments at most.
    const bytes = new Uint8Array(buffer, byteOffset, byteLength), step = 1 << 15;
    let text = "";
    for (let at = 0; at < bytes.length; at += step) text += String.fromCharCode(...bytes.subarray(at, at + step));
    return { type: part.constructor.name, base64: btoa(text) } satisfies Wired;
  });
}

/** The value whose JSON {@link toWire} gave. */
export function fromWire(text: string): unknown {
  return JSON.parse(text, (_, part) => {
    if (part === null || typeof part !== "object" || typeof part.base64 !== "string") return part;
    const kind = KINDS[(part as Wired).type as keyof typeof KINDS];
    return new kind(Uint8Array.from(atob(part.base64), (c) => c.charCodeAt(0)).buffer) as TypedArray;
  });
}
