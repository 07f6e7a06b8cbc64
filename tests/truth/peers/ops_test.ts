/**
 * The float64 references held to what PyTorch, TensorFlow and NumPy compute: values and gradients, attributes in every
 * combination that matters, the points where slopes jump, NaN and infinities. `make/torch_ops64.py`, `torch_more64.py` and
 * `tensorflow_ops.py` write the figures.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { type Padding, resolvePadding } from "../../../engine/ops/lib/window.ts";
import { type Attrs, evaluate, gradient, references, type Values } from "../../../engine/testing/reference/mod.ts";
import { EPS32 } from "../../../engine/testing/tolerance.ts";

/** A tensor of a file; what JSON cannot hold is text. */
interface Stored {
  readonly dtype: "f64" | "i32" | "u32";
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

interface Case {
  readonly name: string;
  readonly op: string;
  readonly attrs: Attrs;
  readonly inputs: readonly (Stored | null)[];
  readonly outputs: readonly Stored[];
  readonly outputGrads: readonly (Stored | null)[];
  readonly inputGrads: readonly (Stored | null)[];
}

const golden = new URL("golden/", import.meta.url);
/** Figures have 15 digits, and a reference may add in another order; TensorFlow computes these ops in float32. */
const TOLERANCE = { torch: 1e-13, tensorflow: 32 * EPS32 } as const;

function values({ dtype, shape, data }: Stored): Values {
  const numbers = data.map(Number);
  if (dtype === "f64") return { shape, data: Float64Array.from(numbers) };
  return { shape, data: dtype === "i32" ? Int32Array.from(numbers) : Uint32Array.from(numbers) };
}

/** Fails unless every number is within `tolerance` of the largest; what is not finite must be the same. */
function assertNear(got: ArrayLike<number>, want: Stored, tolerance: number, what: string): void {
  const wanted = want.data.map(Number);
  deepStrictEqual(got.length, wanted.length, what);
  const largest = wanted.reduce((max, v) => Number.isFinite(v) ? Math.max(max, Math.abs(v)) : max, 0);
  wanted.forEach((v, i) => {
    const same = Number.isFinite(v) ? Math.abs(got[i] - v) <= tolerance * largest : Object.is(got[i], v);
    ok(same, `${what}: element ${i} is ${got[i]}, ${v} is wanted`);
  });
}

/** Attributes with "same" and "valid" made explicit by the engine's own rule. */
function resolved(op: string, attrs: Attrs, inputs: Case["inputs"]): Attrs {
  if (typeof attrs.padding !== "string") return attrs;
  const window = (attrs.size ?? inputs[1]!.shape) as readonly number[];
  const [stride, dilation] = [attrs.stride, attrs.dilation ?? [1, 1]] as (readonly [number, number])[];
  return {
    ...attrs,
    padding: resolvePadding(op, attrs.padding as Padding, inputs[0]!.shape, window, stride, dilation),
  };
}

const seen = new Set<string>();

for (const { name: file } of Deno.readDirSync(golden)) {
  const library = file.startsWith("torch_") ? "torch" : file.startsWith("tensorflow_ops") ? "tensorflow" : null;
  if (!library) continue;
  const { madeBy, cases } = JSON.parse(Deno.readTextFileSync(new URL(file, golden)));
  for (const { name, op, attrs: stated, inputs, outputs, outputGrads, inputGrads } of cases as Case[]) {
    seen.add(op);
    Deno.test(`the reference of ${op} gives what ${madeBy.split(" ")[0]} gives: ${name}`, () => {
      const own = inputs.map((x) => x && values(x)), attrs = resolved(op, stated, inputs);
      const got = evaluate(op, own, attrs);
      ok(outputs.length > 0 && outputs.length <= got.length);
      outputs.forEach((want, k) => {
        deepStrictEqual(got[k].shape, want.shape);
        assertNear(got[k].values, want, TOLERANCE[library], `output ${k}`);
      });
      const grads = gradient(op, own, attrs, outputGrads.map((x) => x && values(x).data));
      inputGrads.forEach((want, k) => {
        if (want) assertNear(grads[k]!.values, want, TOLERANCE[library], `gradient of input ${k}`);
      });
    });
  }
}

Deno.test("every reference is held to another library's figures", () => {
  // The convolutional GRU is in no library: its cell is written out for TensorFlow in tests/fixtures/tensorflow_ops.py.
  deepStrictEqual(Object.keys(references).filter((op) => !seen.has(op)), ["convGru"]);
});
