/** 3 × 3 convolutions of stride 1 by Winograd's minimal filtering, and their gradients: when, and how; see `shaders/winograd.wgsl`. */
import f2Text from "../../../shaders/lib/winograd/f2.wgsl" with { type: "text" };
import f4Text from "../../../shaders/lib/winograd/f4.wgsl" with { type: "text" };
import text from "../../../shaders/winograd.wgsl" with { type: "text" };
import type { Device } from "../../device.ts";
import { contextOf, tuningOf } from "../../friends.ts";
import { declareKernel, type Kernel } from "../../gpu/kernel.ts";
import type { KernelSet } from "../../gpu/adapter.ts";
import { bucketSize } from "../../buckets.ts";
import type { Shape } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { type ProductShape, type Tiling, WINOGRAD_FORMS, type WinogradForm } from "../../tuning/table.ts";
import { mayRun } from "./choice.ts";
import { derived } from "./derived.ts";
import { epilogueLibs, GROUP, indexLib, scalarLib, vec4Lib } from "./library.ts";
import { product } from "../product.ts";
import { type Epilogue, epilogueBind, epilogueConstants } from "./tiles.ts";

/** Sizes of a convolution; those of `lib/conv.wgsl`. */
export interface ConvSizes {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly ho: number;
  readonly wo: number;
  readonly stride_y: number;
  readonly stride_x: number;
  readonly dilation_y: number;
  readonly dilation_x: number;
  readonly top: number;
  readonly left: number;
}

/** The convolutions that have such a way. */
export type WinogradOp = "conv2d forward" | "conv2d data gradient" | "conv2d weight gradient";

/** A way to compute one: outputs of a tile along a side, and the product's tiling where it was measured. */
export interface WinogradWay {
  readonly form: WinogradForm;
  readonly tiling?: Tiling;
}

type Entry = "inputs" | "filters" | "outputs" | "output_grads" | "filter_grads";

/** On GPUs an invocation has one channel: four would fill its registers. */
const VALUES = { gpu: scalarLib, cpu: { ...vec4Lib, variant: "vec4" } } as const;
const FORMS = { 2: { file: "lib/winograd/f2.wgsl", text: f2Text }, 4: { file: "lib/winograd/f4.wgsl", text: f4Text } };

function kernelsOf(kernelSet: KernelSet, form: WinogradForm): Readonly<Record<Entry, Kernel>> {
  const of = (entry: Entry, ...computes: WinogradOp[]): Kernel =>
    declareKernel(
      entry,
      { kernelSet, computes, serves: ({ winograd }) => winograd === form },
      indexLib,
      VALUES[kernelSet],
      ...epilogueLibs,
      { ...FORMS[form], variant: `f${form}` },
      { file: "winograd.wgsl", text },
    );
  return {
    inputs: of("inputs", "conv2d forward", "conv2d data gradient", "conv2d weight gradient"),
    filters: of("filters", "conv2d forward", "conv2d data gradient"),
    outputs: of("outputs", "conv2d forward", "conv2d data gradient"),
    output_grads: of("output_grads", "conv2d weight gradient"),
    filter_grads: of("filter_grads", "conv2d weight gradient"),
  };
}

const KERNELS = {
  gpu: { 2: kernelsOf("gpu", 2), 4: kernelsOf("gpu", 4) },
  cpu: { 2: kernelsOf("cpu", 2), 4: kernelsOf("cpu", 4) },
};

/** Multiplications of a tile for each pair of channels. */
const pointsOf = (form: WinogradForm): number => (form + 2) ** 2;

/** Kernels that lead an op's tensors to the points and back. */
const USED: Readonly<Record<WinogradOp, readonly Entry[]>> = {
  "conv2d forward": ["inputs", "filters", "outputs"],
  "conv2d data gradient": ["inputs", "filters", "outputs"],
  "conv2d weight gradient": ["inputs", "output_grads", "filter_grads"],
};

/** The forms of which no such kernel is left out on the device. */
export function winogradForms(device: Device, op: WinogradOp): readonly WinogradForm[] {
  return WINOGRAD_FORMS.filter((form) =>
    USED[op].every((entry) => mayRun(device, KERNELS[device.kernels][form][entry]))
  );
}

/** The tiles that images of height × width outputs are cut in. */
interface Tiles {
  readonly down: number;
  readonly across: number;
  /** Of all images. */
  readonly count: number;
}

function tilesOf(side: number, n: number, height: number, width: number): Tiles {
  const down = Math.ceil(height / side), across = Math.ceil(width / side);
  return { down, across, count: n * down * across };
}

