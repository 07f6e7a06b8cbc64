/** Region classifiers (plain ConvNet, spatial memory, graph, both), their metrics and weights; IEP-Ref's two models. */
export { BaselineClassifier, type BaselineOptions, type RegionFeatures } from "./regions/baseline.ts";
export { type EntryNames, type Losses, type NamedAxis, type Prediction, type RegionModel } from "./regions/contract.ts";
export type { EdgeRule, RealRegions, RegionBoxes, RegionInput, RegionTensors } from "./regions/regions.ts";
export { StaticRegionInputs, type StaticRegionInputsOptions } from "./regions/static_inputs.ts";
export { StepCache, type StepCacheOptions } from "../engine/mod.ts";
export { TrainSteps } from "./regions/train_steps.ts";
export type { StepLosses, UnreadLosses } from "./run/logs/loss_log.ts";
export type { Ranks } from "./run/ranks/ranks.ts";
export {
  type BlockOptions,
  ResNet,
  type ResNetName,
  type ResNetOptions,
  resnetPresets,
  type StemOptions,
} from "./backbones/resnet.ts";
export {
  type ReasonerOptions,
  ReasoningClassifier,
  type ReasoningMode,
  type Rollout,
  type Trace,
} from "./regions/reasoning/reasoner.ts";
export type { LayerTrace } from "./regions/reasoning/graph.ts";
export { type ClassKnowledge, classKnowledge } from "./regions/reasoning/knowledge.ts";
export {
  type EachModule,
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
} from "./regions/reasoning/options.ts";
export { type ClassMetrics, type Metrics, type MetricTriple, regionMetrics } from "./regions/evaluation/metrics.ts";
export { type Output, type Scores, scoreSplit } from "./regions/evaluation/score.ts";
export { ensemble, type EnsembleMember } from "./regions/evaluation/ensemble.ts";
export type { ScoredSet } from "./regions/evaluation/results.ts";
/** Curves of runs, for notebooks. */
export { showCurves, type ShowCurvesOptions, ShownCurves } from "./run/show_curves.ts";
export type { MetricsRecord } from "./run/logs/metrics_log.ts";
export type { Curve } from "./run/report/charts.ts";
/** Weights trained elsewhere: files of other formats as named tensors, and as weights of ours. */
export { readWeights } from "./weights/read_weights.ts";
export type { StoredTensor, WeightFile } from "./weights/stored.ts";
export { type ImportedNet, type ImportedWeights, importWeights, type WeightFacts } from "./weights/import.ts";
export type { OwnTensor } from "./weights/convert.ts";
export type { Naming } from "./weights/resnet_names.ts";
export { applyWeights, type OwnNames } from "./weights/apply_weights.ts";
export { readStartingWeights, saveWeights, type StartingWeights } from "./weights/weights_file.ts";
export type { Json } from "./run/layers.ts";
export { exportTorch } from "./weights/export.ts";
/** IEP-Ref: from an expression to a program, from a program to a mask. */
export {
  type Choice,
  type Decoded,
  type DrawOptions,
  MAX_PROGRAM,
  ProgramGenerator,
  type ProgramGeneratorOptions,
  type Sequences,
} from "./refplus/generator/program_generator.ts";
export { StaticExpressions, StaticSequences } from "./refplus/generator/sequence_inputs.ts";
export {
  type BatchOutcome,
  type EvaluateBatchOptions,
  ExecutionEngine,
  type ExecutionEngineOptions,
  type Message,
  type NodeTargets,
} from "./refplus/engine/execution_engine.ts";
export type { StemOutput } from "./refplus/engine/blocks.ts";
export type { Start } from "./refplus/engine/initial.ts";
export type { NodePlace } from "./refplus/engine/program_runner.ts";
export {
  fromList,
  parsePrefix,
  ProgramTokens,
  type ProgramTree,
  type TreeNode,
} from "./refplus/engine/program_tree.ts";
