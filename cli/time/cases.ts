/** Cases of a selection to time: work at the models' sizes, with what its result must be. */
import type { Device } from "../../engine/device.ts";
import { dtypeOfArray, type TypedArray } from "../../engine/dtype.ts";
import { allOps, type AnyOp, type Sample } from "../../engine/op.ts";
import { elements } from "../../engine/testing/float64/ndarray64.ts";
import { emptyInput } from "../../engine/testing/checks/reached.ts";
import { kernelsOf } from "../../engine/testing/checks/run.ts";
import { randomStream } from "../../engine/testing/random.ts";
import { prepare, type Prepared } from "../../engine/testing/samples/prepare.ts";
import type { Drawn, HostInput } from "../../engine/testing/samples/run_sample.ts";
import { outputOf } from "../../engine/tuning/projection.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { caseName, type Problem, problemOf, type TuneCase } from "../../engine/tuning/problem.ts";
import type { TunedOp } from "../../engine/tuning/table.ts";
import type { Selection } from "../test/select.ts";
import { CASES } from "../tune_cases.ts";
import { SIZES } from "./sizes.ts";
import { openWork, type Work } from "./work.ts";

/** Work to time. */
export interface TimedCase {
  readonly title: string;
  readonly op: AnyOp;
  readonly work: Work;
  /** The product that it computes, where the tuner has tilings for it. */
  readonly product: TunedOp | null;
  /** The sample with what float64 gives for it; null for products, whose results are looked at by `isRight`. */
  readonly prepared: Prepared | null;
  readonly isRight: Problem["isRight"] | null;
  /** True where Winograd's way may compute it, whose transforms round. */
  readonly rounds: boolean;
}

/** A case before its numbers are drawn. */
export interface Planned {
  /** Names of the kernels that it runs. */
  readonly kernels: readonly string[];
  make(): Promise<TimedCase>;
}

/** Sizes of a kind of product that are timed where not all are asked for. */
const FEW = 4;

/** Characters of a sample's title at most. */
const TITLE = 80;

/** Options of {@link casesOf}. */
export interface CaseOptions {
  readonly seed: number;
  /** True for every size of the models, of products too. */
  readonly all?: true | undefined;
}

/** Cases of ops that are chosen whole, and of those that run chosen kernels. */
export function casesOf(device: Device, { ops, kernels }: Selection, { seed, all }: CaseOptions): Planned[] {
  const planned = (work: Work, make: Planned["make"]): Planned[] => {
    const own = kernelsIn(device, work);
    if (own.length === 0 || !ops.includes(work.op) && !own.some((name) => kernels.includes(name))) return [];
    return [{ kernels: own, make }];
  };
  const products = CASES.flatMap((one) => {
    const work = productWork(one.op, operandsOf(one).map(zeros), one);
    return planned(work, () => productCase(device, one)).map((own) => ({ op: one.op, ...own }));
  });
  const samples = [...allOps().values()].flatMap((op) =>
    (SIZES[op.name] ?? []).flatMap((sample) =>
      planned(sampleWork(op, emptyOf(sample)), () => Promise.resolve(sampleCase(op, sample, seed)))
    )
  );
  const found = [...some(products, all ?? false), ...samples];
  // What no model's size runs is timed at the largest sample that runs it.
  const reached = new Set([...products, ...samples].flatMap((own) => own.kernels));
  const left = kernels.filter((name) => !reached.has(name));
  for (const op of left.length > 0 ? allOps().values() : []) {
    const running = op.samples(randomStream(`samples of ${op.name}`, seed)).flatMap((sample) => {
      const own = kernelsIn(device, sampleWork(op, emptyOf(sample)));
      return own.some((name) => left.includes(name)) ? [{ sample, kernels: own }] : [];
    });
    const [largest] = running.toSorted((a, b) => sizeOf(b.sample) - sizeOf(a.sample));
    if (largest) found.push({ ...largest, make: () => Promise.resolve(sampleCase(op, largest.sample, seed)) });
  }
  return found;
}

/** Of each kind of product the sizes that are timed: all, or some from the smallest to the largest. */
function some<T extends Planned & { readonly op: TunedOp }>(cases: readonly T[], all: boolean): Planned[] {
  const kinds = [...new Set(cases.map(({ op }) => op))];
  return kinds.flatMap((kind) => {
    const own = cases.filter(({ op }) => op === kind);
    if (all || own.length <= FEW) return own;
    return Array.from({ length: FEW }, (_, i) => own[Math.round(i * (own.length - 1) / (FEW - 1))]);
  });
}

