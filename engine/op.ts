/**
 * An op is a value: its name, its shape rule, its forward kernels, its gradient rule and sample inputs, side by side.
 * Defining one registers it, and the test suite checks everything registered: forward and gradient against a float64
 * reference, shape errors, odd and empty sizes, both kernel sets. An op without samples fails the suite.
 */
import type { DType } from "./dtype.ts";
import type { Device } from "./device.ts";
import type { Activation } from "./ops/lib/library.ts";
import { ArgumentError, DTypeError, EngineError, ShapeError } from "./base/errors.ts";
import { described, expectFunction, expectOptions, type NamesOf } from "./base/given.ts";
import { assertAlive, attach, isTensor, openTemporaryScope, scopesOf } from "./friends.ts";
import { formatShape, sameShape, type Shape } from "./shape.ts";
import { GradNode } from "./autograd/tape.ts";
import type { Tensor, TensorMeta } from "./tensor.ts";

/** Arguments of a gradient rule. */
export interface BackwardCall<A> {
  /** Attributes that the op was called with. */
  readonly attrs: A;
  /** Gradient of each output; null where nothing depends on that output. */
  readonly grads: readonly (Tensor | null)[];
  /** True for the inputs that want a gradient. */
  readonly needs: readonly boolean[];
  /** Shapes and types of the inputs; null for one left out. */
  readonly inputMetas: readonly (TensorMeta | null)[];
  /** Shapes and types of the outputs. */
  readonly outputMetas: readonly TensorMeta[];
  /** A saved input; asking for one that `saves` did not name is an error. */
  input(index: number): Tensor;
  /** A saved input that may be absent. */
  optionalInput(index: number): Tensor | null;
  /** A saved output. */
  output(index: number): Tensor;
  /**
   * The gradient that an input has collected so far, to be added to in place (the rule then gives null for that input); null where
   * there is none yet, or where others look at it too.
   */
  collected(index: number): Tensor | null;
  /**
   * The activation that gave an input, as the last step of the op that made it, where no other gradient of that input is still to
   * come: whoever asks multiplies by its slope what was collected and what is added to it. Null where there is no such thing.
   */
  slope(index: number): { readonly activation: Activation; readonly y: Tensor } | null;
  /**
   * Leaves the gradient of a leaf, and of a second one that goes with it, to the last of its uses in this record, which takes `terms`
   * of all of them: true where more are to come or came before, and the rule gives null for both. Uses of one `key` are taken
   * together. `take` gives both gradients, null for one that it added to what is collected; gradients are ones of all entries.
   */
  later(inputs: readonly [first: number, second: number | null], uses: LaterUses): boolean;
  /** True where the gradient of the first output was multiplied by the slope of the op's activation already. */
  readonly sloped: boolean;
  /** Says that the gradient of an input is about these entries of its first axis alone: those of a bank that took part. */
  touches(index: number, entries: readonly number[]): void;
}

/** A leaf's gradient that is left to its last use. */
export interface LaterUses {
  /** Names what may be taken together: the product and its sizes. */
  readonly key: string;
  /** Tensors of this use. */
  readonly terms: readonly Tensor[];
  /** Gradients of both leaves from the terms of some uses, in the order they came; what is collected may be added to in place. */
  readonly take: (
    uses: readonly (readonly Tensor[])[],
    collected: readonly [Tensor | null, Tensor | null],
  ) => readonly [Tensor | null, Tensor | null];
  /** Most uses that are taken at once. */
  readonly most: number;
}

/** A random input of a sample; `null` leaves an optional input out. */
export interface SampleInput {
  /** Extents, outermost axis first. */
  readonly shape: Shape;
  /** Default `f32`. */
  readonly dtype?: DType;
  /** Uniform between these; default [-1, 1). Integers: low to high - 1. */
  readonly range?: readonly [number, number];
}

/** One case the suite runs an op on. */
export interface Sample<A> {
  /** Inputs; null for one left out. */
  readonly inputs: readonly (SampleInput | null)[];
  /** Attributes that the op is called with. */
  readonly attrs: A;
}

