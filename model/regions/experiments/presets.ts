/** The experiments of the paper's tables by name: model, backbone, image size; schedules are those of `publishedSchedule`. */
import { DATASET_ROWS } from "../../../datasets/registry.ts";
import type { Json } from "../../run/layers.ts";
import type { resnetPresets } from "../../backbones/resnet.ts";

/** A row of a table. */
export interface Preset {
  /** Description in words. */
  readonly title: string;
  readonly settings: Json;
}

interface Row {
  readonly title: string;
  readonly model: "baseline" | "local" | "global" | "final";
  readonly resnet: keyof typeof resnetPresets;
  /** Shorter and longer side of the images, in pixels. */
  readonly image: readonly [number, number];
}

const USUAL = [600, 1000] as const;

/** Rows of the tables, in their order (papers/iterative-reasoning.md#published-figures). */
const ROWS: Readonly<Record<string, Row>> = {
  "res50-baseline": { title: "Baseline", model: "baseline", resnet: "resnet50", image: USUAL },
  "res101": { title: "w/ ResNet-101", model: "baseline", resnet: "resnet101", image: USUAL },
  "800": { title: "w/ 800-input", model: "baseline", resnet: "resnet50", image: [800, 1200] },
  "res50-local": { title: "Ours-Local", model: "local", resnet: "resnet50", image: USUAL },
  "res50-global": { title: "Ours-Global", model: "global", resnet: "resnet50", image: USUAL },
  "res50-final": { title: "Ours-Final", model: "final", resnet: "resnet50", image: USUAL },
};

/** Every preset by name, such as `ade-res50-final`. The ensemble's row is `itera ensemble` of several baselines. */
export const PRESETS: ReadonlyMap<string, Preset> = new Map(
  Object.entries(DATASET_ROWS).filter(([, { published }]) => published).flatMap(([set, { title: setTitle }]) =>
    Object.entries(ROWS).map(([row, { title, model, resnet, image: [shortSide, longSide] }]) => [
      `${set}-${row}`,
      {
        title: `${title} on ${setTitle}`,
        settings: { dataset: { dataset: set }, model: { name: model, resnet }, image: { shortSide, longSide } },
      },
    ])
  ),
);
