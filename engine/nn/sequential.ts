/** Layers one after the other. */
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { described } from "../base/given.ts";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor.ts";
import { Module } from "./module.ts";

/** True for a class: unlike a function's, its prototype stays as it is. */
function isClass(value: unknown): boolean {
  return typeof value === "function" && Object.getOwnPropertyDescriptor(value, "prototype")?.writable === false;
}

/** A module with one tensor in and one out. */
export type Layer = Module & { forward(x: Tensor): Tensor };

/**
 * Layers, or plain functions, one after the other.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, nn, relu } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * const layer = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1, init: nn.init.ones });
 * using model = new nn.Sequential(device, layer, relu);
 * using scope = device.scope();
 * deepStrictEqual([...model.stateDict().keys()], ["0.weight", "0.bias"]);
 * deepStrictEqual([...await model.forward(device.tensor([[1, -3]])).data()], [0, 0]);
 * ```
 */
export class Sequential extends Module {
  readonly #steps: (Layer | ((x: Tensor) => Tensor))[];

  /** Steps are named by their position. */
  constructor(device: Device, ...steps: (Layer | ((x: Tensor) => Tensor))[]) {
    super(device);
    if (steps.length === 0) throw new ShapeError("Sequential: no layers");
    for (const [i, step] of steps.entries()) {
      if (isClass(step)) {
        throw new ArgumentError(
          `Sequential: layer ${i} is the class ${
            (step as { readonly name: string }).name
          }; give a layer, made with new`,
        );
      }
      if (typeof step === "function" || (step instanceof Module && typeof step.forward === "function")) continue;
      throw new ArgumentError(`Sequential: layer ${i} is a module or a function, not ${described(step)}`);
    }
    this.#steps = steps;
    steps.forEach((step, i) => step instanceof Module && this.child(String(i), step));
  }

  /** Applies the steps in order. */
  forward(x: Tensor): Tensor {
    return this.#steps.reduce((y, step) => typeof step === "function" ? step(y) : step.forward(y), x);
  }
}
