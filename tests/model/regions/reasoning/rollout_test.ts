import { ok } from "node:assert/strict";
import { Device } from "../../../../engine/mod.ts";
import type { ReasoningMode } from "../../../../model/regions/reasoning/reasoner.ts";
import { type Random, randomFor, testSeed } from "../../../support/random.ts";
import type { Array64 } from "../../../support/reasoning64/arrays.ts";
import { rollout } from "../../../support/reasoning64/rollout.ts";
import {
  enliven,
  moved,
  narrow,
  type PartialReasoning,
  probe,
  randomInput,
  randomKnowledge,
  sceneOf,
  shapeOf,
  weightsOf,
} from "./small.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const CLASSES = 6;
/** Float32 sums of a few hundred terms through a few dozen layers, relative to the largest value of the tensor. */
const FORWARD = 3e-5;
/** The same, back again. */
const BACKWARD = 3e-4;
/** Elements of each weight that are moved. */
const MOVED = 4;

interface Case {
  readonly mode: ReasoningMode;
  readonly options?: PartialReasoning;
  readonly types?: number;
  readonly regions?: number;
}

const CASES: readonly Case[] = [
  { mode: "local" },
  { mode: "global" },
  { mode: "final" },
  { mode: "final", options: { crossFeed: false, attention: false }, regions: 1 },
  { mode: "final", options: { loss: { reweight: false }, iterations: 4 }, types: 0 },
  { mode: "final", options: { stop: { feedback: { memory: false, graph: false }, attended: false } }, regions: 3 },
  { mode: "final", options: { stop: { feedback: { memory: false, graph: true } }, graph: { reach: 20 } }, regions: 5 },
  {
    mode: "final",
    options: { stop: { feedback: { memory: true, graph: false } }, graph: { reach: 40, distance: "centre" } },
    regions: 3,
  },
  { mode: "local", options: { stop: { attended: false }, attention: false }, regions: 3 },
  {
    mode: "global",
    options: {
      graph: { assignNorm: "none", gates: "channel", carryClasses: true, distance: "centre" },
      head: { layers: 1 },
    },
  },
  { mode: "global", options: { graph: { carryRegions: true, candidate: "tanh", layers: 1 }, iterations: 4 } },
  {
    mode: "local",
    options: { memory: { contextLayers: 5, inputLayers: 3, kernel: 1 }, head: { layers: 0 }, iterations: 2 },
    regions: 2,
  },
];

function near(name: string, got: ArrayLike<number>, want: Array64, tolerance: number): void {
  const size = want.data.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-3);
  for (let i = 0; i < want.data.length; i++) {
    ok(
      Math.abs(got[i] - want.data[i]) <= tolerance * size,
      `${name}[${i}]: ${got[i]}, not ${want.data[i]} (seed ${testSeed})`,
    );
  }
}

function best({ shape: [, classes], data }: Array64, row: number): number {
  const scores = data.subarray(row * classes + 1, (row + 1) * classes);
  return 1 + scores.indexOf(Math.max(...scores));
}

/** Largest difference of any region's confidences, which attention is the softmax of. */
function spread({ shape: [regions, predictions], data }: Array64): number {
  const rows = Array.from({ length: regions }, (_, r) => data.subarray(r * predictions, (r + 1) * predictions));
  return Math.max(...rows.map((row) => Math.log(Math.max(...row) / Math.min(...row))));
}

/** The class that a region's answer holds least likely, but for the background. */
function worst({ shape: [, classes], data }: Array64, row: number): number {
  const scores = data.subarray(row * classes + 1, (row + 1) * classes);
  return 1 + scores.indexOf(Math.min(...scores));
}

/**
 * A model, an image, and both sides' view of it. Where a softmax is all but certain, float32 holds its slope to no digit:
 * so confidences differ by at most 2, and there is always a region whose answer is wrong.
 */