/** A case the op must refuse with a `ShapeError`. */
export interface BadSample<A> {
  /** Inputs; null for one left out. */
  readonly inputs: readonly ({ readonly shape: Shape; readonly dtype?: DType } | null)[];
  /** Attributes that the op is called with. */
  readonly attrs: A;
  /** Part of the message. */
  readonly message: RegExp;
}

/**
 * The parts of an op. Its results come from one of `compute` (ops on tensors), `forward` (kernels that fill them) and `view`;
 * the last two need `infer`.
 */
export interface OpSpec<A> {
  /** Unique; also the name of its float64 reference. */
  readonly name: string;
  /** Group in the generated table of ops; default `own`. */
  readonly family?: string;
  /** Checks inputs and attributes, throws `ShapeError` or `DTypeError`, and gives the outputs' shapes and types. */
  readonly infer?: (inputs: readonly (TensorMeta | null)[], attrs: A) => TensorMeta[];
  /** Results made by ops on tensors, none of which is recorded; what else is made inside is freed afterwards. */
  readonly compute?: (inputs: readonly (Tensor | null)[], attrs: A, device: Device) => readonly Tensor[];
  /** Runs kernels that fill `outputs`; temporaries made inside are freed afterwards. */
  readonly forward?: (inputs: readonly (Tensor | null)[], attrs: A, outputs: readonly Tensor[], device: Device) => void;
  /** For ops that move no data: outputs as views of an input's memory. */
  readonly view?: (inputs: readonly (Tensor | null)[], attrs: A, metas: readonly TensorMeta[]) => Tensor[];
  /** The tensors that the gradient rule reads; default none. */
  readonly saves?: (
    needs: readonly boolean[],
    attrs: A,
  ) => { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] };
  /** Gradients of the inputs (null for none), or the reason why there are none. */
  readonly backward: ((call: BackwardCall<A>) => (Tensor | null)[]) | { readonly nondifferentiable: string };
  /** The activation applied last to the first output, which it saves; a gradient may come back multiplied by its slope. */
  readonly activation?: (attrs: A) => Activation;
  /** Inputs that never get a gradient (indices, frozen constants). */
  readonly constantInputs?: readonly number[];
  /** Outputs that carry no gradient (statistics, indices). */
  readonly constantOutputs?: readonly number[];
  /** Cases for checks; the suite wants at least one of every op of the engine. `random` gives uniform numbers in [0, 1). */
  readonly samples?: (random: () => number) => readonly Sample<A>[];
  /** Cases the op must refuse. */
  readonly bad?: readonly BadSample<A>[];
}

/** An op as the tape and the registry see it, its attribute type forgotten. */
export interface AnyOp {
  readonly name: string;
  readonly family: string;
  readonly differentiable: boolean;
  readonly constantInputs: readonly number[];
  readonly constantOutputs: readonly number[];
  activation(attrs: unknown): Activation;
  saves(
    needs: readonly boolean[],
    attrs: unknown,
  ): { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] };
  backward(call: BackwardCall<unknown>): (Tensor | null)[];
  run(inputs: readonly (Tensor | null)[], attrs: unknown): Tensor[];
  samples(random: () => number): readonly Sample<unknown>[];
  readonly bad: readonly BadSample<unknown>[];
}

/** A defined op: call it with its inputs and attributes. */
export type Op<A> = (inputs: readonly (Tensor | null)[], attrs: A) => Tensor[];

const PARTS: NamesOf<OpSpec<unknown>> = {
  name: true,
  family: true,
  infer: true,
  compute: true,
  forward: true,
  view: true,
  saves: true,
  backward: true,
  constantInputs: true,
  constantOutputs: true,
  activation: true,
  samples: true,
  bad: true,
};

const registry = new Map<string, AnyOp>();

/** Ops by the functions that call them. */
const byFunction = new WeakMap<Op<never>, AnyOp>();

/** The op that {@link defineOp} gave as a function; undefined for other functions. */
export function definedBy(op: Op<never>): AnyOp | undefined {
  return byFunction.get(op);
}

