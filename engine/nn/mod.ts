/** Layers, modules and initialisers. */
export { Conv2d, type Conv2dFields, type Conv2dLayerOptions } from "./conv2d.ts";
export { Dropout, type DropoutFields } from "./dropout.ts";
export { Embedding, type EmbeddingFields, type EmbeddingOptions } from "./embedding.ts";
export { ConvGRU, type ConvGRUFields, type ConvGRUOptions, GRUCell, type GRUCellFields } from "./gru.ts";
export { init, type Initialiser, type Initializer, type Seeded, Seeds } from "./init.ts";
export { Linear, type LinearFields, type LinearLayerOptions } from "./linear.ts";
export { WideLinear, type WideLinearFields, type WideLinearOptions } from "./linear.ts";
export { LSTM, type LSTMFields, type LSTMOptions, type LSTMResult, type LSTMState } from "./lstm.ts";
export { Module, type PassedOver } from "./module.ts";
export { type NamedValue } from "./named_values.ts";
export {
  BatchNorm2d,
  type BatchNorm2dFields,
  type BatchNorm2dOptions,
  GroupNorm,
  type GroupNormFields,
  LayerNorm,
  type LayerNormFields,
} from "./norm.ts";
export { type NamedParameter, type ParameterOptions } from "./parameter.ts";
export { type Layer, Sequential } from "./sequential.ts";
