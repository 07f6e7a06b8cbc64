/**
 * Itera: a WebGPU tensor engine with autograd for Deno, and models that reason about images on it.
 *
 * ```ts
 * import { deepStrictEqual, ok } from "node:assert/strict";
 * import { Device, ops } from "@itera/itera";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const w = device.zeros([2, 2]);
 * w.requiresGrad = true;
 * const loss = ops.crossEntropy(device.ones([4, 2]).matmul(w), device.tensor(Int32Array.of(0, 1, 1, 1)));
 * loss.backward();
 * // Both classes are equally likely as yet.
 * ok(Math.abs(await loss.item() - Math.log(2)) < 1e-6);
 * deepStrictEqual([...await w.grad!.data()], [0.25, -0.25, 0.25, -0.25]);
 * ```
 *
 * @module
 */
export * from "./engine/mod.ts";
/** Data sets of image regions, loaders, knowledge graphs. */
export * as datasets from "./datasets/mod.ts";
/** Models, their metrics and weights. */
export * as models from "./model/mod.ts";
