/** `checkOp`: all checks of an op, one of the engine's or one's own. */
import { ArgumentError } from "../base/errors.ts";
import { described, expectOptions, type NamesOf } from "../base/given.ts";
import { allOps, type AnyOp, definedBy, type Op, type Sample } from "../op.ts";
import { boundOf, type ReferenceInput, ulpOf } from "./checks/kernel_subject.ts";
import { type OpSample, opSubject, type Preparing } from "./checks/op_subject.ts";
import type { CheckReport } from "./checks/report.ts";
import { checkOn, expectOwn, OWN, type OwnOptions } from "./on_device.ts";
import { references } from "./reference/mod.ts";
import { RANDOM } from "./samples/prepare.ts";
import { draw } from "./samples/run_sample.ts";

/** Numbers in a shape. */
export interface ReferenceValues {
  /** Extents, outermost axis first. */
  readonly shape: readonly number[];
  /** As many numbers; reals as float64. */
  readonly data: ReferenceInput;
}

/** Options of {@link checkOp}. */
export interface CheckOpOptions<A> extends OwnOptions {
  /** Cases; default those that the op is defined with. */
  readonly samples?: readonly Sample<A>[];
  /** Outputs as they should be, in float64; wanted of an op that is not the engine's. */
  readonly reference?: (inputs: readonly (ReferenceValues | null)[], attrs: A) => readonly {
    readonly shape: readonly number[];
    readonly values: ArrayLike<number>;
  }[];
  /** Bound on the error of a number: units in the last place of what it should be, or the distance for each; default 4. */
  readonly bound?: number | ((expected: number, output: number, index: number) => number);
}

const NAMES: NamesOf<CheckOpOptions<unknown>> = { ...OWN, samples: true, reference: true, bound: true };

/**
 * Checks an op in both kernel sets: results against float64 and gradients against differences on its samples, the same bits when
 * it runs again, in memory that held other things and folded into rows, every specialisation of its kernels that its samples'
 * attributes can ask for, nothing written behind a tensor, no index out of range, no races, barriers that all reach. An op of the
 * engine is given by its name, one's own as `defineOp` gave it, with a reference.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { defineOp } from "@itera/itera/engine";
 * import { checkOp } from "@itera/itera/testing";
 *
 * const cube = defineOp<null>({
 *   name: "checkedCube",
 *   compute: ([x]) => [x!.mul(x!).mul(x!)],
 *   saves: () => ({ inputs: [0] }),
 *   backward: ({ grads, input }) => [grads[0]!.mul(input(0)).mul(input(0)).mul(3)],
 *   samples: () => [[5, 3], [8], [0, 2]].map((shape) => ({ inputs: [{ shape }], attrs: null })),
 * });
 * const reports = await checkOp(cube, {
 *   reference: ([x]) => [{ shape: x!.shape, values: x!.data.map((v) => v ** 3) }],
 * });
 * deepStrictEqual(reports.map(({ kernels, faults }) => [kernels, faults.length]), [["cpu", 0], ["gpu", 0]]);
 * ```
 *
 * @throws {CheckError} with all that is wrong.
 */
export async function checkOp<A>(op: string | Op<A>, options: CheckOpOptions<A> = {}): Promise<readonly CheckReport[]> {
  const own = opOf(op);
  expectOptions("checkOp", options, NAMES as NamesOf<CheckOpOptions<A>>);
  expectOwn("checkOp", options);
  const { seed = 1, device, checks, samples, reference } = options;
  if (!reference && !(own.name in references) && !(own.name in RANDOM)) {
    throw new ArgumentError(`checkOp: there is no reference of "${own.name}"; give one`);
  }
  return await checkOn(device ? [device] : null, 2, checks, () =>
    opSubject(own, {
      seed,
      samples: samples as readonly Sample<unknown>[] | undefined,
      ...reference ? { preparing: preparingBy(own, options as CheckOpOptions<unknown>) } : {},
    }));
}

function opOf<A>(op: string | Op<A>): AnyOp {
  const found = typeof op === "string" ? allOps().get(op) : definedBy(op as unknown as Op<never>);
  if (found) return found;
  throw new ArgumentError(
    typeof op === "string"
      ? `checkOp: there is no op "${op}"`
      : `checkOp: an op is its name, or what defineOp gave, not ${described(op)}`,
  );
}

/** Samples with what a reference of one's own gives for them; their gradients are left to differences. */
function preparingBy(op: AnyOp, { reference, bound = 4 }: CheckOpOptions<unknown>): Preparing {
  return (random, samples) =>
    samples.map((described): OpSample => {
      const sample = draw(described, random);
      const needs = sample.inputs.map((x) => op.differentiable && x?.data instanceof Float32Array);
      const inputs = sample.inputs.map((input) => {
        if (!input) return null;
        const { data, shape } = input;
        const whole = data instanceof Int32Array || data instanceof Uint32Array;
        return { shape, data: whole ? data : Float64Array.from(data) };
      });
      const outputs = reference!(inputs, described.attrs);
      const seeds = outputs.map(({ values }, k) =>
        op.constantOutputs.includes(k) || !op.differentiable ? null : random.reals(values.length)
      );
      const words = sample.inputs.map((x) => x ? `[${x.shape}]` : "none").join(" ");
      return {
        title: `${op.name} ${words} ${JSON.stringify(described.attrs)}`.slice(0, 300),
        sample,
        options: { needs, seeds },
        gets: needs.map(() => undefined),
        wanted: () =>
          outputs.map(({ shape, values }, k) => ({
            name: `output ${k}`,
            shape,
            values,
            bounds: Float64Array.from(
              values,
              (value, i) => boundOf(typeof bound === "number" ? bound * ulpOf(value) : bound(value, k, i)),
            ),
          })),
      };
    });
}
