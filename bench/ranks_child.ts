/**
 * A process that trains the default `final` for some seconds, alone or as a rank, and prints as JSON what it reached. Its
 * argument: seconds.
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
}

/** Steps before the clock starts, between waits for the device, and of which parts are timed. */
const WARM = 6, READ = 20, TIMED = 12;

const seconds = Number(Deno.args[0]), found = launched();
const ranks = found ? MpiRanks.open(found, { timeout: 60 }) : null;
const [{ resnet, reasoning, classes, ...size }] = SIZES, image = imageOf({ classes, ...size });
await using device = await Device.open();
const knowledge = classKnowledge(chain(classes), classes, null, 1);
using model = new ReasoningClassifier(device, { classes, resnet, seed: 3, mode: "final", reasoning, knowledge });
using sgd = new SGD(device, model.trainable(), { rate: 1e-4, momentum: 0.9, weightDecay: 1e-4 });
using steps = new TrainSteps(model, sgd);

async function step(by: Ranks | null): Promise<void> {
  steps.add(image);
  (by ? await steps.updateWith(by) : steps.update()).values.dispose();
}

for (let i = 0; i < WARM; i++) await step(ranks);
await device.finish();
const start = performance.now();
let images = 0;
// As the training loop does, all agree after every step whether to go on.
while (!await anywhere(ranks, performance.now() - start > 1000 * seconds)) {
  await step(ranks);
  if (++images % READ === 0) await device.finish();
}
await device.finish();
const reached: Reached = { images, ms: performance.now() - start, parts: ranks && await partsOf(ranks) };
if (leads(ranks)) Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(reached) + "\n"));
await ranks?.[Symbol.asyncDispose]();

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
      steps.add(image);
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
