/** Everything a run on a GPU found, as it is written to JSON. */
import type { AdapterInfo, KernelSet } from "../../engine/mod.ts";
import type { FeatureProof } from "../../engine/gpu/probes.ts";
import type { Tiling, TunedOp, TunedTiling } from "../../engine/tuning/table.ts";
import type { Measured, TuneOptions } from "../../engine/tuning/tuner.ts";
import type { FusedRow } from "../fused.ts";
import type { Limits } from "../../cli/time/measure.ts";
import type { ModelRow } from "../models.ts";
import type { CheckedFile } from "./test_output.ts";
import type { Peak } from "./peak.ts";
import type { PhaseName } from "./options.ts";

/** The machine. */
export interface Machine {
  readonly adapter: AdapterInfo;
  readonly kernels: KernelSet;
  readonly proofs: readonly FeatureProof[];
  /** Figures of `nvidia-smi`, by its names; null where it is not there. */
  readonly nvidia: Readonly<Record<string, string>> | null;
  readonly peak: Peak | null;
  readonly deno: string;
  readonly system: string;
  readonly threads: number;
}

/** One timed op. */
export interface OpRow {
  readonly name: string;
  /** Rows of a group have a mean of their shares. */
  readonly group: string;
  /** Milliseconds of one of many runs. */
  readonly ms: number;
  /** Milliseconds of its dispatches by timestamps; null where the adapter has none. */
  readonly deviceMs: number | null;
  readonly gflops: number | null;
  readonly gbps: number;
  /** Of the measured limit, by the time on the device where there is one; null where no limit was measured. */
  readonly share: number | null;
}

/** Tilings measured for one product or convolution. */
export interface TuneRow {
  readonly op: TunedOp;
  readonly name: string;
  /** Candidates with the time of each turn, what the rule chooses first. */
  readonly measured: readonly Measured[];
  /** The winner; null where the rule's stays. */
  readonly tiling: Tiling | null;
  readonly gain: number;
}

/** Results of tuning; no other phase uses them. */
export interface Tuning extends TuneOptions {
  /** Names the winners known before, by which the other phases go besides the rules; empty where there were none. */
  readonly known: string;
  readonly rows: TuneRow[];
  /** As `engine/tuning/shipped.ts` holds them. */
  winners: readonly TunedTiling[];
}

/** A peer's time of an op or of a whole step, which has our row's name. */
export interface PeerRow {
  readonly name: string;
  readonly peer: string;
  readonly ms: number;
}

/** A whole run. */
export interface Report {
  /** ISO date. */
  readonly started: string;
  readonly budget: number;
  quick: boolean;
  seconds: number;
  /** False while the run goes on. */
  finished: boolean;
  machine: Machine | null;
  readonly checks: CheckedFile[];
  limits: Limits | null;
  tuning: Tuning | null;
  readonly ops: OpRow[];
  readonly fused: FusedRow[];
  readonly steps: (ModelRow & { readonly size: string })[];
  readonly peers: PeerRow[];
  /** Items that were asked for and not done. */
  readonly notRun: { readonly phase: PhaseName; readonly name: string; readonly why: string }[];
  /** Failed items, with their messages. */
  readonly failures: { readonly phase: PhaseName; readonly name: string; readonly message: string }[];
}

/** An empty report. */
export function newReport(budget: number): Report {
  return {
    started: new Date().toISOString(),
    budget,
    quick: false,
    seconds: 0,
    finished: false,
    machine: null,
    checks: [],
    limits: null,
    tuning: null,
    ops: [],
    fused: [],
    steps: [],
    peers: [],
    notRun: [],
    failures: [],
  };
}
