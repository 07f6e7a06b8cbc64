/** Samples of ops with their float64 references, drawn once for all tests of a file: the references take longer than the kernels. */
import type { AnyOp } from "../../engine/op.ts";
import { prepare, type Prepared } from "../../engine/testing/samples/check_sample.ts";
import { randomFor } from "./random.ts";

const own = new Map<AnyOp, readonly Prepared[]>();

/** An op's own samples. */
export function ownSamples(op: AnyOp): readonly Prepared[] {
  let prepared = own.get(op);
  if (!prepared) own.set(op, prepared = prepare(op, randomFor(`samples of ${op.name}`)));
  return prepared;
}