/** True where a convolution by a filter of that shape has such a way at all; one by a bank of filters has none. */
export function hasWinograd({ stride_y, stride_x, dilation_y, dilation_x }: ConvSizes, w: Shape): boolean {
  const [kh, kw, ci, co] = w;
  return w.length === 4 && kh === 3 && kw === 3 && stride_y * stride_x * dilation_y * dilation_x === 1 &&
    ci % 4 === 0 && co % 4 === 0;
}

/** The direct convolution as a product, as the tuning table is asked. */
function directShape(op: WinogradOp, p: ConvSizes, [, , ci, co]: Shape): ProductShape {
  switch (op) {
    case "conv2d forward":
      return [bucketSize(p.n) * p.ho * p.wo, co, 9 * ci, 1];
    case "conv2d data gradient":
      return [p.n * p.h * p.w, ci, 9 * co, 1];
    case "conv2d weight gradient":
      return [9 * ci, co, p.n * p.ho * p.wo, 1];
  }
}

/** The way to compute a convolution by a filter of shape `w`, as measured or by the rule; null for the direct kernels. */
export function winogradWay(device: Device, op: WinogradOp, p: ConvSizes, w: Shape): WinogradWay | null {
  const tuning = tuningOf(device);
  if (tuning.direct || !hasWinograd(p, w)) return null;
  const known = tuning.find(op, ...directShape(op, p, w)), forms = winogradForms(device, op);
  const form = known ? known.winograd : winogradRule(device.kernels, op, p, w, forms);
  if (!form || !forms.includes(form) || !fits(device, form, op, p, w)) return null;
  return known ? { form, tiling: known } : { form };
}

/** The tiles of y, or of dx where that is made. */
function cut(side: number, op: WinogradOp, { n, h, w, ho, wo }: ConvSizes): Tiles {
  return op === "conv2d data gradient" ? tilesOf(side, n, h, w) : tilesOf(side, n, ho, wo);
}

/** The product for all points of a convolution by a filter of shape `w`. */
export function winogradProduct(form: WinogradForm, op: WinogradOp, p: ConvSizes, [, , ci, co]: Shape): ProductShape {
  const { count } = cut(form, op, p), points = pointsOf(form);
  switch (op) {
    case "conv2d forward":
      return [count, co, ci, points];
    case "conv2d data gradient":
      return [count, ci, co, points];
    case "conv2d weight gradient":
      return [ci, co, count, points];
  }
}

/** True where the planes can be bound. */
function fits(device: Device, form: WinogradForm, op: WinogradOp, p: ConvSizes, [, , ci, co]: Shape): boolean {
  const largest = Math.max(cut(form, op, p).count * Math.max(ci, co), ci * co);
  return 4 * pointsOf(form) * largest <= contextOf(device).info.limits.maxStorageBufferBindingSize;
}

/** Multiplications that take as long on llvmpipe as to lead a number to the points or back. */
const TRANSFORM = 28;

/** The same of the three dispatches more than one. */
const DISPATCHES = 4e5;

/** Gain by which a way must be predicted to be faster. */
const ENOUGH = 1.15;

/** Rows of a product as they are run: lanes that have none are idle, and below 25 rows they share nothing. */
function rowsRun(rows: number): number {
  return rows > 24 ? Math.ceil(rows / 64) * 64 : Math.ceil(rows / 8) * 16;
}

/**
 * The rule, by sizes alone: on software adapters what is predicted to be fastest by a model fitted to llvmpipe's times, of
 * multiplications and transforms; on GPUs the direct kernels, until one has timed others faster. Of `forms` alone.
 */
export function winogradRule(
  kernels: KernelSet,
  op: WinogradOp,
  p: ConvSizes,
  w: Shape,
  forms: readonly WinogradForm[] = WINOGRAD_FORMS,
): WinogradForm | undefined {
  if (kernels === "gpu" || !hasWinograd(p, w) || forms.length === 0) return undefined;
  const [, , ci, co] = w, sizes = { ...p, n: bucketSize(p.n) }, filters = op === "conv2d weight gradient";
  const pixels = cut(1, op, sizes).count;
  const direct = 9 * co * ci * (filters ? pixels : rowsRun(pixels));
  const gain = (form: WinogradForm): number => {
    const { count } = cut(form, op, sizes);
    // A multiplication takes the product 0.6 of the time that it takes the direct kernel of filters' gradients.
    const products = filters ? 0.6 * rowsRun(ci) * co * count : rowsRun(count) * ci * co;
    return direct / (pointsOf(form) * (products + TRANSFORM * (count * (ci + co) + ci * co)) + DISPATCHES);
  };
  const best = forms.reduce((a, b) => gain(a) > gain(b) ? a : b);
  return gain(best) >= ENOUGH ? best : undefined;
}

