/** Writing rows into a table, or adding them to its rows: the inverse of gather. */
import text from "../../shaders/scatter.wgsl" with { type: "text" };
import { expectOneOf, expectOptions } from "../base/given.ts";
import { DTypeError, ShapeError } from "../base/errors.ts";
import { defineOp, expectDType, type Sample } from "../op.ts";
import { kernel } from "../gpu/kernel.ts";
import { formatShape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { addRows, gather } from "./gather.ts";
import { fill } from "./lib/fill.ts";
import { byValues } from "./lib/choice.ts";
import { GROUP, indexFaultsLib, indexLib, scalarLib, valueKernels } from "./lib/library.ts";

const parts = [indexLib, indexFaultsLib, { file: "scatter.wgsl", text }] as const;
const lastKernel = kernel("last_picks", scalarLib, ...parts);
const setKernels = valueKernels("scatter_set", ...parts);
const tableGradKernels = valueKernels("table_grad", ...parts);
const updatesGradKernels = valueKernels("updates_grad", ...parts);

interface Attrs {
  readonly mode: "set" | "add";
}

/** Runs a kernel over y, whose rows are as long as the table's. */
function run(
  which: typeof setKernels,
  bind: Readonly<Record<string, Tensor>>,
  y: Tensor,
  { shape }: { readonly shape: readonly number[] },
  picks: number,
): void {
  const width = sizeOf(shape.slice(1)), { kernel, per } = byValues(y.device, which, width % 4 === 0);
  y.device.run(kernel, {
    bind,
    params: { count: y.size / per, rows: shape[0], width: width / per, picks },
    grid: y.device.grid(y.size / per, GROUP),
  });
}

const scatterOp = defineOp<Attrs>({
  name: "scatter",
  family: "indexing",
  infer: ([x, indices, updates], { mode }) => {
    if (mode === "add") expectDType("scatter", "the table of mode add", x!, "f32");
    else expectDType("scatter", "the table", x!, "f32", "i32", "u32");
    expectDType("scatter", "the indices", indices!, "i32");
    if (updates!.dtype !== x!.dtype) {
      throw new DTypeError(`scatter: updates of dtype ${updates!.dtype} into a table of ${x!.dtype}; cast() converts`);
    }
    if (x!.shape.length < 1) throw new ShapeError(`scatter: a table of shape ${formatShape(x!.shape)} has no rows`);
    const wanted = [...indices!.shape, ...x!.shape.slice(1)];
    if (!sameShape(updates!.shape, wanted)) {
      throw new ShapeError(
        `scatter: updates ${formatShape(updates!.shape)} for a table ${formatShape(x!.shape)} at indices ${
          formatShape(indices!.shape)
        } must be ${formatShape(wanted)}`,
      );
    }
    const y = { shape: x!.shape, dtype: x!.dtype };
    return mode === "add" ? [y] : [y, { shape: [x!.shape[0]], dtype: "i32" }];
  },
  forward: ([x, indices, updates], { mode }, [y, last], device) => {
    if (mode === "add") {
      y.copyFrom(x!);
      return addRows(y, updates!, indices!, { from: "y" });
    }
    fill(last, -1);
    device.run(lastKernel, {
      bind: { indices: indices!, found: last },
      params: { count: 0, rows: x!.shape[0], width: 0, picks: indices!.size },
      grid: device.grid(indices!.size, GROUP),
    });
    run(setKernels, { table: x!, updates: updates!, last, y }, y, x!, indices!.size);
  },
  constantInputs: [1],
  constantOutputs: [1],
  saves: (needs, { mode }) => ({
    inputs: needs[2] ? [1] : [],
    outputs: mode === "set" ? [1] : [],
  }),
  backward: (call) => {
    const dy = call.grads[0]!, { device } = dy, [, , updates] = call.inputMetas;
    if (call.attrs.mode === "add") {
      return [call.needs[0] ? dy : null, null, call.needs[2] ? gather(dy, call.input(1)) : null];
    }
    const last = call.output(1);
    const [dx, du] = [dy.shape, updates!.shape].map((shape, i) => call.needs[2 * i] ? device.empty(shape) : null);
    if (dx) run(tableGradKernels, { last, dy, dx }, dx, dy, 0);
    if (du) {
      const indices = call.input(1);
      run(updatesGradKernels, { indices, last, dy, dx: du }, du, dy, indices.size);
    }
    return [dx, null, du];
  },
  samples: () => {
    const cases = [
      [[5, 3], [4], "f32"],
      [[4], [2, 3], "f32"],
      [[3, 2, 4], [11], "f32"],
      [[3, 8], [], "f32"],
      [[4, 3], [0], "f32"],
      [[0, 3], [2], "f32"],
      [[5, 3], [7], "i32"],
      [[5, 4], [7], "u32"],
      // More than an invocation's first four words are copied.
      [[71, 17], [5], "f32"],
    ] as const;
    return cases.flatMap(([shape, indices, dtype]) =>
      (["set", "add"] as const).filter((mode) => mode === "set" || dtype === "f32").map((mode): Sample<Attrs> => {
        const range = dtype === "f32" ? [-1, 1] as const : [0, 99] as const;
        return {
          inputs: [
            { shape, dtype, range },
            { shape: indices, dtype: "i32", range: [-1, shape[0]] },
            { shape: [...indices, ...shape.slice(1)], dtype, range },
          ],
          attrs: { mode },
        };
      })
    );
  },
  bad: [
    {
      inputs: [{ shape: [5, 3] }, { shape: [4], dtype: "i32" }, { shape: [4, 2] }],
      attrs: { mode: "set" },
      message: /must be \[4, 3\]/,
    },
    {
      inputs: [{ shape: [] }, { shape: [2], dtype: "i32" }, { shape: [2] }],
      attrs: { mode: "add" },
      message: /has no rows/,
    },
  ],
});

/** Options of {@link scatter}. */
export interface ScatterOptions {
  /** `set`, the default, replaces rows, `add` adds to them. */
  readonly mode?: "set" | "add";
}

/**
 * x [V, ...] with the rows at `indices` (i32, any shape) replaced by `updates` [...indices, ...], or those added to them. Where
 * several updates are for one row, the last of them replaces it, and they are added in order. The index −1 is passed
 * over; any other out of range makes the next reading throw {@link IndexError}. x is left as it is. Mode `set` takes any 32-bit type, `add` f32.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Device, scatter } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const x = device.tensor([1, 2, 3]), updates = device.tensor([10, 20]);
 * const indices = device.tensor(Int32Array.of(2, 2));
 * deepStrictEqual([...await scatter(x, indices, updates).data()], [1, 2, 20]);
 * deepStrictEqual([...await scatter(x, indices, updates, { mode: "add" }).data()], [1, 2, 33]);
 * ```
 */
export function scatter(x: Tensor, indices: Tensor, updates: Tensor, options: ScatterOptions = {}): Tensor {
  expectOptions("scatter", options, { mode: true });
  const { mode = "set" } = options;
  expectOneOf("scatter", "mode", mode, ["set", "add"]);
  const [y, last] = scatterOp([x, indices, updates], { mode });
  last?.dispose();
  return y;
}
