/**
 * Walks the registry of ops: whatever an op's file registers is checked here, on its own samples, in both kernel sets.
 * Nothing needs to be added here for a new op but its float64 reference in `engine/testing/reference/`.
 */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import type { Device } from "../../../engine/device.ts";
import { hostArray, type TypedArray } from "../../../engine/dtype.ts";
import { ShapeError } from "../../../engine/base/errors.ts";
import { allOps, type AnyOp } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { elements } from "../../../engine/testing/float64/ndarray64.ts";
import { testSeed, withRandom } from "../../support/random.ts";
import { gradient, references } from "../../../engine/testing/reference/mod.ts";
import type { CheckName } from "../../../engine/testing/checks/names.ts";
import { opSubject, preparedSample } from "../../../engine/testing/checks/op_subject.ts";
import { faultsIn } from "../../../engine/testing/checks/report.ts";
import { checkSubject } from "../../../engine/testing/checks/run.ts";
import { compareGradients } from "../../../engine/testing/samples/check_sample.ts";
import { RANDOM } from "../../../engine/testing/samples/prepare.ts";
import { ownSamples } from "../../support/own_samples.ts";
import { type Ran, run } from "../../../engine/testing/samples/run_sample.ts";

const devices = await openDevices();
const ops = [...allOps().values()];

function bits(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function sameBits(a: Ran, b: Ran, what: string): void {
  a.outputs.forEach((x, k) => deepStrictEqual(bits(x), bits(b.outputs[k]), `${what}: output ${k} differs`));
  a.grads.forEach((x, k) => {
    const other = b.grads[k];
    if (x && other) deepStrictEqual(bits(x), bits(other), `${what}: gradient of input ${k} differs`);
    else strictEqual(x, other, `${what}: gradient of input ${k} is there once and missing once`);
  });
}

/** Checks that compile nothing of their own. */
const CHECKED: readonly CheckName[] = [
  "runs",
  "values",
  "odd sizes",
  "empty sizes",
  "large sizes",
  "repeats",
  "poison",
  "guards",
];

/** Runs the checks that everybody has, on the samples whose references are there already. */
async function checkOwn(device: Device, op: AnyOp): Promise<void> {
  const preparing = () => ownSamples(op).map((prepared) => preparedSample(op, prepared));
  const report = await checkSubject(device, opSubject(op, { seed: testSeed, preparing }), { checks: CHECKED });
  deepStrictEqual(report.faults, [], faultsIn(report));
}

async function checkParts(device: Device, op: AnyOp): Promise<void> {
  await Promise.all(
    ownSamples(op).map(async ({ sample, options, title }) => {
      const all = run(device, op, sample, options);
      // Each input alone: a rule that computes only what is needed must compute it the same.
      const alone = options.needs.map((need, i) =>
        need ? run(device, op, sample, { ...options, needs: options.needs.map((_, k) => k === i) }) : null
      );
      // Each output alone: gradients of the others are absent, not zero.
      const several = options.seeds.filter((seed) => seed).length > 1;
      const each = options.seeds.flatMap((seed, k) => {
        if (!seed || !several) return [];
        const seeds = options.seeds.map((other, j) => j === k ? other : null);
        return [{ seeds, ran: run(device, op, sample, { ...options, seeds }) }];
      });
      const first = await all;
      for (let i = 0; i < alone.length; i++) {
        const only = await alone[i];
        if (!only) continue;
        sameBits(
          { ...first, grads: first.grads.map((g, k) => k === i ? g : null) },
          only,
          `${title}: input ${i} alone`,
        );
      }
      for (const { seeds, ran } of each) {
        const wantGrads = () => gradient(op.name, sample.inputs, sample.attrs, seeds);
        compareGradients(op, { options, wantGrads, title: `${title}: one output` }, await ran);
      }
    }),
  );
}

/** Twice the same gradient is its double, to the bit: ops that add to a leaf's gradient in place add what they would give. */
async function checkCollected(device: Device, op: AnyOp): Promise<void> {
  await Promise.all(
    ownSamples(op).map(async ({ sample, options, title }) => {
      const [once, twice] = await Promise.all(
        [false, true].map((again) => run(device, op, sample, { ...options, twice: again })),
      );
      const doubled = once.grads.map((grad) => grad && hostArray("f32", Array.from(grad, (v) => 2 * v)));
      sameBits({ ...once, grads: doubled }, twice, `${title}: collected twice`);
    }),
  );
}

function checkRefusals(device: Device, op: AnyOp): void {
  for (const { inputs, attrs, message } of op.bad) {
    using _scope = device.scope();
    const tensors = inputs.map((x) => x && device.tensor(hostArray(x.dtype ?? "f32", elements(x.shape)), x.shape));
    const before = device.memory.liveTensors;
    throws(() => op.run(tensors, attrs), (error: unknown) => {
      ok(error instanceof ShapeError, `${op.name} ${JSON.stringify(attrs)}: threw ${error}, not a ShapeError`);
      ok(message.test(error.message), `${op.name}: "${error.message}" does not match ${message}`);
      ok(error.message.startsWith(op.name), `${op.name}: "${error.message}" does not begin with the op's name`);
      return true;
    });
    strictEqual(device.memory.liveTensors, before, `${op.name}: a refused call left tensors behind`);
  }
}

Deno.test("every op has a float64 reference", () => {
  deepStrictEqual(ops.map((op) => op.name).filter((name) => !(name in references) && !(name in RANDOM)), []);
});

Deno.test("every op has samples with an odd extent, and has or refuses one with an empty tensor", () =>
  withRandom("samples", () => {
    const lacking = ops.filter((op) => {
      const tried = ownSamples(op).flatMap(({ sample, want }) => [
        ...sample.inputs.flatMap((x) => x ? [x.shape] : []),
        ...want.map(({ shape }) => shape),
      ]);
      const refused = op.bad.flatMap(({ inputs }) => inputs.flatMap((x) => x ? [x.shape] : []));
      const odd = tried.some((shape) => shape.some((extent) => extent > 1 && extent % 2 === 1));
      return !odd || ![...tried, ...refused].some((shape) => shape.includes(0));
    });
    deepStrictEqual(lacking.map((op) => op.name), []);
  }));

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const op of ops) {
    const check = (what: string, body: () => void | Promise<void>): void =>
      Deno.test(`${op.name} (${kernels} kernels) ${what}`, () =>
        withRandom(`${op.name} ${kernels} ${what}`, () => withoutLeaks(device, body)));
    check(
      "agrees with its float64 reference, gradients included, in any memory and in rows",
      () => checkOwn(device, op),
    );
    check("gives the same bits for each input alone, and is right for each output alone", () => checkParts(device, op));
    if (op.differentiable && !(op.name in RANDOM)) {
      check("adds its gradients to those collected before", () => checkCollected(device, op));
    }
    check("refuses shapes that do not fit", () => checkRefusals(device, op));
  }
}
