/** Data sets: drawn context and hop scenes, ADE20K, COCO, Visual Genome, CLEVR-Ref+; loaders and knowledge graphs. */
export { UserError } from "../engine/base/user_error.ts";
export { BACKGROUND } from "./types.ts";
export type {
  DrawnImages,
  ExactAnswers,
  FileImages,
  ImageSource,
  OriginalAnnotations,
  OriginalId,
  RegionDataset,
  RegionRecord,
  Split,
} from "./types.ts";
export { type DatasetName, DATASETS } from "./registry.ts";
export type { ReferenceOptions } from "./reference_options.ts";
export type { PictureOptions } from "./images/picture_options.ts";
export { openDataset, type OpenOptions } from "./open.ts";
export type { DrawModule } from "./images/pixels.ts";
export type { OpenHooks } from "./index/cache.ts";
export { type ContextDataset, type ContextPosteriors, contextPosteriors, openContext } from "./context/dataset.ts";
export type { ContextInput, ContextOptions } from "./context/options.ts";
export type { ContextScene, SceneObject, ScenePair } from "./context/layout.ts";
export type { ContextTables, GuestTable, SceneTable } from "./context/tables.ts";
export { type HopDataset, openHops } from "./hops/dataset.ts";
export type { DrawnDataset } from "./drawing/dataset.ts";
export type { Canvas } from "./drawing/canvas.ts";
export type { HopInput, HopOptions } from "./hops/options.ts";
export type { HopLink, HopObject, HopScene } from "./hops/layout.ts";
export type { HopTables } from "./hops/tables.ts";
export { contextKnowledge, type KnowledgeOptions } from "./context/knowledge.ts";
export {
  encodeKnowledge,
  fitKnowledge,
  type Knowledge,
  type KnowledgeEdge,
  type KnowledgeFile,
  readKnowledgeFile,
} from "./knowledge/knowledge.ts";
export { type LoadedImage, Loader, type LoaderOptions } from "./images/loader.ts";
export { showImage, type ShowImageOptions, ShownImage } from "./images/show_image.ts";
export type { LabelledBox } from "./images/label_picture.ts";
export type { Normalisation, RgbImage, ScaleOptions } from "./images/preprocess.ts";
export { type Entry, evaluationOrder, trainingOrder, type TrainingOrderOptions } from "./images/schedule.ts";
/** Referring expressions (CLEVR-Ref+). */
export * as refplus from "./refplus/mod.ts";
