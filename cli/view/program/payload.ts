/** Facts of a page about the module network. */
import type { Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import type { DataSpec } from "../../../model/refplus/data_spec.ts";
import type { RefplusConfig } from "../../../model/refplus/training/config.ts";

/** Settings that a model is built by. */
export type ModelConfig = Pick<RefplusConfig, "generator" | "engine" | "seed">;

/** An expression about a picture, with what was computed before. */
export interface PageExpression {
  /** Its words with blanks between. */
  readonly text: string;
  /** Tokens of the program that was written for it, in prefix order. */
  readonly program: readonly string[];
}

/** A picture of the page. */
export interface PagePicture {
  /** Name of the picture. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly expressions: readonly PageExpression[];
}

/** Facts of the page. */
export interface ProgramFacts {
  /** Name of the run. */
  readonly run: string;
  readonly version: string;
  /** Updates that the execution engine was trained for. */
  readonly step: number;
  readonly convolutions: RefplusConfig["convolutions"];
  readonly generator: ModelConfig;
  readonly engine: ModelConfig;
  readonly vocabulary: Vocabulary;
  readonly spec: DataSpec;
  readonly pictures: readonly PagePicture[];
  /** False where the models were too large to go with the page. */
  readonly live: boolean;
}

/** Names of a picture's tensors: its file for people, its features [rows, columns, channels]. */
export const pictureNames = (picture: number): { readonly photo: string; readonly features: string } => ({
  photo: `picture${picture}.photo`,
  features: `picture${picture}.features`,
});

/** Names of an expression's tensors: the probability of each pixel by step, [steps, H, W], and the true mask, [H, W]. */
export const expressionNames = (picture: number, expression: number) => ({
  steps: `picture${picture}.expression${expression}.steps`,
  truth: `picture${picture}.expression${expression}.truth`,
});
