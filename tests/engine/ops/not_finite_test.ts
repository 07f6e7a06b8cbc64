/**
 * NaN and the infinities through every registered op: results and gradients are of the kinds that the float64 references have,
 * and those are held to PyTorch's figures (`tests/truth/peers/`).
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { allOps, type AnyOp } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { elements } from "../../../engine/testing/float64/ndarray64.ts";
import { UNCERTAIN } from "../../../engine/testing/float64/tape64.ts";
import { keptForSeed, type Random, randomFor, withRandom } from "../../support/random.ts";
import { evaluate, gradient, type Result } from "../../../engine/testing/reference/mod.ts";
import { RANDOM } from "../../../engine/testing/samples/prepare.ts";
import { draw, type Drawn, run, type RunOptions } from "../../../engine/testing/samples/run_sample.ts";

const devices = await openDevices();

const INTRUDERS = [[NaN], [Infinity], [-Infinity], [NaN, Infinity, -Infinity]] as const;
/** Inputs of more elements get the last of {@link INTRUDERS} alone: references are slow. */
const LARGE = 400;

/**
 * Likeness of a result to the reference's. `kind`: NaN, either infinity or finite, as the reference's. `finite`: not finite
 * where the reference's is not, and nowhere else. `spread`: not finite where the reference's is not.
 */
type Rule = "kind" | "finite" | "spread";

/** Sums of products: zeros of a padding, or of a row that a relation lacks, are multiplied as other numbers are. */
const PRODUCTS: readonly string[] = ["conv2d", "conv2dBank", "convGru", "convGruJoined", "propagate"];
/** Samples between cells: rounding decides between infinity and 0 times infinity. */
const SAMPLED: readonly string[] = ["cropAndResize", "pasteRegions", "resizeBilinear", "roiAlign"];
/** Gradients that multiply by zeros, which the tape of the references leaves out. */
const ZEROS_COUNT: readonly string[] = [...PRODUCTS, "linear", "prod"];
/** Boxes: nobody says where one that is not finite lies. */
const isPlace = (op: AnyOp, input: number): boolean => SAMPLED.includes(op.name) && input === 1;
/** Nobody says which integer NaN is. */
const isRounded = ({ attrs }: Drawn): boolean => attrs.dtype === "i32" || attrs.dtype === "u32";

const valueRule = (op: AnyOp, output: number): Rule =>
  PRODUCTS.includes(op.name)
    ? "spread"
    : SAMPLED.includes(op.name) || op.constantOutputs.includes(output)
    ? "finite"
    : "kind";
// The order of a gradient's sums and products is each library's own: infinity less infinity is NaN in one and not in another.
const gradientRule = (op: AnyOp): Rule => ZEROS_COUNT.includes(op.name) ? "spread" : "finite";

function fits(rule: Rule, got: number, want: number): boolean {
  if (rule === "spread") return Number.isFinite(want) || !Number.isFinite(got);
  if (Number.isFinite(got) || Number.isFinite(want)) return Number.isFinite(got) === Number.isFinite(want);
  return rule === "finite" || Object.is(got, want);
}

function compare(rule: Rule, got: ArrayLike<number>, want: Result, what: string): void {
  if (!(want.values instanceof Float64Array)) return deepStrictEqual([...Array.from(got)], [...want.values], what);
  want.values.forEach((v, i) => {
    if (want.bounds[i] >= UNCERTAIN) return;
    ok(fits(rule, got[i], v), `${what}: element ${i} is ${got[i]}, the reference has ${v}`);
  });
}

/** A sample with intruders in one input, and what is to come of them. */
interface Intruded {
  readonly sample: Drawn;
  readonly options: RunOptions;
  readonly want: readonly Result[];
  readonly wantGrads: readonly (Result | null)[];
  /** Columns, along the last axis of the input, that have an intruder. */
  readonly columns: ReadonlySet<number>;
  readonly input: number;
  readonly title: string;
}

function intrude(op: AnyOp, drawn: Drawn, input: number, intruders: readonly number[], random: Random): Intruded {
  const { shape, data } = drawn.inputs[input]!, changed = data.slice(), columns = new Set<number>();
  for (const value of intruders) {
    const at = random.integer(0, data.length);
    changed[at] = value;
    columns.add(at % (shape.at(-1) ?? 1));
  }
  const sample = { ...drawn, inputs: drawn.inputs.map((x, i) => i === input ? { shape, data: changed } : x) };
  const want = evaluate(op.name, sample.inputs, sample.attrs);
  const seeds = want.map(({ values }, k) =>
    op.constantOutputs.includes(k) || !op.differentiable ? null : random.reals(values.length, 0.5, 1)
  );
  return {
    sample,
    options: { needs: sample.inputs.map((x) => op.differentiable && x?.data instanceof Float32Array), seeds },
    want,
    wantGrads: op.differentiable ? gradient(op.name, sample.inputs, sample.attrs, seeds) : [],
    columns,
    input,
    title: `${op.name} ${
      sample.inputs.map((x) => x ? `[${x.shape}]` : "none").join(" ")
    }, ${intruders} in input ${input}`,
  };
}

function intrudedSamples(op: AnyOp): Intruded[] {
  const random = randomFor(`not finite ${op.name}`);
  return op.samples(random).flatMap((described) => {
    const drawn = draw(described, random);
    if (isRounded(drawn)) return [];
    return drawn.inputs.flatMap((x, input) => {
      if (!(x?.data instanceof Float32Array) || x.data.length === 0 || isPlace(op, input)) return [];
      const large = drawn.inputs.reduce((sum, other) => sum + (other ? elements(other.shape) : 0), 0) > LARGE;
      return INTRUDERS.slice(large ? -1 : 0).map((intruders) => intrude(op, drawn, input, intruders, random));
    });
  });
}

/** Drawn once for both kernel sets. */
const samplesOf = keptForSeed(intrudedSamples);

/** A weight that is not finite reaches the outputs of its own column alone, however many rows read it. */
function spreadsWithinColumns(op: AnyOp, { want, columns, input, title }: Intruded, got: ArrayLike<number>): void {
  if (!PRODUCTS.includes(op.name) || op.name.startsWith("convGru")) return;
  const [{ shape, values }] = want, width = shape.at(-1)!;
  values.forEach((v, i) => {
    const reached = Number.isFinite(v) && !Number.isFinite(got[i]);
    ok(!reached || (input === 1 && columns.has(i % width)), `${title}: element ${i} is ${got[i]}, not ${v}`);
  });
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const op of allOps().values()) {
    if (op.name in RANDOM) continue;
    Deno.test(`${op.name} (${kernels} kernels) lets NaN and infinities through`, () =>
      withRandom(`not finite ${op.name}`, () =>
        withoutLeaks(device, async () => {
          const samples = samplesOf(op);
          const runs = await Promise.all(samples.map(({ sample, options }) => run(device, op, sample, options)));
          runs.forEach((ran, i) => {
            const { want, wantGrads, title } = samples[i];
            want.forEach((result, k) => compare(valueRule(op, k), ran.outputs[k], result, `${title}: output ${k}`));
            spreadsWithinColumns(op, samples[i], ran.outputs[0]);
            wantGrads.forEach((result, k) => {
              const got = ran.grads[k];
              if (result && got) compare(gradientRule(op), got, result, `${title}: gradient of input ${k}`);
            });
          });
        })));
  }
}
