/** The spatial memory in float64 (papers/iterative-reasoning.md#memory-update). */
import {
  type Array64,
  conv,
  get,
  linear,
  make,
  map,
  plus,
  relu,
  shaped,
  sigmoid,
  type Weights,
  zip,
} from "./arrays.ts";

/** A box in cells of the map: y1, x1, y2, x2. */
export type CellBox = readonly [number, number, number, number];

/** Sizes and options of the memory. */
export interface MemoryShape {
  readonly map: readonly [number, number];
  readonly cropSize: number;
  readonly contextLayers: number;
  readonly inputLayers: number;
  readonly fcLayers: number;
}

/** Class scores and confidence. */
export interface HeadOutput64 {
  readonly logits: Array64;
  readonly confidence: Array64;
}

/** Point samples of a map [1, h, w, c] on a size × size grid over each box, corners on corners; outside is 0. */
export function crop(image: Array64, boxes: readonly CellBox[], size: number): Array64 {
  const [, h, w, c] = image.shape;
  // A map of one row or column has no extent to place a box on: everything lies at 0.
  const along = (v: number, extent: number): number => extent === 1 ? 0 : v;
  const position = (low: number, high: number, i: number): number =>
    size === 1 ? (low + high) / 2 : low + i * (high - low) / (size - 1);
  return make([boxes.length, size, size, c], ([r, i, j, channel]) => {
    const [y1, x1, y2, x2] = boxes[r];
    let [y, x] = [along(position(y1, y2, i), h), along(position(x1, x2, j), w)];
    if (y < -1e-4 || y > h - 1 + 1e-4 || x < -1e-4 || x > w - 1 + 1e-4) return 0;
    [y, x] = [Math.min(Math.max(y, 0), h - 1), Math.min(Math.max(x, 0), w - 1)];
    const [top, left, bottom, right] = [Math.floor(y), Math.floor(x), Math.ceil(y), Math.ceil(x)];
    const at = (row: number, column: number): number => get(image, 0, row, column, channel);
    const upper = at(top, left) + (x - left) * (at(top, right) - at(top, left));
    const lower = at(bottom, left) + (x - left) * (at(bottom, right) - at(bottom, left));
    return upper + (y - top) * (lower - upper);
  });
}

/** Sum over regions of their patches laid into their boxes, divided by how many boxes hold each cell. */
export function paste(patches: Array64, boxes: readonly CellBox[], [h, w]: readonly [number, number]): Array64 {
  const [, size, , c] = patches.shape;
  const whole = make([1, h, w, c], () => 0);
  const count = make([h, w], () => 0);
  boxes.forEach(([y1, x1, y2, x2], r) => {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const [py, px] = [(y - y1) / (y2 - y1) * (size - 1), (x - x1) / (x2 - x1) * (size - 1)];
        if (!(py >= 0 && py <= size - 1 && px >= 0 && px <= size - 1)) continue;
        count.data[y * w + x]++;
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) {
            const weight = Math.max(0, 1 - Math.abs(py - i)) * Math.max(0, 1 - Math.abs(px - j));
            for (let d = 0; d < c; d++) whole.data[(y * w + x) * c + d] += weight * get(patches, r, i, j, d);
          }
        }
      }
    }
  });
  return make(whole.shape, ([, y, x, d]) => get(whole, 0, y, x, d) / Math.max(1, get(count, y, x)));
}

