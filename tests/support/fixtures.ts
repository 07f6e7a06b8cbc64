/**
 * Published values: what TensorFlow and PyTorch compute, written by the scripts in `tests/fixtures/`, which name the
 * versions. They hold both the float64 references and the engine to what other people call these ops.
 */
import crops from "../fixtures/crop_and_resize.json" with { type: "json" };
import others from "../fixtures/tensorflow_ops.json" with { type: "json" };
import torch from "../fixtures/torch_ops.json" with { type: "json" };
import type { Attrs, Values } from "../../engine/testing/reference/mod.ts";

/** A tensor of a fixture. */
interface Stored {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** One call of an op with the results somebody else's library gave. */
export interface Fixture {
  /** Library, version and what the case shows. */
  readonly title: string;
  readonly op: string;
  readonly inputs: readonly (FixtureValues | null)[];
  readonly attrs: Attrs;
  readonly outputs: readonly FixtureValues[];
  /** Factors of each output before the sum whose gradient is `inputGrads`. */
  readonly outputGrads: readonly (FixtureValues | null)[];
  readonly inputGrads: readonly (FixtureValues | null)[];
}

/** Numbers of a fixture in a shape. */
export interface FixtureValues extends Values {
  readonly data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

function values(stored: Stored | null): FixtureValues | null {
  if (!stored) return null;
  const { dtype, shape, data } = stored;
  return { shape, data: dtype === "i32" ? Int32Array.from(data) : Float32Array.from(data) };
}

/** Every fixture. */
export const fixtures: readonly Fixture[] = [crops, others, torch].flatMap(({ madeBy, cases }) =>
  (cases as readonly {
    readonly name: string;
    readonly op: string;
    readonly inputs: readonly (Stored | null)[];
    readonly attrs: Attrs;
    readonly outputs: readonly Stored[];
    readonly outputGrads: readonly (Stored | null)[];
    readonly inputGrads: readonly (Stored | null)[];
  }[]).map((stored) => ({
    title: `${madeBy.split(",")[0]}'s ${stored.name}`,
    op: stored.op,
    inputs: stored.inputs.map(values),
    attrs: stored.attrs,
    outputs: stored.outputs.flatMap((x) => values(x) ?? []),
    outputGrads: stored.outputGrads.map(values),
    inputGrads: stored.inputGrads.map(values),
  }))
);