/** Every op defined so far, by name. */
export function allOps(): ReadonlyMap<string, AnyOp> {
  return registry;
}

/**
 * Defines and registers an op: what the engine's own are defined by. Its gradient comes from ops on tensors or from kernels
 * ({@link kernel}, {@link Device.run}), as its results do; check it by `gradcheck` of the entry point `testing`.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { defineOp, Device, type Tensor } from "@itera/itera/engine";
 *
 * // x³, which saves x for its gradient 3x².
 * const cubeOp = defineOp<{ scale: number }>({
 *   name: "scaledCube",
 *   compute: ([x], { scale }) => [x!.mul(x!).mul(x!).mul(scale)],
 *   saves: () => ({ inputs: [0] }),
 *   backward: ({ grads, attrs, input }) => [grads[0]!.mul(input(0)).mul(input(0)).mul(3 * attrs.scale)],
 * });
 * const scaledCube = (x: Tensor, scale: number): Tensor => cubeOp([x], { scale })[0];
 *
 * await using device = await Device.open();
 * using x = device.tensor([1, 2]);
 * x.requiresGrad = true;
 * using y = scaledCube(x, 10);
 * deepStrictEqual([...await y.data()], [10, 80]);
 * y.backward(device.ones([2]));
 * deepStrictEqual([...await x.grad!.data()], [30, 120]);
 * ```
 *
 * @throws {EngineError} where the name is taken or the parts do not make an op.
 */
export function defineOp<A>(spec: OpSpec<A>): Op<A> {
  expectOptions("defineOp", spec, PARTS);
  const { name, backward, compute, forward, view } = spec;
  if (typeof name !== "string" || name === "") {
    throw new ArgumentError(`defineOp: an op has a name, not ${described(name)}`);
  }
  for (const part of ["infer", "compute", "forward", "view", "saves", "samples"] as const) {
    if (spec[part] !== undefined) expectFunction(`defineOp: "${name}"`, part, spec[part]);
  }
  if (typeof backward !== "function" && typeof backward?.nondifferentiable !== "string") {
    throw new ArgumentError(
      `defineOp: "${name}" needs backward, a gradient rule or { nondifferentiable: "why" }, not ${described(backward)}`,
    );
  }
  if (registry.has(name)) throw new EngineError(`defineOp: there is an op "${name}" already`);
  if ([compute, forward, view].filter((way) => way).length !== 1) {
    throw new EngineError(`defineOp: "${name}" needs one of compute, forward and view`);
  }
  if (!compute && !spec.infer) {
    throw new EngineError(`defineOp: "${name}" needs infer, which gives its results' shapes`);
  }
  const op: AnyOp = {
    name,
    family: spec.family ?? "own",
    differentiable: typeof backward === "function",
    constantInputs: spec.constantInputs ?? [],
    constantOutputs: spec.constantOutputs ?? [],
    activation: (attrs) => spec.activation?.(attrs as A) ?? "none",
    saves: (needs, attrs) => spec.saves?.(needs, attrs as A) ?? {},
    backward: (call) => {
      if (typeof backward !== "function") throw new EngineError(`internal: ${name} has no gradient`);
      return backward(call as BackwardCall<A>);
    },
    run: (inputs, attrs) => apply(spec, op, inputs, attrs as A),
    samples: (random) => spec.samples?.(random) ?? [],
    bad: (spec.bad ?? []) as readonly BadSample<unknown>[],
  };
  registry.set(name, op);
  const call: Op<A> = (inputs, attrs) => apply(spec, op, inputs, attrs);
  byFunction.set(call, op);
  return call;
}

