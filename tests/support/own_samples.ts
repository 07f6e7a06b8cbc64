/** Samples of ops with their float64 references, drawn once for all tests of a file: the references take longer than the kernels. */
import type { AnyOp } from "../../engine/op.ts";
import { prepare, type Prepared } from "../../engine/testing/samples/prepare.ts";
import { keptForSeed, randomFor } from "./random.ts";

/** An op's own samples, drawn once for all its tests: the references take longer than the kernels. */
export const ownSamples: (op: AnyOp) => readonly Prepared[] = keptForSeed((op: AnyOp) =>
  prepare(op, randomFor(`samples of ${op.name}`))
);
