/** Specialisations of kernels that samples of an op reach, and samples for those that they do not. */
import type { Device } from "../../device.ts";
import { dtypeOfArray } from "../../dtype.ts";
import type { AnyOp, Sample, SampleInput } from "../../op.ts";
import { elements } from "../float64/ndarray64.ts";
import type { HostInput } from "../samples/run_sample.ts";
import { kernelsOf } from "./run.ts";

/** Most samples that are varied, and most variations of each. */
const VARIED = 12, VARIATIONS = 96;

/** Constants that say how kernels of products cut a result. */
const CUT: readonly string[] = ["ROWS", "COLUMNS", "ACROSS", "QUADS", "TILE_ROWS", "TILE_COLUMNS", "LANES", "BUFFERS"];

/** Kernels with the constants that samples ask for; what a sample is found for counts as reached from then on. */
export class Reached {
  readonly #device: Device;
  readonly #op: AnyOp;
  readonly #samples: readonly Sample<unknown>[];
  /** The smallest first: a sample shows what its constants do as well as a larger one. */
  readonly #small: readonly Sample<unknown>[];
  readonly #keys: Set<string>;
  readonly #tilings: boolean;

  /** Each tiling counts by itself where `tilings` are asked for; else a product's other constants count once, in whatever tiles. */
  constructor(device: Device, op: AnyOp, samples: readonly Sample<unknown>[], tilings: boolean) {
    this.#tilings = tilings;
    this.#device = device;
    this.#op = op;
    this.#samples = samples;
    this.#small = samples.filter((sample) => sample.inputs.every((input) => !input || elements(input.shape) > 0))
      .toSorted((a, b) => sizeOf(a) - sizeOf(b));
    this.#keys = new Set(samples.flatMap((sample) => this.#reach(sample)));
  }

  /**
   * Samples with every value that an attribute of words or flags has in any of them, each with those of the others, and with optional
   * inputs there and left out, as far as they reach more.
   */
  variations(): readonly Sample<unknown>[] {
    const values = choicesOf(this.#samples);
    return this.#small.slice(0, VARIED).flatMap((sample) =>
      variations(sample, values, this.#samples).slice(0, VARIATIONS).filter((varied) => this.#more(varied))
    );
  }

  /** Samples that reach more where they run twice, so that gradients are added to those of the first time. */
  collected(): readonly Sample<unknown>[] {
    return this.#small.filter((sample) => this.#more(sample, true));
  }

  #more(sample: Sample<unknown>, twice = false): boolean {
    const own = this.#reach(sample, twice), more = own.some((key) => !this.#keys.has(key));
    for (const key of own) this.#keys.add(key);
    return more;
  }

  #reach(sample: Sample<unknown>, twice = false): string[] {
    try {
      const body = (): void => recordEmpty(this.#device, this.#op, sample, twice);
      const counts: Parameters<typeof kernelsOf>[2] = ({ traits }, name) =>
        this.#tilings || !traits.tilingOf || !CUT.includes(name);
      return [...kernelsOf(this.#device, body, counts).keys()];
    } catch {
      return [];
    }
  }
}

function sizeOf({ inputs }: Sample<unknown>): number {
  return inputs.reduce((sum, input) => sum + (input ? elements(input.shape) : 0), 0);
}

/** Records an op on a sample, forwards and backwards, or so twice. */
function recordEmpty(device: Device, op: AnyOp, { inputs, attrs }: Sample<unknown>, twice: boolean): void {
  const drawn = inputs.map((input) => input && emptyInput(input));
  const needs = drawn.map((input) => op.differentiable && input !== null && dtypeOfArray(input.data) === "f32");
  using _scope = device.scope();
  const tensors = drawn.map((input, i) => {
    if (!input) return null;
    const tensor = device.tensor(input.data, input.shape);
    tensor.requiresGrad = needs[i];
    return tensor;
  });
  for (let times = twice ? 2 : 1; times > 0; times--) {
    const output = op.run(tensors, attrs).find(({ requiresGrad }) => requiresGrad);
    output?.backward(device.ones(output.shape));
  }
}

/** An input as a sample describes it, of the least number of its range: to be recorded, not computed with. */
export function emptyInput({ shape, dtype = "f32", range: [low] = [-1, 1] }: SampleInput): HostInput {
  const size = elements(shape);
  const data = dtype === "f32"
    ? new Float32Array(size).fill(low)
    : dtype === "f16"
    ? new Float16Array(size).fill(low)
    : dtype === "i32"
    ? new Int32Array(size).fill(low)
    : new Uint32Array(size).fill(Math.max(0, low));
  return { shape, data };
}

/** Values of each attribute that is a word or a flag, as samples have them. */
function choicesOf(samples: readonly Sample<unknown>[]): ReadonlyMap<string, readonly unknown[]> {
  const values = new Map<string, Set<unknown>>();
  for (const { attrs } of samples) {
    for (const [name, value] of Object.entries((attrs ?? {}) as Record<string, unknown>)) {
      if (typeof value !== "string" && typeof value !== "boolean") continue;
      const own = values.get(name);
      if (own) own.add(value);
      else values.set(name, new Set([value]));
    }
  }
  return new Map([...values].map(([name, own]) => [name, typeof [...own][0] === "boolean" ? [false, true] : [...own]]));
}

/** A sample with each choice of its attributes, and each of its optional inputs there or not. */
function variations(
  { inputs, attrs }: Sample<unknown>,
  values: ReadonlyMap<string, readonly unknown[]>,
  samples: readonly Sample<unknown>[],
): Sample<unknown>[] {
  let all: Sample<unknown>[] = [{ inputs, attrs }];
  for (const [name, choices] of values) {
    if (!Object.hasOwn((attrs ?? {}) as object, name)) continue;
    all = all.flatMap((one) => choices.map((value) => ({ ...one, attrs: { ...one.attrs as object, [name]: value } })));
  }
  inputs.forEach((input, i) => {
    if (input === null || !samples.some((sample) => sample.inputs[i] === null)) return;
    all = all.flatMap((one) => [one, { ...one, inputs: one.inputs.with(i, null) }]);
  });
  return all;
}
