/** Figures that make/network.py wrote of one run of the authors' network. */
import type { StoredTensor, WeightFile } from "../../../model/weights/stored.ts";
import { variable } from "./formula.ts";
import type { Sampled } from "./rows.ts";

/** One run of theirs. */
export interface NetworkGolden {
  readonly args: {
    readonly name: string;
    readonly net: "baseline" | "memory" | "base_memory";
    readonly layers: 50 | 101;
    readonly height: number;
    readonly width: number;
    readonly classes: number;
    readonly depth: number;
    readonly fc: number;
    readonly iter: number;
    readonly beta: number;
    readonly rate: number;
    readonly doublebias: boolean;
    readonly maxpool: boolean;
    /** MEM.STD, U_STD, C_STD; 0.01 where a file does not say. */
    readonly std?: number;
    readonly ustd?: number;
    readonly cstd?: number;
  };
  readonly boxes: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly out: Readonly<Record<string, Sampled | undefined>>;
  /** Of the total loss, decay included. */
  readonly grads: Readonly<Record<string, Sampled>>;
  readonly variables: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly trainable: boolean; readonly initStd: number }>
  >;
  /** Total loss and cross-entropy before each step. */
  readonly steps?: readonly (readonly [number, number])[];
  /** Distance that all steps moved each variable. */
  readonly moved?: Readonly<Record<string, Sampled>>;
}

/** Their variables as a snapshot would hold them. */
export function snapshotOf({ variables }: Pick<NetworkGolden, "variables">): WeightFile {
  const tensors = new Map(
    Object.entries(variables).map(([name, { shape }]): [string, StoredTensor] => [
      name,
      { shape, read: () => variable(name, shape) },
    ]),
  );
  return { format: "generated", tensors, metadata: {} };
}
