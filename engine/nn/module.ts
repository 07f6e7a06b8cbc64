/** Modules: named parameters and parts, found, saved, loaded, and switched between training and evaluation. */
import { ArgumentError, EngineError, ShapeError } from "../base/errors.ts";
import { described, expectFlag, expectFunction, expectOptions, type NamesOf } from "../base/given.ts";
import { tensorsOf } from "../checkpoint.ts";
import type { Device } from "../device.ts";
import { isDevice } from "../friends.ts";
import { expectTensor } from "../op.ts";
import { formatShape, sameShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Initialiser } from "./init.ts";
import { expectAlive, expectNamedValues, fillTensors, misfits, type NamedValue } from "./named_values.ts";
import type { NamedParameter, ParameterOptions } from "./parameter.ts";

const PARAMETER: NamesOf<ParameterOptions> = { trainable: true, decay: true, bank: true };

/** Names that {@link Module.load} passed over because it was not strict. */
export interface PassedOver {
  /** Tensors of the module that were not given. */
  readonly missing: readonly string[];
  /** Names given that the module does not have. */
  readonly unexpected: readonly string[];
}

/**
 * A part of a model. Parameters are made with {@link Module.parameter}, parts are registered with {@link Module.child}; both
 * are found by name, in the order of registration. Disposing a module frees its parameters and those of its parts.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn, type Tensor } from "@itera/itera/engine";
 *
 * class Scale extends nn.Module {
 *   readonly factor: Tensor = this.parameter("factor", [1], nn.init.ones, 0);
 *   forward = (x: Tensor): Tensor => x.mul(this.factor);
 * }
 *
 * await using device = await Device.open();
 * using scale = new Scale(device), other = new Scale(device);
 * scale.load({ factor: Float32Array.of(3) });
 * other.load(scale.stateDict());
 * deepStrictEqual([...await other.factor.data()], [3]);
 * deepStrictEqual(other.eval().training, false);
 * ```
 */
export abstract class Module implements Disposable {
  /** The device its parameters live on. */
  readonly device: Device;
  readonly #own: { -readonly [key in keyof NamedParameter]: NamedParameter[key] }[] = [];
  readonly #children: { name: string; module: Module }[] = [];
  #training = true;

  /** A module without parameters yet. */
  constructor(device: Device) {
    if (!isDevice(device)) {
      throw new ArgumentError(`${new.target.name}: the device is an open Device, not ${described(device)}`);
    }
    this.device = device;
  }

  /**
   * Makes and registers a parameter that no scope owns. Several may be one tensor, which `make` then returns each time.
   *
   * @throws {EngineError} where the name is taken, or `make` gives no tensor of the shape on the module's device.
   */
  protected parameter(
    name: string,
    shape: Shape,
    make: Initialiser,
    seed: number,
    options: ParameterOptions = {},
  ): Tensor {
    const where = this.constructor.name;
    this.#refuseTaken(name, [name]);
    expectFunction(where, `the initialiser of "${name}"`, make);
    expectOptions(where, options, PARAMETER);
    const { trainable = true, decay = name.endsWith("weight"), bank = false } = options;
    for (const [flag, value] of Object.entries({ trainable, decay, bank })) expectFlag(where, flag, value);
    const tensor = expectTensor(where, make(this.device, shape, seed), `what the initialiser of "${name}" gives`);
    if (!sameShape(tensor.shape, shape)) {
      const [found, wanted] = [formatShape(tensor.shape), formatShape(shape)];
      throw new ShapeError(`${where}: the initialiser of "${name}" gives ${found}, the parameter is ${wanted}`);
    }
    if (tensor.device !== this.device) {
      throw new EngineError(`${where}: the initialiser of "${name}" gives a tensor of another device`);
    }
    tensor.unscoped();
    tensor.requiresGrad = trainable;
    this.#own.push({ name, tensor, trainable, decay, bank });
    return tensor;
  }

