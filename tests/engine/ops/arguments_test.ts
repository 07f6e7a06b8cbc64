/**
 * Arguments of other kinds than a function takes, as callers without types give them: a promise, undefined, a number in a
 * string for a tensor; an option that there is not; a name that there is not. Each is refused by the function that was
 * called, in one sentence.
 */
import { deepStrictEqual, doesNotThrow, match, ok, strictEqual, throws } from "node:assert/strict";
import { ArgumentError, EngineError, Graph, ops, type Tensor } from "../../../engine/mod.ts";
import { openDevices, withoutLeaks } from "../../support/devices.ts";

const { cpu: device } = await openDevices();

/** An argument of a call: a tensor of a shape, made when it is called, or the value itself. */
class Given {
  constructor(readonly shape: readonly number[], readonly dtype: "f32" | "i32" | "u32" = "f32") {}
}

const t = (...shape: number[]): Given => new Given(shape);
const whole = (...shape: number[]): Given => new Given(shape, "i32");
const flags = (...shape: number[]): Given => new Given(shape, "u32");

const cell = (inputs: number, gates: number): Record<string, Given> => ({ wx: t(inputs, gates), wh: t(2, gates) });
const { rows, cols, relations } = Graph.fromTriples(2, 2, [[[0, 1, 1]]]);
const graph = { rows, cols, relations };

/** One right call of every op, options last where there are any. */
const CALLS: Readonly<Record<string, readonly unknown[]>> = {
  ...Object.fromEntries(
    "abs neg exp log sqrt tanh sigmoid relu square reciprocal sign sin cos erf silu".split(" ").map((
      name,
    ) => [name, [t(3)]]),
  ),
  ...Object.fromEntries(
    "add sub mul div pow maximum minimum floorDiv mod equal notEqual greater greaterEqual less lessEqual".split(" ")
      .map((
        name,
      ) => [name, [t(3), t(3)]]),
  ),
  ...Object.fromEntries("sum mean max min prod".split(" ").map((name) => [name, [t(3, 2), 0, { keepDims: true }]])),
  ...Object.fromEntries(
    "variance std".split(" ").map((name) => [name, [t(3, 2), 0, { keepDims: true, correction: 0 }]]),
  ),
  ...Object.fromEntries("argmax argmin".split(" ").map((name) => [name, [t(3, 2), 0, { keepDims: true }]])),
  ...Object.fromEntries("softmax logSoftmax cumsum".split(" ").map((name) => [name, [t(3, 2), 1]])),
  ...Object.fromEntries(
    "mseLoss l1Loss bceWithLogits".split(" ").map((name) => [name, [t(3), t(3), { reduction: "sum" }]]),
  ),
  ...Object.fromEntries(
    "maxPool2d avgPool2d".split(" ").map((name) => [name, [t(1, 4, 4, 2), 2, {
      stride: 2,
      padding: "same",
    }]]),
  ),
  clamp: [t(3), 0, 1],
  gelu: [t(3), { approximate: "tanh" }],
  leakyRelu: [t(3), 0.1],
  where: [flags(3), t(3), t(3)],
  cast: [t(3), "i32"],
  concat: [[t(3), t(2)], 0],
  stack: [[t(3), t(3)], 0],
  pad: [t(3), [[1, 1]], 0],
  reshape: [t(3), [3, 1]],
  slice: [t(3), [1], [2]],
  tile: [t(3), [2]],
  transpose: [t(3, 2), [1, 0]],
  flip: [t(3), 0],
  squeeze: [t(3, 1), 1],
  unsqueeze: [t(3), 0],
  split: [t(3), [1, 2], 0],
  einsum: ["ij,jk->ik", t(2, 3), t(3, 2)],
  topk: [t(4), 2, { axis: 0, largest: false }],
  matmul: [t(2, 3), t(3, 2), { transposeA: false, transposeB: false }],
  linear: [t(2, 3), t(3, 2), t(2), { activation: "relu" }],
  crossEntropy: [t(2, 3), whole(2), { reduction: "mean", labelSmoothing: 0.1, ignoreIndex: -1 }],
  conv2d: [t(1, 4, 4, 2), t(3, 3, 2, 2), { stride: 1, padding: "same", dilation: 1, activation: "relu" }],
  conv2dDataGrad: [t(1, 2, 2, 2), t(3, 3, 2, 2), [1, 4, 4, 2], { stride: 1 }],
  conv2dWeightGrad: [t(1, 4, 4, 2), t(1, 2, 2, 2), [3, 3, 2, 2], { stride: 1 }],
  conv2dBank: [t(2, 3, 3, 4), t(3, 3, 3, 4, 4), t(3, 4), [0, 2], { activation: "relu", dilation: 1 }],
  batchNorm: [t(4, 2), t(2), t(2), { epsilon: 1e-3 }],
  batchNormInference: [t(4, 2), t(2), t(2), t(2), t(2), { epsilon: 1e-3 }],
  layerNorm: [t(4, 2), t(2), t(2), { axes: -1, epsilon: 1e-3 }],
  groupNorm: [t(4, 2), 1, t(2), t(2), { epsilon: 1e-3 }],
  dropout: [t(4), { rate: 0.5, seed: 1, step: 0 }],
  cropAndResize: [t(1, 4, 4, 2), t(1, 4), whole(1), [2, 2], { extrapolationValue: 0, boundTolerance: 0 }],
  roiAlign: [t(1, 4, 4, 2), t(1, 4), whole(1), [2, 2], { spatialScale: 1, samplingRatio: 2, aligned: true }],
  gather: [t(3, 2), whole(2)],
  embedding: [t(3, 2), whole(2)],
  oneHot: [whole(2), 3],
  scatter: [t(3, 2), whole(2), t(2, 2), { mode: "add" }],
  resizeBilinear: [t(1, 4, 4, 2), [2, 2], { mode: "halfPixel" }],
  pasteRegions: [t(1, 2, 2, 4), t(1, 4), [4, 4]],
  propagate: [t(2, 3), graph, t(1, 3, 2)],
  gruCell: [t(1, 3), t(1, 2), cell(3, 6)],
  lstm: [t(2, 1, 3), t(1, 2), t(1, 2), cell(3, 8)],
  lstmCell: [t(1, 3), t(1, 2), t(1, 2), cell(3, 8)],
  lstmSteps: [t(2, 1, 8), t(1, 2), t(1, 2), t(2, 8)],
  convGru: [t(1, 3, 3, 4), t(1, 3, 3, 4), {
    wxGates: t(3, 3, 4, 2),
    wsGates: t(3, 3, 4, 2),
    bGates: t(2),
    wxCand: t(3, 3, 4, 4),
    wsCand: t(3, 3, 4, 4),
    bCand: t(4),
  }, { activation: "tanh" }],
  convGruJoined: [t(1, 3, 3, 4), t(1, 3, 3, 4), {
    wx: t(3, 3, 4, 8),
    ws: t(3, 3, 4, 4),
    bx: t(8),
    wc: t(3, 3, 4, 4),
  }, { activation: "tanh", gates: 1 }],
  addRelu: [t(2, 3), t(2, 3), t(2, 3)],
  weightedSum: [[t(2, 3), t(2, 3)], { factors: [1, 2], scale: 0.5 }],
  exampleWeights: [t(2, 3), whole(2), { least: 0.1, factors: t(2) }],
};

