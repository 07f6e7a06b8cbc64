/** Activation functions beside those of `unary.ts`, and the error function. */
import erfText from "../../shaders/lib/elementwise/erf.wgsl" with { type: "text" };
import text from "../../shaders/activations.wgsl" with { type: "text" };
import { expectNumber, expectOneOf, expectOptions } from "../base/given.ts";
import { expectTensor } from "../op.ts";
import type { Tensor } from "../tensor.ts";
import { sigmoidLibs, vec4Lib } from "./lib/library.ts";
import { unaryFamily, unaryParts } from "./lib/unary.ts";

const parts = unaryParts(vec4Lib, ...sigmoidLibs, { file: "lib/elementwise/erf.wgsl", text: erfText }, {
  file: "activations.wgsl",
  text,
});
const define = unaryFamily("pointwise", ...parts);

const plain = { saved: "x", scalars: () => ({ a: 0, b: 0 }), attrs: [{}], range: [-5, 5] } as const;
const erfOp = define("erf", plain);
const geluOp = define("gelu", plain);
const geluTanhOp = define("geluTanh", plain);
const siluOp = define("silu", plain);
const leakyReluOp = define<{ readonly slope: number }>("leakyRelu", {
  saved: "x",
  scalars: ({ slope }) => ({ a: slope, b: 0 }),
  attrs: [{ slope: 0.01 }, { slope: -0.25 }],
});

/**
 * Error function 2/√π ∫₀ˣ e^(−t²) dt, within 8e-7.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, erf } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([1]);
 * ok(Math.abs(await erf(x).item() - 0.8427007929) < 8e-7);
 * ```
 */
export function erf(x: Tensor): Tensor {
  return erfOp([x], {})[0];
}

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** Default `none`: by the error function. `tanh` is the older formula, up to 5e-4 away. */
  readonly approximate?: "none" | "tanh";
}

/**
 * Gaussian error linear unit (Hendrycks and Gimpel, 2016): x·Φ(x) with the normal distribution Φ, or its approximation
 * x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, gelu } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([1]);
 * ok(Math.abs(await gelu(x).item() - 0.8413447) < 1e-6);
 * ok(Math.abs(await gelu(x, { approximate: "tanh" }).item() - 0.8411920) < 1e-6);
 * ```
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  expectTensor("gelu", x);
  expectOptions("gelu", options, { approximate: true });
  const { approximate = "none" } = options;
  expectOneOf("gelu", "approximate", approximate, ["none", "tanh"]);
  return (approximate === "tanh" ? geluTanhOp : geluOp)([x], {})[0];
}

/**
 * Sigmoid linear unit x / (1 + e⁻ˣ), also called swish.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, silu } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([2]);
 * ok(Math.abs(await silu(x).item() - 2 / (1 + Math.exp(-2))) < 1e-6);
 * ```
 */
export function silu(x: Tensor): Tensor {
  return siluOp([x], {})[0];
}

/**
 * x where it is above 0, else `slope`·x; the gradient at 0 is `slope`.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, leakyRelu } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([-2, 3]);
 * deepStrictEqual([...await leakyRelu(x, 0.5).data()], [-1, 3]);
 * ```
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  expectNumber("leakyRelu", "the slope", slope);
  return leakyReluOp([x], { slope })[0];
}