async function setUp(device: Device, { mode, options, types = 3, regions = 4 }: Case, random: Random) {
  const reasoning = narrow(options);
  const knowledge = types === 0 ? null : randomKnowledge(CLASSES, types, random);
  const model = probe(device, mode, CLASSES, reasoning, knowledge);
  enliven(model, random);
  const input = randomInput(random, regions);
  model.calibrate(input);
  const seen = await sceneOf(model, input, new Array(regions).fill(1));
  const shape = shapeOf(mode, reasoning, CLASSES, knowledge, [5, 7]);
  const { attention } = rollout(seen, await weightsOf(model), shape);
  const factor = attention ? Math.min(1, 2 / spread(attention)) : 1;
  for (const { name, tensor } of model.parameters()) {
    if (name.endsWith("head.confidence.weight")) tensor.write((await tensor.data()).map((v) => factor * v));
  }
  const weights = await weightsOf(model), { attended } = rollout(seen, weights, shape);
  // Every other region is what the ConvNet takes it for.
  const labels = Array.from(
    { length: regions },
    (_, r) => r % 2 === 0 && regions > 1 ? best(seen.logits, r) : worst(attended, r),
  );
  return { model, input, labels, scene: { ...seen, labels }, shape, weights };
}

for (const [index, given] of CASES.entries()) {
  const title = `${given.mode} ${JSON.stringify({ ...given.options, types: given.types, regions: given.regions })}`;
  Deno.test(`the whole model agrees with float64, losses and gradients: ${title}`, async () => {
    const random = randomFor(`rollout ${index}`);
    await using device = await Device.open();
    {
      const { model: made, input, labels, scene, shape, weights } = await setUp(device, given, random);
      using model = made;
      using _scope = device.scope();
      const want = rollout(scene, weights, shape);
      const got = model.rollout(input);
      for (const [i, { name, logits }] of got.predictions.entries()) {
        near(name, await logits.data(), want.predictions[i].logits, FORWARD);
      }
      ok(got.predictions.length === want.predictions.length);
      if (want.attention) near("attention", await got.attention!.data(), want.attention, FORWARD);
      near("attended", await got.attended.data(), want.attended, FORWARD);

      const { total, parts } = model.loss(input, device.tensor(Int32Array.from(labels)));
      for (const [name, loss] of Object.entries(want.losses)) {
        const value = await parts[name].item();
        ok(Math.abs(value - loss) <= FORWARD * Math.max(1, loss), `${name}: ${value}, not ${loss} (seed ${testSeed})`);
      }
      ok(Object.keys(parts).length === Object.keys(want.losses).length, `${Object.keys(parts)}`);

      total.backward();
      let compared = 0;
      for (const { name, tensor, trainable } of model.parameters()) {
        if (!trainable || !/^(memory|graph)\./.test(name)) continue;
        const gradient = tensor.grad ? await tensor.grad.data() : new Float32Array(tensor.size);
        const size = gradient.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
        const largest = gradient.findIndex((v) => Math.abs(v) === size);
        const elements = [largest, ...random.integers(MOVED - 1, 0, tensor.size)];
        for (const element of elements) {
          const slope = (h: number): number => {
            const at = (by: number): number =>
              rollout(scene, moved(weights, name, element, by), shape, want.held).total;
            return (at(h) - at(-h)) / (2 * h);
          };
          const [coarse, fine] = [slope(1e-5), slope(2.5e-6)];
          // A ReLU that switches between the two points has no slope there.
          if (Math.abs(coarse - fine) > BACKWARD * Math.max(size, 1e-4) / 4) continue;
          compared++;
          ok(
            Math.abs(gradient[element] - fine) <= BACKWARD * Math.max(size, 1e-4),
            `${name}[${element}]: gradient ${gradient[element]}, slope ${fine} (seed ${testSeed})`,
          );
        }
      }
      const tensors = [...model.parameters()].filter(({ name }) => /^(memory|graph)\./.test(name)).length;
      ok(compared > 2 * tensors, `only ${compared} slopes of ${tensors} tensors could be compared (seed ${testSeed})`);
      model.zeroGrad();
    }
    ok(device.memory.liveTensors === 0, `${device.memory.liveTensors} tensors are left`);
  });
}
