/** Region classifiers (plain ConvNet, spatial memory, graph, both), their metrics and weights; IEP-Ref's two models. */
export { BaselineClassifier, type BaselineOptions, type RegionFeatures } from "./baseline.ts";
export { type Losses, type Prediction, type RegionModel, type Stream } from "./region_model.ts";
export type { EdgeRule, RealRegions, RegionBoxes, RegionInput, RegionTensors } from "./regions.ts";
export { RegionSlots, type RegionSlotsOptions } from "./region_slots.ts";
export { Replays, type ReplaysOptions } from "./replays.ts";
export { TrainSteps } from "./train_steps.ts";
export type { UnreadLosses } from "./loss_log.ts";
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
export { ensemble, type EnsembleMember } from "./ensemble.ts";
export type { ScoredSet } from "./results.ts";
/** Weights trained elsewhere: files of other formats as named tensors, and as weights of ours. */
export { readWeights } from "./weights/read_weights.ts";
export type { StoredTensor, WeightFile } from "./weights/stored.ts";
export { type ImportedNet, type ImportedWeights, importWeights, type WeightFacts } from "./weights/import.ts";
export type { OwnTensor } from "./weights/convert.ts";
export type { Naming } from "./weights/resnet_names.ts";
export { applyWeights, readStartingWeights, saveWeights, type StartingWeights } from "./weights/weights_file.ts";
export { exportTorch } from "./weights/export.ts";
/** IEP-Ref: from an expression to a program, from a program to a mask. */
export {
  type Choice,
  type Decoded,
  MAX_PROGRAM,
  ProgramGenerator,
  type ProgramGeneratorOptions,
  type Sequences,
} from "./refplus/program_generator.ts";
export { type BatchOutcome, ExecutionEngine, type ExecutionEngineOptions } from "./refplus/execution_engine.ts";
export { fromList, parsePrefix, ProgramTokens, type ProgramTree, type TreeNode } from "./refplus/program_tree.ts";
