/** Sine and cosine. */
import text from "../../shaders/trigonometric.wgsl" with { type: "text" };
import type { Tensor } from "../tensor.ts";
import { unaryFamily, unaryParts } from "./lib/unary.ts";

const define = unaryFamily("pointwise", ...unaryParts({ file: "trigonometric.wgsl", text }));

/** Samples among many turns too, where a poor reduction shows. */
const spec = { saved: "x", scalars: () => ({ a: 0, b: 0 }), attrs: [{}], range: [-4000, 4000] } as const;
const sinOp = define("sin", spec);
const cosOp = define("cos", spec);

/**
 * Sine of radians, within 4e-7 of any finite number's; NaN of others.
 *
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { Device, sin } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([0.5, 1000]);
 * const [near, far] = await sin(x).data();
 * ok(Math.abs(near - Math.sin(0.5)) < 4e-7 && Math.abs(far - Math.sin(1000)) < 4e-7);
 * ```
 */
export function sin(x: Tensor): Tensor {
  return sinOp([x], {})[0];
}

/**
 * Cosine of radians, within 4e-7 of any finite number's; NaN of others.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { cos, Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using x = device.tensor([0]);
 * deepStrictEqual([...await cos(x).data()], [1]);
 * ```
 */
export function cos(x: Tensor): Tensor {
  return cosOp([x], {})[0];
}
