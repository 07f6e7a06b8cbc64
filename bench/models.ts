/** Training steps and inference of every model, and of the reasoning modules alone, at small and at published size. */
import type { LoadedImage } from "../datasets/images/loader.ts";
import { contextOf } from "../engine/friends.ts";
import { Device, SGD, type Tensor } from "../engine/mod.ts";
import { GlobalGraph } from "../model/regions/reasoning/graph.ts";
import { classKnowledge } from "../model/regions/reasoning/knowledge.ts";
import { regionEdges } from "../model/regions/reasoning/edges.ts";
import { SpatialMemory } from "../model/regions/reasoning/memory.ts";
import { PUBLISHED_REASONING, type ReasoningOptions, SMALL_REASONING } from "../model/regions/reasoning/options.ts";
import { ReasoningClassifier } from "../model/regions/reasoning/reasoner.ts";
import { BaselineClassifier } from "../model/regions/baseline.ts";
import { regionBoxes } from "../model/regions/regions.ts";
import { type ResNetOptions, resnetPresets } from "../model/backbones/resnet.ts";
import type { StaticRegionInputs } from "../model/regions/static_inputs.ts";
import { StepCache } from "../engine/step_cache.ts";
import { TrainSteps } from "../model/regions/train_steps.ts";
import { Seeds } from "../engine/nn/mod.ts";

/** One measured piece of work. */
export interface ModelRow {
  readonly name: string;
  readonly ms: number;
  /** Most device memory in use at once, MiB. */
  readonly peakMiB: number;
  readonly dispatches: number;
  /** Share of the time that JavaScript takes, the driver's submits apart. */
  readonly host: number;
  /** Milliseconds of PyTorch for the same; null where it is not there, absent where PyTorch was not asked for. */
  readonly torch?: number | null;
  /** Expressions or programs that it works on; absent where that is one image. */
  readonly batch?: number;
}

/** Sizes of a model and its input. */
export interface Size {
  readonly name: string;
  readonly resnet: ResNetOptions;
  readonly reasoning: ReasoningOptions;
  readonly classes: number;
  readonly regions: number;
  readonly height: number;
  readonly width: number;
}

/** The default data's size, and that of ADE20K with ResNet-50. */
export const SIZES: readonly Size[] = [
  {
    name: "small 128×192, 12 regions, 41 classes",
    resnet: resnetPresets.small,
    reasoning: SMALL_REASONING,
    classes: 41,
    regions: 12,
    height: 128,
    width: 192,
  },
  {
    name: "full 600×1000, 20 regions, 1,485 classes",
    resnet: resnetPresets.resnet50,
    reasoning: PUBLISHED_REASONING,
    classes: 1485,
    regions: 20,
    height: 600,
    width: 1000,
  },
];

/** Random boxes over a grey picture: its contents do not change the work. */
export function imageOf(
  { regions, classes, height, width }: Pick<Size, "regions" | "classes" | "height" | "width">,
): LoadedImage {
  const at = (i: number, m: number): number => (i * 2654435761 % 4294967296) / 4294967296 * m;
  const boxes = Array.from({ length: regions }, (_, r) => {
    const [x, y] = [at(2 * r + 1, 0.7 * width), at(2 * r + 2, 0.7 * height)];
    return [x, y, x + 0.25 * width, y + 0.25 * height];
  });
  return {
    position: 0,
    index: 0,
    flipped: false,
    image: new Float32Array(height * width * 3),
    height,
    width,
    scale: 1,
    boxes: Float32Array.from(boxes.flat()),
    labels: Int32Array.from({ length: regions }, (_, r) => 1 + r % (classes - 1)),
  };
}

/** Times `work` on a device of its own, so that the peak is its own. */
export async function row(name: string, prepare: (device: Device) => Disposable & { run(): void }): Promise<ModelRow> {
  await using device = await Device.open();
  using work = prepare(device);
  // Work runs plainly first, then is recorded.
  for (let i = 0; i < 2; i++) work.run();
  await device.finish();
  const before = contextOf(device).stats;
  const first = performance.now();
  work.run();
  device.flush();
  const recorded = performance.now() - first;
  await device.finish();
  const once = performance.now() - first;
  const after = contextOf(device).stats;
  const dispatches = after.dispatches - before.dispatches, host = recorded - (after.submitMs - before.submitMs);
  const count = Math.max(1, Math.min(20, Math.round(1500 / once)));
  const start = performance.now();
  for (let i = 0; i < count; i++) work.run();
  await device.finish();
  const ms = (performance.now() - start) / count;
  return { name, ms, peakMiB: device.memory.peakBytes / 2 ** 20, dispatches, host: host / ms };
}

/** Work that frees its parts with itself. */
export function work(run: () => void, ...parts: Disposable[]): Disposable & { run(): void } {
  return { run, [Symbol.dispose]: () => parts.forEach((part) => part[Symbol.dispose]()) };
}

