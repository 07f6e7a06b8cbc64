/** The form every reference has. */
import type { Ref } from "../float64/ndarray64.ts";
import type { Attrs } from "./attrs.ts";

/** An op on float64 scalars: inputs in the op's order (null where an optional one is left out) to outputs. */
export type Reference = (inputs: readonly (Ref | null)[], attrs: Attrs) => Ref[];

/** References by op name. */
export type Family = Readonly<Record<string, Reference>>;