function apply<A>(spec: OpSpec<A>, op: AnyOp, inputs: readonly (Tensor | null)[], attrs: A): Tensor[] {
  for (const input of inputs) if (input !== null) assertAlive(expectTensor(spec.name, input), spec.name);
  const first = inputs.find((input) => input !== null);
  if (!first) throw new EngineError(`${spec.name}: no input`);
  const { device } = first;
  for (const input of inputs) {
    if (input === null) continue;
    if (input.device !== device) throw new EngineError(`${spec.name}: inputs live on different devices`);
  }
  const metas = spec.infer?.(inputs, attrs);
  const outputs = spec.compute
    ? computed(spec, inputs, attrs, device, metas)
    : spec.view
    ? spec.view(inputs, attrs, metas!)
    : filled(spec, inputs, attrs, device, metas!);
  if (op.differentiable && device.gradEnabled) {
    const needs = inputs.map((t, i) => t !== null && t.requiresGrad && !op.constantInputs.includes(i));
    if (needs.includes(true)) {
      const node = new GradNode(op, attrs, inputs, outputs, needs);
      outputs.forEach((output, index) => {
        if (!op.constantOutputs.includes(index)) attach(output, node, index);
      });
    }
  }
  return outputs;
}

/** Results that kernels fill. */
function filled<A>(
  { name, forward }: OpSpec<A>,
  inputs: readonly (Tensor | null)[],
  attrs: A,
  device: Device,
  metas: readonly TensorMeta[],
): Tensor[] {
  const outputs = metas.map(({ shape, dtype }) => device.empty(shape, dtype));
  try {
    device.noGrad(() => {
      using _temporaries = openTemporaryScope(scopesOf(device));
      refusePromise(name, "forward", forward!(inputs, attrs, outputs, device));
    });
  } catch (error) {
    for (const output of outputs) output.dispose();
    throw error;
  }
  return outputs;
}

/** Throws where a part of an op is asynchronous: what comes after its first `await` would be missed. */
function refusePromise(op: string, part: string, result: unknown): void {
  if (!(result instanceof Promise)) return;
  result.catch(() => {});
  throw new EngineError(`${op}: ${part} is asynchronous, and what comes after its first await would be missed`);
}

/** Results of ops on tensors; of the shapes and types that were announced, if any were. */
function computed<A>(
  { name, compute }: OpSpec<A>,
  inputs: readonly (Tensor | null)[],
  attrs: A,
  device: Device,
  metas: readonly TensorMeta[] | undefined,
): Tensor[] {
  return device.noGrad(() => {
    using scope = openTemporaryScope(scopesOf(device));
    const results = compute!(inputs, attrs, device);
    refusePromise(name, "compute", results);
    expectTensors(name, results);
    const differs = metas &&
      (metas.length !== results.length ||
        results.some(({ shape, dtype }, i) => dtype !== metas[i].dtype || !sameShape(shape, metas[i].shape)));
    if (differs) {
      const list = (all: readonly TensorMeta[]): string =>
        all.map((t) => `${t.dtype} ${formatShape(t.shape)}`).join(", ");
      throw new ShapeError(`${name}: compute gave ${list(results)} where infer says ${list(metas)}`);
    }
    // A tensor of its own each, whatever was given: an input, or one thing twice.
    return results.map((result) => scope.keep(result.detach()));
  });
}

/** The value, which is a tensor; else throws {@link ArgumentError}. */
export function expectTensor(op: string, value: unknown, what = "an operand"): Tensor {
  if (isTensor(value)) return value;
  const found = described(value);
  const advice = Array.isArray(value) || typeof value === "number" ? "; device.tensor() makes one of it" : "";
  throw new ArgumentError(`${op}: ${what} is a tensor, not ${found}${advice}`);
}

/** Throws {@link ArgumentError} unless the value is a list of tensors. */
export function expectTensors(op: string, values: unknown): void {
  if (!Array.isArray(values)) throw new ArgumentError(`${op}: it takes a list of tensors, not ${described(values)}`);
  for (const value of values) expectTensor(op, value);
}

/** Throws {@link DTypeError} unless `meta` has one of the element types. */
export function expectDType(op: string, what: string, meta: TensorMeta, ...dtypes: DType[]): void {
  if (dtypes.includes(meta.dtype)) return;
  throw new DTypeError(`${op}: ${what} has dtype ${meta.dtype}, expected ${dtypes.join(" or ")}; cast() converts`);
}