/** Something to be timed on a device of its own. */
export interface ModelWork {
  readonly name: string;
  readonly prepare: (device: Device) => Disposable & { run(): void };
}

/** All rows of one size. */
export async function* modelRows(size: Size): AsyncGenerator<ModelRow> {
  for (const { name, prepare } of modelWorks(size)) yield await row(name, prepare);
}

/** Training steps and inference of every model, then the reasoning modules alone. */
export function modelWorks(size: Size): ModelWork[] {
  const { resnet, reasoning, classes } = size;
  const image = imageOf(size);
  const knowledge = () => classKnowledge(chain(classes), classes, null, 1);
  const models = (["baseline", "local", "global", "final"] as const).flatMap((mode): ModelWork[] => {
    const build = (device: Device) =>
      mode === "baseline"
        ? new BaselineClassifier(device, { classes, resnet, seed: 3 })
        : new ReasoningClassifier(device, { classes, resnet, seed: 3, mode, reasoning, knowledge: knowledge() });
    return [{
      name: `${mode}: training step`,
      prepare: (device) => {
        const model = build(device);
        const sgd = new SGD(device, model.trainable(), { rate: 1e-4, momentum: 0.9, weightDecay: 1e-4 });
        const updates = new TrainSteps(model, sgd);
        return work(() => updates.run(image).values.dispose(), updates, model, sgd);
      },
    }, {
      name: `${mode}: inference`,
      prepare: (device) => {
        const model = build(device);
        const cache = new StepCache<StaticRegionInputs>(device, (inputs) => device.noGrad(() => model.forward(inputs)));
        const { height, width } = image;
        const make = (): StaticRegionInputs => model.staticInputs(height, width, image.labels.length);
        return work(() => cache.run("", make, (inputs) => inputs.write(image)).dispose(), cache, model);
      },
    }];
  });
  return [...models, ...moduleWorks(size, image)];
}

/** The parts of one iteration, forward. */
function moduleWorks(
  { resnet, reasoning, classes, regions, height, width }: Size,
  image: LoadedImage,
): ModelWork[] {
  const stride = resnet.blocks.slice(0, -1).reduce((s, b) => s * b.stride, resnet.stem.pool ? 4 : 2);
  const map = [Math.ceil(height / stride), Math.ceil(width / stride)] as const;
  const widthOf = (at: number): number => resnet.blocks.at(at)!.width * (resnet.bottleneck ? 4 : 1);
  const inputs = { classes, feedback: 2 * classes };
  const forward = (device: Device, body: () => Tensor) => () =>
    device.noGrad(() => {
      using _scope = device.scope();
      body();
    });
  const memories = (["predict", "update"] as const).map((part): ModelWork => ({
    name: `spatial memory: ${part}`,
    prepare: (device) => {
      const memory = new SpatialMemory(
        device,
        { ...inputs, features: widthOf(-2) },
        reasoning.memory,
        reasoning.head,
        new Seeds(3),
      );
      const boxes = regionBoxes(device, image.boxes, map, stride);
      const [state, feedback] = [memory.initial({ map, images: 1 }).detach(), device.zeros([regions, 2 * classes])];
      const pool5 = device.zeros([regions, 7, 7, widthOf(-2)]);
      const body = part === "predict"
        ? () => memory.predict(state, boxes).logits
        : () => memory.update(state, feedback, pool5, boxes);
      const tensors = [state, feedback, pool5, boxes.cells, boxes.normalised, boxes.image];
      return work(forward(device, body), memory, ...tensors);
    },
  }));
  const graph = (device: Device) => {
    const known = classKnowledge(chain(classes), classes, null, 1);
    const options = { ...inputs, features: widthOf(-1) };
    const graph = new GlobalGraph(device, options, known, reasoning.graph, reasoning.head, new Seeds(3));
    const [fc7, feedback] = [device.zeros([regions, widthOf(-1)]), device.zeros([regions, 2 * classes])];
    const assignment = device.full([regions, classes], 1 / classes);
    const body = (): Tensor => {
      const edges = device.currentScope!.adopt(regionEdges(image.boxes, reasoning.graph));
      const start = graph.initial(fc7);
      const nodes = graph.reason({ ...start, regions: graph.update(start.regions, feedback, fc7) }, assignment, edges);
      return graph.predict(nodes.regions).logits;
    };
    return work(forward(device, body), graph, fc7, feedback, assignment);
  };
  return [...memories, { name: "global graph: update, reason, predict", prepare: graph }];
}

/** Nine edge types, each linking every third class to its neighbour: as sparse as common sense. */
export function chain(classes: number) {
  const types = Array.from({ length: 9 }, (_, t) => `type ${t}`);
  const edges = types.flatMap((_, type) =>
    Array.from(
      { length: Math.floor((classes - 2) / 3) },
      (_, i) => ({ type, from: 1 + 3 * i, to: 2 + 3 * i, weight: 1 }),
    )
  );
  return { types, edges, vectors: new Float32Array(classes * 300).fill(0.01), dim: 300 };
}
