/**
 * Itera: a WebGPU tensor engine with autograd for Deno, and models that reason about images on it.
 *
 * ```ts
 * import { Device, ops } from "./mod.ts";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const w = device.randn([3, 2], { seed: 1 });
 * w.requiresGrad = true;
 * const loss = ops.crossEntropy(device.ones([4, 3]).matmul(w), device.tensor(new Int32Array([0, 1, 0, 1])));
 * loss.backward();
 * console.log(await loss.item(), await w.grad?.data());
 * ```
 *
 * @module
 */
export * from "./engine/mod.ts";
/** Data sets of image regions, loaders, knowledge graphs. */
export * as datasets from "./datasets/mod.ts";
/** Models, their metrics and weights. */
export * as models from "./model/mod.ts";
