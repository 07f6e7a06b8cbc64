/** Numbers that the scripts in make/ make too: an integer hash of a name and an element's index (make/formula.py). */

function seed(name: string): number {
  return new TextEncoder().encode(name).reduce((h, byte) => Math.imul(h ^ byte, 16777619) >>> 0, 2166136261);
}

/** Numbers between `low` and `high`. */
export function uniform(name: string, size: number, low: number, high: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(size);
  const start = seed(name);
  for (let i = 0; i < size; i++) {
    let x = (Math.imul(i, 0x9e3779b9) + start) | 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x7feb352d);
    x ^= x >>> 15;
    x = Math.imul(x, 0x846ca68b);
    x ^= x >>> 16;
    const unit = (x >>> 0) / 2147483648 - 1;
    out[i] = low + (unit + 1) / 2 * (high - low);
  }
  return out;
}

/** Values of the authors' variable `name`: kept small where a deep network would explode. */
export function variable(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const size = shape.reduce((a, b) => a * b, 1);
  const between = (low: number, high: number): Float32Array<ArrayBuffer> => uniform(name, size, low, high);
  switch (name.split("/").at(-1)) {
    case "gamma":
      return /\/(conv3|shortcut)\//.test(name) ? between(0.25, 0.55) : between(0.7, 1.3);
    case "beta":
    case "moving_mean":
      return between(-0.2, 0.2);
    case "moving_variance":
      return between(0.6, 1.4);
    case "biases":
      return between(-0.1, 0.1);
    case "mem_init":
      return between(-0.5, 0.5);
  }
  const gain = name.includes("/conv1/weights") && shape[0] === 7 ? 6 / 60 ** 2 : 6;
  const reach = Math.sqrt(gain / shape.slice(0, -1).reduce((a, b) => a * b, 1));
  return between(-reach, reach);
}
