/** Frame of elementwise ops of one tensor: a family's shader has the values and the slopes. */
import frameText from "../../../shaders/lib/elementwise/unary.wgsl" with { type: "text" };
import { type Kernel, kernel, type ShaderText } from "../../gpu/kernel.ts";
import { numbered } from "../../gpu/wgsl.ts";
import { defineOp, expectDType, type Op } from "../../op.ts";
import type { Tensor } from "../../tensor.ts";
import { GROUP, indexLib } from "./library.ts";

/** Plain numbers that a function takes. */
export interface Scalars {
  readonly a: number;
  readonly b: number;
}

/** Parts of an op of one tensor that differ. */
export interface Unary<A> {
  /** Tensor that the slope is computed from. */
  readonly saved: "x" | "y" | "none";
  readonly scalars: (attrs: A) => Scalars;
  /** Attributes of the samples. */
  readonly attrs: readonly A[];
  /** Range of the samples. */
  readonly range?: readonly [number, number];
  /** Kernel for integers, on words; none where they are refused. */
  readonly integers?: Kernel;
}

const SHAPES = [[], [1], [7], [3, 5, 4], [2, 0, 3], [1031]] as const;

/** Texts of a family, the frame's among them; the last one numbers the functions by their ops' names. */
export function unaryParts(...parts: readonly ShaderText[]): readonly [ShaderText, ...ShaderText[]] {
  return [indexLib, { file: "lib/elementwise/unary.wgsl", text: frameText }, ...parts];
}

/** A way to define the ops of a family of {@link unaryParts}. */
export function unaryFamily(
  family: string,
  ...parts: readonly [ShaderText, ...ShaderText[]]
): <A>(name: string, spec: Unary<A>) => Op<A> {
  const unaryKernel = kernel("unary", ...parts);
  const gradKernel = kernel("unary_grad", ...parts);
  const { text } = parts[parts.length - 1];

  return (name, { saved, scalars, attrs, range = [-2, 2], integers }) => {
    const number = numbered(text, name)[name];
    const grid = (x: Tensor, count: number) => ({ grid: x.device.grid(count, GROUP) });
    return defineOp({
      name,
      family,
      infer: ([x]) => {
        expectDType(name, "the input", x!, "f32", ...integers ? ["i32", "u32"] as const : []);
        return [{ shape: x!.shape, dtype: x!.dtype }];
      },
      forward: ([x], given, [y]) => {
        const count = Math.ceil(x!.size / 4), params = { count, ...scalars(given) };
        if (integers && x!.dtype !== "f32") {
          const constants = { OP: number, SIGNED: Number(x!.dtype === "i32") };
          y.device.run(integers, { bind: { words: x!, y_words: y }, params, constants, ...grid(y, count) });
        } else {
          y.device.run(unaryKernel, { bind: { x: x!, y }, params, constants: { OP: number }, ...grid(y, count) });
        }
      },
      saves: () => saved === "x" ? { inputs: [0] } : saved === "y" ? { outputs: [0] } : {},
      activation: () => name === "relu" || name === "tanh" || name === "sigmoid" ? name : "none",
      backward: saved === "none" ? { nondifferentiable: "piecewise constant" } : (call) => {
        if (call.sloped) return [call.grads[0]];
        const x = saved === "x" ? call.input(0) : call.output(0), dy = call.grads[0]!;
        const y = dy.device.empty(dy.shape);
        const count = Math.ceil(dy.size / 4), params = { count, ...scalars(call.attrs) };
        dy.device.run(gradKernel, { bind: { x, dy, y }, params, constants: { OP: number }, ...grid(y, count) });
        return [y];
      },
      samples: () => [
        ...attrs.flatMap((attrs) => SHAPES.map((shape) => ({ inputs: [{ shape, range }], attrs }))),
        ...(integers ? ["i32", "u32"] as const : []).flatMap((dtype) =>
          SHAPES.slice(2).map((shape) => ({
            inputs: [{ shape, dtype, range: dtype === "i32" ? [-3, 4] as const : [0, 2 ** 32] as const }],
            attrs: attrs[0],
          }))
        ),
      ],
    });
  };
}
