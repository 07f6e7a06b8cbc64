/** Numbers by name and index, the same here and in make/formula.py, so that golden files hold results only. */

function fnv(name: string): number {
  return new TextEncoder().encode(name).reduce((h, b) => Math.imul(h ^ b, 0x01000193), 0x811c9dc5) >>> 0;
}

/** A hash of the name and the element's index, spread over [low, high). */
export function numbers(name: string, size: number, low: number, high: number): Float32Array<ArrayBuffer> {
  const seed = fnv(name), out = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let x = (Math.imul(i, 0x9e3779b1) + seed) | 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d);
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b);
    x ^= x >>> 16;
    out[i] = low + (x >>> 0) / 2 ** 32 * (high - low);
  }
  return out;
}