  /**
   * Registers a part under a name; returns it. A part may have several names.
   *
   * @throws {ArgumentError} where the name is taken, or a parameter has it already.
   */
  protected child<M extends Module>(name: string, module: M): M {
    if (!(module instanceof Module)) {
      throw new ArgumentError(`${this.constructor.name}: the part "${name}" is a module, not ${described(module)}`);
    }
    this.#refuseTaken(name, [...module.parameters(`${name}.`)].map((parameter) => parameter.name));
    if (this.#children.some((child) => child.name === name)) this.#taken(name);
    this.#children.push({ name, module });
    return module;
  }

  #refuseTaken(what: string, names: readonly string[]): void {
    const taken = new Set([...this.parameters()].map(({ name }) => name));
    if (names.some((name) => taken.has(name))) this.#taken(what);
  }

  #taken(name: string): never {
    throw new ArgumentError(`${this.constructor.name}: the name "${name}" is taken, and weights go by their names`);
  }

  /**
   * Every parameter of this module and its parts, in order of registration. A parameter is one however often the part that
   * has it, or its tensor, is registered: it comes once, by its first name.
   */
  *parameters(prefix = ""): Generator<NamedParameter> {
    yield* this.#parametersBut(new Set(), prefix);
  }

  *#parametersBut(seen: Set<Module | Tensor>, prefix: string): Generator<NamedParameter> {
    if (seen.has(this)) return;
    seen.add(this);
    for (const own of this.#own) {
      if (seen.has(own.tensor)) continue;
      seen.add(own.tensor);
      yield { ...own, name: prefix + own.name };
    }
    for (const { name, module } of this.#children) yield* module.#parametersBut(seen, `${prefix}${name}.`);
  }

  /** Parameters that collect gradients; `prefix` comes before their names, so that an optimiser can have several models'. */
  trainable(prefix = ""): NamedParameter[] {
    return [...this.parameters(prefix)].filter((p) => p.trainable);
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const { tensor } of this.parameters()) tensor.zeroGrad();
  }

  /** Stops collecting gradients for every parameter of this module and its parts. */
  freeze(): this {
    // A part's name, say: all would be frozen, which nobody asked for.
    if (arguments.length > 0) {
      throw new ArgumentError(
        `freeze: it takes no argument, not ${described(arguments[0])}; a part is frozen by its own freeze()`,
      );
    }
    for (const own of this.#own) {
      own.trainable = false;
      own.tensor.requiresGrad = false;
    }
    for (const { module } of this.#children) module.freeze();
    return this;
  }

  /**
   * True in training, as new modules are: layers then normalise by the batch's own statistics and drop out. See
   * {@link Module.train} and {@link Module.eval}.
   */
  get training(): boolean {
    return this.#training;
  }

  /** Puts this module and its parts in training, or out of it; returns it. */
  train(on = true): this {
    expectFlag("train", "its argument", on);
    this.#training = on;
    for (const { module } of this.#children) module.train(on);
    return this;
  }

  /** Takes this module and its parts out of training; returns it. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Its tensors by name, running statistics included: what {@link Module.load} and `saveTensors` take. They stay the
   * module's.
   */
  stateDict(): Map<string, Tensor> {
    return tensorsOf(this.parameters());
  }

  /**
   * Writes named values into the tensors of the same names: tensors, typed arrays, or what a safetensors file holds.
   * Nothing is written unless all of it fits.
   *
   * @throws {EngineError} that names every tensor which is missing, unexpected, or of another shape or type. Where not
   * `strict`, missing and unexpected ones are passed over and returned.
   */
  load(
    values: ReadonlyMap<string, NamedValue> | Readonly<Record<string, NamedValue>>,
    options: { readonly strict?: boolean } = {},
  ): PassedOver {
    const given = expectNamedValues("load", values);
    expectOptions("load", options, { strict: true });
    const { strict = true } = options;
    expectFlag("load", "strict", strict);
    const state = this.stateDict(), found = misfits(state, given);
    const wrong = found.filter(({ kind }) => strict || kind === "misshapen");
    if (wrong.length > 0) throw new EngineError(`load: ${wrong.map(({ reason }) => reason).join("; ")}`);
    expectAlive("load", state, given);
    fillTensors(state, given);
    const names = (wanted: string): string[] => found.flatMap(({ kind, name }) => kind === wanted ? [name] : []);
    return { missing: names("missing"), unexpected: names("unexpected") };
  }

  /** Frees all parameters. */
  [Symbol.dispose](): void {
    for (const { tensor } of this.#own) tensor.dispose();
    for (const { module } of this.#children) module[Symbol.dispose]();
  }
}
