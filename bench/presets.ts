/** Training steps of the paper's experiments at their sizes: images per second and memory, PyTorch's beside where it is. */
import { SGD } from "../mod.ts";
import type { Knowledge } from "../datasets/knowledge/knowledge.ts";
import { DATASET_ROWS } from "../datasets/registry.ts";
import { buildModel } from "../model/regions/build.ts";
import { PRESETS } from "../model/regions/experiments/presets.ts";
import { newConfig } from "../model/regions/config.ts";
import { TrainSteps } from "../model/regions/train_steps.ts";
import { chain, imageOf, row, work } from "./models.ts";
import { torchRow } from "./peers/torch.ts";

/** Regions of an image, about as many as ADE20K's have. */
const REGIONS = 20;

/** Without a class graph a model reasons over regions alone. */
const regionsAlone = (classes: number): Knowledge => ({
  types: [],
  edges: [],
  vectors: new Float32Array(classes),
  dim: 1,
});

/** Time and memory of PyTorch for the same step. */
interface TorchRow {
  readonly ms: number;
  readonly peakMiB: number;
  readonly device: string;
}

/** One experiment's step. */
export interface PresetRow {
  readonly name: string;
  readonly ms: number;
  readonly imagesPerSecond: number;
  /** Most device memory held at once by tensors, MiB. */
  readonly peakMiB: number;
  /** PyTorch eager, f32 without TF32; null where Python or PyTorch is not there or the model has no twin. */
  readonly torch: TorchRow | null;
}

/** Every preset whose name contains `only`. */
export async function* presetRows(only: string, withTorch: boolean): AsyncGenerator<PresetRow> {
  for (const [name, { settings }] of PRESETS) {
    if (!name.includes(only)) continue;
    const config = newConfig([{ source: name, value: settings }]);
    const { classes, classGraph } = DATASET_ROWS[config.dataset.dataset].published!;
    const [height, width] = [config.image.shortSide, config.image.longSide];
    const image = imageOf({ regions: REGIONS, classes, height, width });
    const knowledge = classGraph ? chain(classes) : regionsAlone(classes);
    const { ms, peakMiB } = await row(name, (device) => {
      const model = buildModel(device, config, classes, knowledge);
      const sgd = new SGD(device, model.trainable(), { rate: 1e-5, momentum: 0.9, weightDecay: 1e-4 });
      const updates = new TrainSteps(model, sgd);
      return work(() => updates.run(image).values.dispose(), updates, model, sgd);
    });
    const { name: model, resnet } = config.model;
    const twin = withTorch && (model === "baseline" || model === "final");
    const net = resnet.blocks[2].units === 6 ? "resnet50" : "resnet101";
    const torch = twin
      ? await torchRow<TorchRow>("torch_models.py", [model, net, height, width, REGIONS, classes].map(String))
      : null;
    yield { name, ms, imagesPerSecond: 1000 / ms, peakMiB, torch };
  }
}