/** Place of an argument, and names or numbers within it. */
type Path = readonly (string | number)[];

function paths(value: unknown, is: (value: unknown) => boolean, path: Path = []): Path[] {
  if (is(value)) return [path];
  if (value === null || typeof value !== "object" || value instanceof Given || value === graph) return [];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, is, [...path, key]));
}

function replaced(value: unknown, [first, ...rest]: Path, by: unknown): unknown {
  if (first === undefined) return by;
  const changed = replaced((value as Record<string, unknown>)[first], rest, by);
  return Array.isArray(value) ? value.with(Number(first), changed) : { ...value as object, [first]: changed };
}

/** Arguments with their tensors made. */
function made(value: unknown): unknown {
  if (value instanceof Given) return device.zeros([...value.shape], { dtype: value.dtype });
  if (value === graph || value === null || typeof value !== "object" || value instanceof Promise) return value;
  if (Array.isArray(value)) return value.map(made);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, made(inner)]));
}

const functions = ops as unknown as Readonly<Record<string, (...given: unknown[]) => Tensor>>;

function call(name: string, given: readonly unknown[]): void {
  using _scope = device.scope();
  functions[name](...made(given) as unknown[]);
}

/** A tensor's place where a number is an operand as well. */
const takesNumbers = (name: string, path: Path): boolean =>
  /^(add|sub|mul|div|pow|maximum|minimum|floorDiv|mod|equal|notEqual|greater|greaterEqual|less|lessEqual)$/.test(
    name,
  ) ||
  (name === "where" && path[0] !== "0");

function refuses(name: string, given: readonly unknown[], what: string): void {
  throws(() => call(name, given), (error: unknown) => {
    ok(error instanceof ArgumentError, `${name} with ${what}: threw ${error}`);
    // Cells and pooled layers are made of others, which may be the ones that speak.
    match(error.message, new RegExp(`^(${name}|linear|reshape|lstm|lstmCell|gather|sum): `), `${name} with ${what}`);
    ok(!/[.!?] [A-Z]|\n/.test(error.message), `${name} with ${what}: more than a sentence: ${error.message}`);
    return true;
  });
}

