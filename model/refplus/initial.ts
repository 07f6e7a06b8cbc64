/** How layers start (iep-ref.md, 4 and 5). */
import { Conv2d, type Device, init, type Initialiser, Linear, type Seeds } from "../../engine/mod.ts";

/**
 * `reference`: weight and bias uniform in ±1/√fan-in, as PyTorch starts them. `he`: weights normal with variance 2 / fan-in
 * and no bias, so that signals keep their size through many layers; residual branches start at a third of that.
 */
export const STARTS = ["reference", "he"] as const;

/** One of {@link STARTS}. */
export type Start = typeof STARTS[number];

/** A residual branch's share of He's standard deviation. */
const BRANCH = 0.3;

/** Initialisers of a convolution with `fanIn` inputs to each output; `branch` where its output is added to a residual. */
export function starting(
  start: Start,
  fanIn: number,
  branch = false,
): { readonly weight: Initialiser; readonly bias: Initialiser } {
  if (start === "he") return { weight: init.normal((branch ? BRANCH : 1) * Math.sqrt(2 / fanIn)), bias: init.zeros };
  const uniform = init.uniform(1 / Math.sqrt(fanIn));
  return { weight: uniform, bias: uniform };
}

/** A convolution of odd window `kernel` that keeps the map's size. */
export function conv(
  device: Device,
  kernel: number,
  inputs: number,
  outputs: number,
  seeds: Seeds,
  { activation = "none", start, branch }: {
    readonly activation?: "relu" | "none";
    readonly start: Start;
    readonly branch?: boolean;
  },
): Conv2d {
  const { weight, bias } = starting(start, kernel * kernel * inputs, branch);
  return new Conv2d(device, kernel, inputs, outputs, seeds, {
    padding: "same",
    activation,
    init: weight,
    biasInit: bias,
  });
}

/** A fully connected layer that starts as PyTorch's. */
export function linear(device: Device, inputs: number, outputs: number, seeds: Seeds): Linear {
  const make = init.uniform(1 / Math.sqrt(inputs));
  return new Linear(device, inputs, outputs, seeds, { init: make, biasInit: make });
}
