/** Region classifiers: the plain ConvNet, spatial memory, global graph, both joined; their losses and metrics. */
export { BaselineClassifier, type BaselineOptions, type RegionFeatures } from "./baseline.ts";
export { type Losses, type Prediction, type RegionModel, type Stream } from "./region_model.ts";
export { type RegionBoxes, type RegionInput } from "./regions.ts";
export { type BlockOptions, ResNet, type ResNetOptions, resnetPresets, type StemOptions } from "./resnet.ts";
export {
  type ReasonerOptions,
  ReasoningClassifier,
  type ReasoningMode,
  type Rollout,
  type Trace,
} from "./reasoning/reasoner.ts";
export type { LayerTrace } from "./reasoning/graph.ts";
export { type ClassKnowledge, classKnowledge } from "./reasoning/knowledge.ts";
export {
  type GraphOptions,
  type HeadOptions,
  type LossOptions,
  type MemoryOptions,
  PUBLISHED_REASONING,
  type ReasoningOptions,
  REGION_RELATIONS,
  type RegionRelation,
  SMALL_REASONING,
  type StopOptions,
} from "./reasoning/options.ts";
export { type ClassMetrics, type Metrics, type MetricTriple, regionMetrics } from "./metrics.ts";
export { type Output, type Scores, scoreSplit } from "./evaluate.ts";
