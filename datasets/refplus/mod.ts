/** Referring expressions: CLEVR-Ref+ 1.0 and sets generated in its format. */
export {
  type Attribute,
  ATTRIBUTES,
  COUNTED_FROM,
  type FunctionEntry,
  FUNCTIONS,
  functionTokens,
  type Kind,
  ORDINALS,
  type Relation,
  RELATIONS,
  VISIBILITIES,
  WORDS,
} from "./scenes/catalogue.ts";
export { asSet, execute, type Output } from "./language/execute.ts";
export { type Generated, type GenerateHooks, generateRefPlus } from "./language/generate.ts";
export { type RefPlusFiles, refPlusFiles } from "./files/layout.ts";
export { packedWidth, packMask, unpackMask } from "./files/mask.ts";
export type { RefPlusInput } from "./language/options.ts";
export type { EncodeOptions } from "./encoding/encode.ts";
export { type Preprocessed, type PreprocessOptions, preprocessRefexps } from "./encoding/preprocess.ts";
export { arity, flatten, type ProgramMode, tokenOf, unflatten } from "./encoding/programs.ts";
export { readRefexps, readScenes } from "./files/read.ts";
export { RefexpFile, type RefexpFileSettings } from "./files/refexp_file.ts";
export { decodeRuns, encodeRuns } from "./files/rle.ts";
export { SceneMasks } from "./files/scene_masks.ts";
export { TEMPLATE_FILES, type TemplateFile } from "./language/templates.ts";
export {
  decodeTokens,
  encodeTokens,
  SPECIAL_TOKENS,
  tokenList,
  type TokenTable,
  type Vocabulary,
  wordsOf,
} from "./encoding/tokens.ts";
export { readVocabulary } from "./encoding/vocabulary_file.ts";
export type { ProgramNode, Refexp, Scene, SceneObject } from "./files/types.ts";
