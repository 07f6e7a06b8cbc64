/** Results of a side held against float64 before it is timed. */
import type { AnyOp } from "../../engine/op.ts";
import { randomStream } from "../../engine/testing/random.ts";
import { compareRuns } from "../../engine/testing/samples/check_sample.ts";
import { prepare, type Prepared } from "../../engine/testing/samples/prepare.ts";
import type { TimedCase } from "./cases.ts";
import type { Side } from "./sides.ts";

/** A fault of results and gradients of an op's own samples, of odd and empty sizes too; null where nothing is. */
export function faultOnSamples(side: Side, op: AnyOp, seed: number): Promise<string | null> {
  return faultOf(side, op, prepare(op, randomStream(`samples of ${op.name}`, seed)));
}

/** A fault of the result of work at the size at which it is timed; null where nothing is. */
export async function faultAtSize(side: Side, { op, prepared, isRight, rounds }: TimedCase): Promise<string | null> {
  if (prepared) return await faultOf(side, op, [prepared]);
  const result = await side.read().catch((error: Error) => error);
  if (result instanceof Error) return oneLine(result);
  return isRight!(result, rounds) ? null : "a product of whole numbers is not exact";
}

async function faultOf(side: Side, op: AnyOp, prepared: readonly Prepared[]): Promise<string | null> {
  try {
    compareRuns(op, prepared, await side.samples(op, prepared));
    return null;
  } catch (error) {
    return oneLine(error as Error);
  }
}

function oneLine({ message }: Error): string {
  return message.trim().replace(/\s*\n\s*/g, " ").slice(0, 400);
}
