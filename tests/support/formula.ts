/** Numbers that a fixture's script makes too, so that a fixture need not hold them (tests/fixtures/formula.py). */

function fnv(name: string): number {
  return new TextEncoder().encode(name).reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5) >>> 0;
}

/** A hash of the name and the element's index, spread over [low, high). */
export function numbers(name: string, size: number, low: number, high: number): Float32Array<ArrayBuffer> {
  const seed = fnv(name);
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + seed) | 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    out[i] = low + (h >>> 0) / 2 ** 32 * (high - low);
  }
  return out;
}

/** A weight as He et al. would begin it, evenly spread. */
export function weight(name: string, size: number, fanIn: number): Float32Array<ArrayBuffer> {
  const reach = Math.sqrt(6 / fanIn);
  return numbers(name, size, -reach, reach);
}

/** Scale, shift, mean and variance of a normalisation; that of a unit's last is kept small, or deep networks explode. */
export function norm(name: string, channels: number, last: boolean): Float32Array<ArrayBuffer>[] {
  const [low, high] = last ? [0.2, 0.5] : [0.5, 1.5];
  return [
    numbers(`${name} gamma`, channels, low, high),
    numbers(`${name} beta`, channels, -0.2, 0.2),
    numbers(`${name} mean`, channels, -0.2, 0.2),
    numbers(`${name} variance`, channels, 0.5, 1.5),
  ];
}
