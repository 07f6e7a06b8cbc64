/**
 * A process that trains the default `final` for some seconds, alone or as a rank, and prints as JSON what it reached. Its
 * arguments: seconds, and images a step.
 */
import { Device, SGD } from "../mod.ts";
import { classKnowledge } from "../model/regions/reasoning/knowledge.ts";
import { ReasoningClassifier } from "../model/regions/reasoning/reasoner.ts";
import { TrainSteps } from "../model/regions/train_steps.ts";
import { launched } from "../model/run/ranks/launched.ts";
import { MpiRanks } from "../model/run/ranks/mpi_ranks.ts";
import { anywhere, leads, type Ranks } from "../model/run/ranks/ranks.ts";
import { chain, imageOf, SIZES } from "./models.ts";

/** A process's images, and of a rank the ms of a step's parts. */
export interface Reached {
  readonly images: number;
  readonly ms: number;
  readonly parts: {
    readonly compute: number;
    /** Reading gradients, writing the sums back, the update. */
    readonly exchange: number;
    readonly wait: number;
    readonly reduce: number;
  } | null;
  /** Constants of docs/scaling.md's model, taken by themselves before any step; of ranks alone. */
  readonly constants: Constants | null;
}

/** Ms for as many bytes as the gradients have: reading them from the device, adding those of all ranks, writing them back. */
export interface Constants {
  readonly bytes: number;
  readonly read: number;
  readonly sum: number;
  readonly write: number;
}

/** Steps before the clock starts, between waits for the device, and of which parts are timed. */
const WARM = 3, READ = 20, TIMED = 6;

/** Times that each constant is taken. */
const TAKEN = 15;

const [seconds, each] = Deno.args.map(Number), found = launched();
const ranks = found ? MpiRanks.open(found, { timeout: 60 }) : null;
const [{ resnet, reasoning, classes, ...size }] = SIZES, image = imageOf({ classes, ...size });
await using device = await Device.open();
const knowledge = classKnowledge(chain(classes), classes, null, 1);
using model = new ReasoningClassifier(device, { classes, resnet, seed: 3, mode: "final", reasoning, knowledge });
using sgd = new SGD(device, model.trainable(), { rate: 1e-4, momentum: 0.9, weightDecay: 1e-4 });
using steps = new TrainSteps(model, sgd);

async function step(by: Ranks | null): Promise<void> {
  for (let i = 0; i < each; i++) steps.add(image);
  (by ? await steps.updateWith(by) : steps.update()).values.dispose();
}

const constants = ranks && await constantsOf(ranks);
for (let i = 0; i < WARM; i++) await step(ranks);
await device.finish();
const start = performance.now();
let images = 0, done = 0;
// As the training loop does, all agree after every step whether to go on.
while (!await anywhere(ranks, performance.now() - start > 1000 * seconds)) {
  await step(ranks);
  images += each;
  if (++done % READ === 0) await device.finish();
}
await device.finish();
const ms = performance.now() - start;
const reached: Reached = { images, ms, parts: ranks && await partsOf(ranks), constants };
if (leads(ranks)) Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(reached) + "\n"));
await ranks?.[Symbol.asyncDispose]();

/** The constants, in the median. */
async function constantsOf(ranks: MpiRanks): Promise<Constants> {
  const count = model.trainable().reduce((sum, { tensor }) => sum + tensor.size, 0);
  using tensor = device.zeros([count]);
  const taken: { read: number; sum: number; write: number }[] = [];
  for (let i = 0; i < TAKEN; i++) {
    const times = [performance.now()];
    const values = await tensor.data() as Float32Array<ArrayBuffer>;
    times.push(performance.now());
    await ranks.all(new Uint8Array());
    times.push(performance.now());
    const sums = await ranks.sum(values);
    times.push(performance.now());
    tensor.write(sums);
    await device.finish();
    times.push(performance.now());
    taken.push({ read: times[1] - times[0], sum: times[3] - times[2], write: times[4] - times[3] });
  }
  const median = (of: keyof (typeof taken)[0]): number =>
    taken.map((one) => one[of]).sort((a, b) => a - b)[Math.floor(TAKEN / 2)];
  return { bytes: 4 * count, read: median("read"), sum: median("sum"), write: median("write") };
}

/** Ms of a step's parts, one after another: in training some overlap. */
async function partsOf(ranks: MpiRanks): Promise<Reached["parts"]> {
  const parts = { compute: 0, exchange: 0, wait: 0, reduce: 0 };
  const timed = async <T>(part: keyof typeof parts, work: () => Promise<T>): Promise<T> => {
    const begin = performance.now();
    try {
      return await work();
    } finally {
      parts[part] += (performance.now() - begin) / TIMED;
    }
  };
  const watched: Ranks = {
    rank: ranks.rank,
    size: ranks.size,
    all: (bytes) => ranks.all(bytes),
    toFirst: (bytes) => ranks.toFirst(bytes),
    fromFirst: (bytes) => ranks.fromFirst(bytes),
    sum: async (values) => {
      await timed("wait", () => ranks.all(new Uint8Array()));
      return await timed("reduce", () => ranks.sum(values));
    },
  };
  for (let i = 0; i < TIMED; i++) {
    await timed("compute", async () => {
      for (let i = 0; i < each; i++) steps.add(image);
      await device.finish();
    });
    await timed("exchange", async () => {
      (await steps.updateWith(watched)).values.dispose();
      await device.finish();
    });
  }
  // The rest of the exchange is reading, writing back and the update itself.
  return { ...parts, exchange: parts.exchange - parts.wait - parts.reduce };
}