/** Runs one of the kernels on all places of planes, each of one channel or of four. */
function transform(
  device: Device,
  form: WinogradForm,
  entry: Entry,
  [x, y]: readonly [Tensor, Tensor],
  channels: number,
  count: number,
  place: Readonly<Record<"h" | "w" | "down" | "across" | "top" | "left", number>>,
  { constants = {}, epilogue }: {
    readonly constants?: Readonly<Record<string, number>>;
    readonly epilogue?: Epilogue;
  } = {},
): void {
  const each = device.kernels === "gpu" ? 1 : 4;
  device.run(KERNELS[device.kernels][form][entry], {
    bind: { x, y, ...epilogue && epilogueBind(epilogue) },
    params: { ...place, channels: channels / each, count: count / each },
    constants: { ...constants, ...epilogue && epilogueConstants(epilogue) },
    grid: device.grid(count / each, GROUP),
  });
}

/** An image's pixels at the points: x [n, h, w, c] → [points, tiles, c], tiles beginning `top` above and `left` of the outputs'. */
function atPoints(
  x: Tensor,
  form: WinogradForm,
  { down, across, count }: Tiles,
  top: number,
  left: number,
  entry: "inputs" | "output_grads" = "inputs",
): Tensor {
  const [, h, w, c] = x.shape, planes = x.device.empty([pointsOf(form), count, c]);
  transform(x.device, form, entry, [x, planes], c, count * c, { h, w, down, across, top, left });
  return planes;
}

const NOWHERE = { h: 0, w: 0, down: 1, across: 1, top: 0, left: 0 } as const;

/** A filter [3, 3, ci, co] at the points, [points, ci, co]; once for all uses in a scope. */
function filterAtPoints(w: Tensor, form: WinogradForm, turned: boolean): Tensor {
  const [ci, co] = w.shape.slice(2);
  return derived(w, `winograd ${form} ${turned}`, () => {
    const planes = w.device.empty([pointsOf(form), ci, co]);
    transform(w.device, form, "filters", [w, planes], co, ci * co, NOWHERE, { constants: { TURNED: Number(turned) } });
    return planes;
  });
}

/** y = act(conv(x, w) · scale + bias + residual), y [n, ho, wo, co] made by `w`, or by its transpose turned round. */
function convolve(
  x: Tensor,
  w: Tensor,
  y: Tensor,
  { form, tiling }: WinogradWay,
  [top, left]: readonly [number, number],
  turned: boolean,
  epilogue: Epilogue,
): void {
  const { device } = x, [n, h, width, outputs] = y.shape, inputs = x.shape[3], tiles = tilesOf(form, n, h, width);
  const v = atPoints(x, form, tiles, top, left), u = filterAtPoints(w, form, turned);
  const m = device.empty([pointsOf(form), tiles.count, outputs]);
  product(v, u, m, pointsOf(form), {
    m: tiles.count,
    n: outputs,
    k: inputs,
    transposeA: false,
    transposeB: turned,
    tilingRows: tilesOf(form, bucketSize(n), h, width).count,
    ...tiling && { tiling },
  });
  const { down, across, count } = tiles;
  transform(
    device,
    form,
    "outputs",
    [m, y],
    outputs,
    count * outputs,
    { h, w: width, down, across, top: 0, left: 0 },
    { epilogue },
  );
}

/** Convolution forward. */
export function winogradForward(
  x: Tensor,
  w: Tensor,
  y: Tensor,
  p: ConvSizes,
  way: WinogradWay,
  epilogue: Epilogue,
): void {
  convolve(x, w, y, way, [p.top, p.left], false, epilogue);
}

/** Its gradient to the input: dy convolved with the filter turned round, padded to where each tap began. */
export function winogradDataGrad(dy: Tensor, w: Tensor, dx: Tensor, p: ConvSizes, way: WinogradWay): void {
  convolve(dy, w, dx, way, [2 - p.top, 2 - p.left], true, {});
}

/** Its gradient to the filter, on request added to what `dw` holds. */
export function winogradWeightGrad(
  x: Tensor,
  dy: Tensor,
  dw: Tensor,
  p: ConvSizes,
  { form, tiling }: WinogradWay,
  add: boolean,
): void {
  const { device } = x, [ci, co] = dw.shape.slice(2), tiles = tilesOf(form, p.n, p.ho, p.wo);
  const v = atPoints(x, form, tiles, p.top, p.left), d = atPoints(dy, form, tiles, 0, 0, "output_grads");
  const m = device.empty([pointsOf(form), ci, co]);
  product(v, d, m, pointsOf(form), {
    m: ci,
    n: co,
    k: tiles.count,
    transposeA: true,
    transposeB: false,
    ...tiling && { tiling },
  });
  transform(device, form, "filter_grads", [m, dw], co, ci * co, NOWHERE, { constants: { ADD: Number(add) } });
}
