/** Referring expressions: CLEVR-Ref+ 1.0 and sets generated in its format. */
export {
  ATTRIBUTES,
  COUNTED_FROM,
  FUNCTIONS,
  functionTokens,
  ORDINALS,
  type Relation,
  RELATIONS,
  VISIBILITIES,
  WORDS,
} from "./catalogue.ts";
export { asSet, execute, type Output } from "./execute.ts";
export { type Generated, type GenerateHooks, generateRefPlus } from "./generate.ts";
export { type RefPlusFiles, refPlusFiles } from "./layout.ts";
export { packedWidth, packMask, unpackMask } from "./mask.ts";
export type { RefPlusInput } from "./options.ts";
export { type Preprocessed, type PreprocessOptions, preprocessRefexps } from "./preprocess.ts";
export { arity, flatten, type ProgramMode, tokenOf, unflatten } from "./programs.ts";
export { readRefexps, readScenes } from "./read.ts";
export { RefexpFile, type RefexpFileSettings } from "./refexp_file.ts";
export { decodeRuns, encodeRuns } from "./rle.ts";
export { SceneMasks } from "./scene_masks.ts";
export { TEMPLATE_FILES, type TemplateFile } from "./templates.ts";
export {
  decodeTokens,
  encodeTokens,
  readVocabulary,
  SPECIAL_TOKENS,
  tokenList,
  type TokenTable,
  type Vocabulary,
  wordsOf,
} from "./tokens.ts";
export type { ProgramNode, Refexp, Scene, SceneObject } from "./types.ts";
