/** sharp: decodes, encodes and resizes pictures. Native code, so it is loaded with the first picture and not before. */

const load = () => import("npm:sharp@0.35.5");

/** The library's function, which begins a pipeline. */
export type SharpLibrary = Awaited<ReturnType<typeof load>>["default"];
/** A pipeline. */
export type SharpImage = ReturnType<SharpLibrary>;
/** A picture laid over another. */
export type SharpOverlay = Parameters<SharpImage["composite"]>[0][number];

/** Loads the library once. It may not keep files by their paths: one that was replaced would be read as it was before. */
export async function loadSharp(): Promise<SharpLibrary> {
  const { default: sharp } = await load();
  sharp.cache(false);
  return sharp;
}