/** Names of the kernels that work runs; nothing is computed. */
export function kernelsIn(device: Device, work: Work): string[] {
  const empty = ({ data, shape }: HostInput): Tensor => device.empty(shape, dtypeOfArray(data));
  const found = kernelsOf(device, () => {
    using opened = openWork(device, work, empty);
    opened.run();
  });
  return [...new Set([...found.values()].map(({ name }) => name))];
}

/** Shapes of a product's operands. */
function operandsOf(one: TuneCase): (readonly number[])[] {
  if ("m" in one) {
    const { op, m, n, k } = one;
    return [op.at(-2) === "t" ? [k, m] : [m, k], op.at(-1) === "t" ? [n, k] : [k, n]];
  }
  const { images, height, width, inputs, outputs, kernel } = one.conv, [ho, wo] = outputOf(one.conv);
  const x = [images, height, width, inputs], w = [kernel, kernel, inputs, outputs], dy = [images, ho, wo, outputs];
  return one.op === "conv2d forward" ? [x, w] : one.op === "conv2d data gradient" ? [dy, w] : [x, dy];
}

function zeros(shape: readonly number[]): HostInput {
  return { shape, data: new Float32Array(elements(shape)) };
}

/** A product as work; `op` is the tuner's name of what computes it. */
function productWork(op: TunedOp, [a, b]: readonly HostInput[], one: TuneCase): Work {
  const plain = { gradients: false, shape: [] };
  if (op.startsWith("matmul")) {
    const attrs = { transposeA: op.at(-2) === "t", transposeB: op.at(-1) === "t" };
    return { call: "op", op: "matmul", sample: { inputs: [a, b], attrs }, ...plain };
  }
  const { stride, padding, images, height, width, inputs, outputs, kernel } =
    (one as Extract<TuneCase, { conv: unknown }>).conv;
  if (op === "conv2d forward") {
    const around = [[padding, padding], [padding, padding]];
    const attrs = { stride: [stride, stride], padding: around, dilation: [1, 1], activation: "none" };
    return { call: "op", op: "conv2d", sample: { inputs: [a, b, null, null, null], attrs }, ...plain };
  }
  const sample = { inputs: [a, b], attrs: { stride, padding } };
  return op === "conv2d data gradient"
    ? { call: "conv2dDataGrad", op: "conv2d", sample, gradients: false, shape: [images, height, width, inputs] }
    : { call: "conv2dWeightGrad", op: "conv2d", sample, gradients: false, shape: [kernel, kernel, inputs, outputs] };
}

async function productCase(device: Device, one: TuneCase): Promise<TimedCase> {
  using problem = problemOf(device, one);
  const { op, isRight, winograd } = problem;
  const inputs = await Promise.all(
    problem.operands.map(async (operand) => ({ shape: operand.shape, data: await operand.data() as TypedArray })),
  );
  const work = productWork(op, inputs, one);
  return {
    title: `${one.op} ${caseName(one)}`,
    op: allOps().get(work.op)!,
    work,
    product: op,
    prepared: null,
    isRight,
    rounds: winograd.length > 0,
  };
}

function emptyOf({ inputs, attrs }: Sample<unknown>): Drawn {
  return { inputs: inputs.map((input) => input && emptyInput(input)), attrs: attrs as Drawn["attrs"] };
}

function sampleWork(op: AnyOp, sample: Drawn): Work {
  return { call: "op", op: op.name, sample, gradients: op.differentiable, shape: [] };
}

function sizeOf({ inputs }: Sample<unknown>): number {
  return inputs.reduce((sum, input) => sum + (input ? elements(input.shape) : 0), 0);
}

function sampleCase(op: AnyOp, sample: Sample<unknown>, seed: number): TimedCase {
  const [prepared] = prepare(op, randomStream(`timed ${op.name}`, seed), [sample]);
  return {
    title: `${prepared.title.slice(0, TITLE)}${op.differentiable ? ", with gradients" : ""}`,
    op,
    work: sampleWork(op, prepared.sample),
    product: null,
    prepared,
    isRight: null,
    rounds: false,
  };
}
