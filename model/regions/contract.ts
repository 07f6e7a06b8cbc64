/** Interface of every region classifier, for the trainer and evaluation. */
import type { Module, Tensor } from "../../engine/mod.ts";
import type { RegionInput, RegionTensors } from "./regions.ts";
import type { StaticRegionInputs } from "./static_inputs.ts";

/** One prediction for the regions of an image. */
export interface Prediction {
  /** `image`, `local 1`, `global 2`, `attended`. */
  readonly name: string;
  /** Part of the model that made it: `image` is the plain ConvNet; a model names its own parts. */
  readonly source: string;
  /** 0 for the plain ConvNet, then counted from 1. */
  readonly iteration: number;
  /** Class logits, [R, C]. */
  readonly logits: Tensor;
}

/** The losses of one image, or the mean of several; scalars. */
export interface Losses {
  /** The loss to minimise. */
  readonly total: Tensor;
  /** Its parts by name, before weighting; the log has each as `cross_entropy_<name>`. */
  readonly parts: Readonly<Record<string, Tensor>>;
}

/** Names by which entries of parameters are known from one run to the next. */
export interface EntryNames {
  /** Classes, background first. */
  readonly classes: readonly string[];
  /** Types of the knowledge graph's edges between classes, in the order of their weights. */
  readonly classEdges: readonly string[];
  /** Types of edges between regions, in the order of their weights. */
  readonly regionEdges: readonly string[];
}

/** An axis of a parameter with an entry for each name of a list, or with several such blocks, one after another. */
export interface NamedAxis {
  /** The list of names. */
  readonly of: keyof EntryNames;
  /** Number of the axis. */
  readonly axis: number;
  /** True where the run's knowledge may give the values, and they are not learned. */
  readonly given?: boolean;
}

/** A classifier of the regions of one image. */
export interface RegionModel extends Module {
  /** Every prediction; the last is the answer. */
  predict(input: RegionInput | RegionTensors): readonly Prediction[];
  /** The training losses against `labels`, i32 [R]. The caller keeps a scope open until their gradients are done. */
  loss(input: RegionInput | RegionTensors, labels: Tensor): Losses;
  /**
   * Static inputs for images of this size and number of regions, which `predict` and `loss` then take, so that their
   * work can be captured and replayed. A model without it is run anew for every image. `images` are asked for in one pass
   * where {@link RegionModel.stacks} is true.
   */
  staticInputs?(height: number, width: number, regions: number, images?: number): StaticRegionInputs;
  /** True where `loss` takes several images of equal size at once, and gives the mean of theirs. */
  readonly stacks?: boolean;
  /**
   * Parameters by name that have an entry for each class or edge type, so that weights of another run are matched by these
   * names. Of a model without it, only the backbone is taken from a run of other classes.
   */
  namedAxes?(): ReadonlyMap<string, NamedAxis>;
  /** Sets the frozen normalisation's statistics from one image; for training from random weights. */
  calibrate(input: RegionInput): void;
}