/** The gated update: x and s [n, h, w, ·]; gates of one value a cell, or one a channel. */
export function gru(
  x: Array64,
  s: Array64,
  w: Weights,
  name: string,
  activation: "relu" | "tanh" = "relu",
): Array64 {
  const of = (part: string): Array64 => w.get(`${name}.${part}`)!;
  const gates = sigmoid(plus(conv(x, of("gates.x.weight"), of("gates.bias")), conv(s, of("gates.s.weight"))));
  const depth = s.shape[3], width = gates.shape[3] / 2;
  const gate = ([n, y, x, channel]: readonly number[], which: number): number =>
    get(gates, n, y, x, which * width + (width === 1 ? 0 : channel));
  const at = (values: Array64, [n, y, x, channel]: readonly number[]): number => get(values, n, y, x, channel);
  const kept = make(s.shape, (index) => gate(index, 0) * at(s, index));
  const candidate = map(
    plus(conv(x, of("candidate.x.weight"), of("candidate.bias")), conv(kept, of("candidate.s.weight"))),
    activation === "tanh" ? Math.tanh : (v) => Math.max(v, 0),
  );
  if (candidate.shape[3] !== depth) throw new Error("depths differ");
  return make(s.shape, (index) => {
    const old = at(s, index);
    return old + gate(index, 1) * (at(candidate, index) - old);
  });
}

/** Fully connected layers, scores, confidence. */
export function head(features: Array64, w: Weights, name: string, layers: number): HeadOutput64 {
  let z = features;
  for (let i = 0; i < layers; i++) {
    z = relu(linear(z, w.get(`${name}.fc${6 + i}.weight`)!, w.get(`${name}.fc${6 + i}.bias`)!));
  }
  return {
    logits: linear(z, w.get(`${name}.score.weight`)!, w.get(`${name}.score.bias`)!),
    confidence: linear(z, w.get(`${name}.confidence.weight`)!),
  };
}

/** mem_init resized as TensorFlow 1 does: source = destination × in / out, clamped. */
export function initialMemory(w: Weights, [h, width]: readonly [number, number]): Array64 {
  const stored = w.get("memory.mem_init")!;
  const [, sh, sw, depth] = stored.shape;
  return make([1, h, width, depth], ([, y, x, d]) => {
    const [fy, fx] = [y * sh / h, x * sw / width];
    const [top, left] = [Math.floor(fy), Math.floor(fx)];
    const [bottom, right] = [Math.min(top + 1, sh - 1), Math.min(left + 1, sw - 1)];
    const row = (r: number): number =>
      get(stored, 0, r, left, d) + (fx - left) * (get(stored, 0, r, right, d) - get(stored, 0, r, left, d));
    return row(top) + (fy - top) * (row(bottom) - row(top));
  });
}

/** Class scores and confidence that the memory gives the regions. */
export function predictMemory(
  memory: Array64,
  boxes: readonly CellBox[],
  w: Weights,
  shape: MemoryShape,
): HeadOutput64 {
  const layer = (i: number, x: Array64): Array64 =>
    conv(x, w.get(`memory.context${i}.weight`)!, w.get(`memory.context${i}.bias`)!);
  let net = layer(1, memory);
  for (let i = 2; i < shape.contextLayers; i += 2) net = plus(net, layer(i + 1, relu(layer(i, relu(net)))));
  const read = crop(net, boxes, shape.cropSize);
  const flat = shape.cropSize ** 2 * read.shape[3];
  return head(shaped(read, [boxes.length, flat]), w, "memory.head", shape.fcLayers);
}

/** The memory after all regions wrote to it. */
export function updateMemory(
  memory: Array64,
  feedback: Array64,
  pool5: Array64,
  boxes: readonly CellBox[],
  w: Weights,
  shape: MemoryShape,
): Array64 {
  const mapped = linear(feedback, w.get("memory.map_prob.weight")!);
  const seen = conv(pool5, w.get("memory.pool5_comp.weight")!, w.get("memory.pool5_comp.bias")!);
  let x = relu(make(seen.shape, ([r, i, j, d]) => get(seen, r, i, j, d) + get(mapped, r, d)));
  for (let i = 2; i <= shape.inputLayers; i++) {
    x = relu(conv(x, w.get(`memory.input${i}.weight`)!, w.get(`memory.input${i}.bias`)!));
  }
  const state = crop(memory, boxes, shape.cropSize);
  const change = zip(gru(x, state, w, "memory.gru"), state, (a, b) => a - b);
  return plus(memory, paste(map(change, (v) => v), boxes, shape.map));
}
