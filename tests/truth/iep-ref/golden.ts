/**
 * Contents of the golden files: figures of the authors' own modules (ccvl/iep-ref at 6fb7d66, unchanged but for constants such
 * as the size of masks), run under PyTorch 2.13 in float64 on weights and inputs by formula.ts. Scripts that made them are in
 * make/ as far as they are kept.
 */
import type { Brief } from "./comparison.ts";

/** Reads a golden file. */
export function golden<T>(name: string): T {
  return JSON.parse(Deno.readTextFileSync(new URL(`golden/${name}`, import.meta.url)));
}

/** Shapes of a state dict's tensors. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Briefs by the names of a state dict. */
export type Briefs = Readonly<Record<string, Brief>>;

/** Programs drawn at a temperature, and REINFORCE's gradients. */
export interface Drawn {
  readonly temperature: number;
  readonly programs: number[][];
  /** The draws, before all after a program's end was made `<NULL>`. */
  readonly raw: number[][];
  readonly reward: readonly number[];
  readonly gradients: Briefs;
}

/** A program generator (pg.json), computed in float64. */
export interface GeneratorGolden {
  readonly name: string;
  readonly words: number;
  readonly tokens: number;
  readonly wordDim: number;
  readonly hidden: number;
  readonly layers: number;
  readonly scale: number;
  readonly x: number[][];
  readonly y: number[][];
  readonly float64: {
    readonly parameters: number;
    readonly names: Shapes;
    readonly encoded: readonly number[];
    readonly logits: Brief;
    readonly loss: number;
    readonly gradients: Briefs;
    /** The likeliest programs, by both of the authors' ways to write them. */
    readonly sample: number[][];
    readonly greedy: number[][];
    readonly drawn1: Drawn;
    readonly "drawn0.7": Drawn;
  };
}

/** Updates of a model (updates.json). */
export interface UpdatesGolden {
  /** Loss of each update, before it. */
  readonly losses: readonly number[];
  /** Move of every parameter at the end. */
  readonly moved: Briefs;
}

/** An execution engine whose modules come and go from batch to batch (updates.json, engine). */
export interface EngineUpdatesGolden {
  readonly label: string;
  readonly names: readonly string[];
  readonly dim: number;
  readonly features: number;
  readonly grid: number;
  readonly size: number;
  readonly stemLayers: number;
  readonly scale: number;
  /** Programs of each update, `<START>`, `<END>` and `<NULL>` included. */
  readonly programs: number[][][];
  readonly state: Shapes;
  /** By optimiser and by what it does with a parameter that a batch does not use. */
  readonly runs: Readonly<Record<"adam, zero" | "adam, skip" | "sgd, zero" | "sgd, skip", UpdatesGolden>>;
}

/** A program generator that learns from annotated programs (updates.json, generator). */
export interface GeneratorUpdatesGolden extends UpdatesGolden {
  readonly label: string;
  readonly words: number;
  readonly tokens: number;
  readonly wordDim: number;
  readonly hidden: number;
  readonly layers: number;
  readonly scale: number;
  readonly x: number[][][];
  readonly y: number[][][];
  readonly state: Shapes;
}

/** A node of a program in list form. */
export interface ListNode {
  readonly function: string;
  readonly value_inputs: string[];
  readonly inputs: number[];
}

/** An execution engine (ee.json), computed in float64. */
export interface EngineGolden {
  readonly name: string;
  readonly names: readonly string[];
  readonly features: number;
  readonly grid: number;
  readonly dim: number;
  readonly size: number;
  readonly stemLayers: number;
  readonly scale: number;
  readonly programs: number[][];
  /** Of each program: a whole tree, a broken one, or one with `<NULL>` before another input. */
  readonly kinds: readonly ("whole" | "broken" | "hole")[];
  readonly float64: {
    readonly parameters: number;
    readonly state: Shapes;
    readonly maps: readonly Brief[];
    readonly scores: readonly Brief[];
    readonly foreground: readonly number[];
    readonly loss: number;
    readonly overlaps: number[][];
    readonly gradients: Briefs;
    /** Parameters without a gradient. */
    readonly without: readonly string[];
    readonly listForm: {
      readonly samples: readonly number[];
      readonly lists: readonly (readonly ListNode[])[];
      readonly outputs: readonly (readonly Brief[])[];
    };
  };
}
