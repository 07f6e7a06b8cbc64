/** sharp: decodes, encodes and resizes pictures. Native code, so it is loaded with the first picture and not before. */
import type { default as sharp, OverlayOptions, Sharp } from "npm:sharp@0.35.5";

/** The library's function, which begins a pipeline. */
export type SharpLibrary = typeof sharp;
/** A pipeline. */
export type SharpImage = Sharp;
/** A picture laid over another. */
export type SharpOverlay = OverlayOptions;

/** Loads the library once. */
export async function loadSharp(): Promise<SharpLibrary> {
  return (await import("npm:sharp@0.35.5")).default;
}
