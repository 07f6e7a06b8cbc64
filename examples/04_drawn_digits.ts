/**
 * A convolutional net that reads digits drawn on the fly: seven-segment shapes with wobbling corners, slanted, moved and
 * under noise. `deno run examples/04_drawn_digits.ts`
 */
// deno-lint-ignore-file no-console
import { AdamW, crossEntropy, Device, maxPool2d, nn, schedules, type Tensor } from "../engine/mod.ts";

const SIDE = 16;
/** Segments of each digit: a top, b and c right, d bottom, e and f left, g middle. */
const DIGITS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"];
/** The two corners of each segment, x to the right and y downwards, in units of half a digit's height. */
const SEGMENTS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  a: [0, 0, 1, 0],
  b: [1, 0, 1, 1],
  c: [1, 1, 1, 2],
  d: [0, 2, 1, 2],
  e: [0, 1, 0, 2],
  f: [0, 0, 0, 1],
  g: [0, 1, 1, 1],
};

/** Numbers in (0, 1) from a seed (Park and Miller, 1988). */
const generator = (state: number) => (): number => (state = 48271 * state % 2147483647) / 2147483647;

/** Draws a digit into a picture of SIDE × SIDE brightnesses. */
function draw(digit: number, into: Float32Array, random: () => number): void {
  const some = (size: number): number => size * (2 * random() - 1);
  const scale = 4.5 + some(0.8), left = 5.5 + some(2), top = 3.5 + some(2), slant = some(0.2), width = 0.8 + some(0.2);
  for (let i = 0; i < into.length; i++) into[i] = 0.15 * random() + (random() < 0.02 ? 0.5 : 0);
  for (const name of DIGITS[digit]) {
    const [x1, y1, x2, y2] = SEGMENTS[name].map((v) => v + some(0.08));
    for (let i = 0; i < into.length; i++) {
      // The pixel in the digit's own units, and its distance from the segment.
      const py = (Math.floor(i / SIDE) - top) / scale, px = (i % SIDE - left) / scale + slant * (py - 1);
      const [dx, dy] = [x2 - x1, y2 - y1];
      const t = Math.max(0, Math.min(1, ((px - x1) * dx + (py - y1) * dy) / (dx * dx + dy * dy)));
      const distance = scale * Math.hypot(px - x1 - t * dx, py - y1 - t * dy);
      into[i] = Math.max(into[i], Math.min(1, width + 0.5 - distance));
    }
  }
}

/** Pictures [n, SIDE, SIDE, 1] and their digits [n]. */
function batch(n: number, seed: number): { pixels: Float32Array<ArrayBuffer>; digits: Int32Array<ArrayBuffer> } {
  const random = generator(seed), pixels = new Float32Array(n * SIDE * SIDE);
  const digits = Int32Array.from({ length: n }, () => Math.floor(10 * random()));
  digits.forEach((digit, i) => draw(digit, pixels.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE), random));
  return { pixels, digits };
}

await using device = await Device.open();
const seeds = new nn.Seeds(4), steps = 250;
const convolution = (inputs: number, outputs: number): nn.Conv2d =>
  new nn.Conv2d(device, { kernel: 3, inputs, outputs, seeds, padding: "same", activation: "relu" });
const halved = (x: Tensor): Tensor => maxPool2d(x, 2);
using model = new nn.Sequential(
  device,
  convolution(1, 8),
  halved, // 8 × 8
  convolution(8, 16),
  halved, // 4 × 4
  (x) => x.reshape([x.shape[0], 4 * 4 * 16]),
  new nn.Linear(device, { inputs: 4 * 4 * 16, outputs: 10, seeds }),
);
const rateAt = schedules.cosine(0.01, steps);
using adam = new AdamW(device, model.trainable(), { rate: rateAt(0) });

const start = performance.now();
for (let step = 0; step < steps; step++) {
  using _scope = device.scope();
  const { pixels, digits } = batch(32, 1000 + step);
  const loss = crossEntropy(model.forward(device.tensor(pixels, [32, SIDE, SIDE, 1])), device.tensor(digits));
  loss.backward();
  adam.rate = rateAt(step);
  adam.step();
  model.zeroGrad();
  if (step % 50 === 0) console.log(`step ${step} loss ${(await loss.item()).toFixed(4)}`);
}

using _scope = device.scope();
const { pixels, digits } = batch(500, 1);
const guesses = await device.noGrad(() => model.forward(device.tensor(pixels, [500, SIDE, SIDE, 1])).argmax(1))
  .data<"i32">();
for (let y = 0; y < SIDE; y++) {
  const row = (i: number): string =>
    Array.from(pixels.subarray((i * SIDE + y) * SIDE, (i * SIDE + y + 1) * SIDE), (v) => " .:+#@"[Math.floor(5.99 * v)])
      .join("");
  console.log([0, 1, 2, 3].map(row).join("  "));
}
console.log("read as", [...guesses.subarray(0, 4)].join(", "));
const right = guesses.filter((guess, i) => guess === digits[i]).length;
const seconds = (performance.now() - start) / 1000;
console.log(`accuracy ${(100 * right / 500).toFixed(1)} % of 500 new digits after ${seconds.toFixed(0)} s`);