Deno.test("the table has a right call of every op", () => {
  const all = Object.entries(ops).filter(([, value]) => typeof value === "function").map(([name]) => name);
  deepStrictEqual(Object.keys(CALLS).toSorted(), all.toSorted());
});

for (const [name, right] of Object.entries(CALLS)) {
  Deno.test(`${name} refuses what is no tensor, and options and names that there are not`, () =>
    withoutLeaks(device, () => {
      doesNotThrow(() => call(name, right));
      for (const path of paths(right, (value) => value instanceof Given)) {
        const wrong: [unknown, string][] = [[undefined, "undefined"], ["3", "a string"], [[1, 2], "an array"], [
          {},
          "an object",
        ]];
        if (!takesNumbers(name, path)) wrong.push([3, "a number"]);
        for (const [value, what] of wrong) {
          const optional = value === undefined && isOptional(name, path);
          if (!optional) refuses(name, replaced(right, path, value) as unknown[], `${what} at ${path}`);
        }
        const promise = Promise.resolve(1);
        throws(() => call(name, replaced(right, path, promise) as unknown[]), /a promise: await it/);
      }
      for (const path of paths(right, (value) => typeof value === "number")) {
        for (const wrong of ["3", Promise.resolve(1), {}]) {
          throws(() => call(name, replaced(right, path, wrong) as unknown[]), (error) => {
            ok(error instanceof EngineError, `${name} with ${wrong} at ${path}: ${error}`);
            return true;
          }, `${name} takes ${wrong} at ${path}`);
        }
      }
      for (const path of paths(right, (value) => typeof value === "boolean")) {
        refuses(name, replaced(right, path, "false") as unknown[], `a string at ${path}`);
      }
      // The options are the last argument, where it is an object.
      const last = right.length - 1, options = right[last];
      if (options === null || typeof options !== "object" || Array.isArray(options)) return;
      if (options instanceof Given || options === graph) return;
      refuses(name, right.with(last, { ...options, noSuchOption: 1 }), "an unknown option");
      throws(
        () => call(name, right.with(last, { ...options, noSuchOption: 1 })),
        /no option "noSuchOption"; it takes \w+/,
      );
      refuses(name, right.with(last, 7), "a number for options");
      for (const path of paths(options, (value) => typeof value === "string")) {
        refuses(name, right.with(last, replaced(options, path, "no such name")), `an unknown ${path}`);
      }
    }));
}

/** True for a tensor that may be left out. */
function isOptional(name: string, path: Path): boolean {
  return (/^(linear|addRelu)$/.test(name) && path[0] === "2") ||
    (name === "exampleWeights" && path[1] === "factors") || (/^(layer|group)Norm$/.test(name) && path[0] !== "0") ||
    (name === "einsum" && path[0] === "2" && false);
}

Deno.test("extents, places and counts that are not whole are refused", () => {
  using _scope = device.scope();
  const x = device.zeros([2, 3]);
  for (const shape of [[4, -1], [-1, 4], [5, -1], [-1, -1], [1.5, 4], [-2, -3]]) {
    throws(() => x.reshape(shape), /^ShapeError: reshape: /, `${shape}`);
  }
  throws(() => ops.slice(x, [0.5, 0], [1, 1]), /^ShapeError: slice: /);
  throws(() => ops.slice(x, [0, 0], [1, NaN]), /^ShapeError: slice: /);
  throws(() => ops.pad(x, [[0.5, 0], [0, 0]]), /^ShapeError: pad: /);
  throws(() => ops.pad(x, [[1], [0, 0]] as unknown as ops.PadWidths), /^ShapeError: pad: /);
  for (const sizes of [[1.5, 0.5], [-1, 3]]) throws(() => ops.split(x, sizes), /^ShapeError: split: /, `${sizes}`);
  throws(() => ops.tile(x, [1.5, 1]), /^ShapeError: tile: /);
  for (const k of [1.5, -1, 5]) throws(() => ops.topk(x, k), /^ShapeError: topk: /, `${k}`);
});

Deno.test("methods of tensors refuse what their ops do", () => {
  using _scope = device.scope();
  const x = device.ones([2]) as unknown as Record<string, (...given: unknown[]) => unknown>;
  for (const method of ["add", "sub", "mul", "div", "pow", "maximum", "matmul", "equal"]) {
    throws(() => x[method](Promise.resolve(2)), /a promise: await it/, method);
    throws(() => x[method](), ArgumentError, method);
    throws(() => x[method]("2"), ArgumentError, method);
  }
  throws(() => x.sum(0, { keepdim: true }), /sum: there is no option "keepdim"; it takes keepDims/);
  strictEqual(device.memory.liveTensors > 0, true);
});
