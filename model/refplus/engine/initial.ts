/** Initial weights: PyTorch's, or those by which modules pass on their input (papers/iep-ref.md#execution-engine). */
import {
  concat,
  Conv2d,
  type Device,
  init,
  type Initialiser,
  Linear,
  reshape,
  type Seeds,
  type Shape,
  type Tensor,
} from "../../../engine/mod.ts";

/**
 * `reference`: weight and bias uniform in ±1/√fan-in, as PyTorch starts them.
 *
 * `identity`: modules start by passing on their input, so that features survive a chain of many modules, and each learns only
 * what it has to change. The second convolution of a residual block is 0 (Zhang, Dauphin and Ma, "Fixup initialization", ICLR
 * 2019); the first has He's deviation (2015) for a 1×1 convolution at its centre tap and a tenth of that at the other taps.
 * Binary modules start as the mean of their inputs. The stem passes on its channels and adds some of He's noise. In the head,
 * the channels before the scores come in pairs of opposite signs, so that not all of them can be dead; in turn they count for
 * foreground and for background. All other weights are He's; biases are 0.
 */
export const STARTS: readonly Start[] = ["reference", "identity"];

/** Weights that modules begin with: the reference's, or such that each hands on what it is given. */
export type Start = "reference" | "identity";

/**
 * Role of a convolution: the last of a residual block (`branch`) or an earlier one (`first`), one of the stem, the one that joins
 * the inputs of a binary module, the one to the few channels before the scores (`narrow`), to the scores, or any other.
 */
export type Role = "first" | "branch" | "stem" | "join" | "narrow" | "scores" | "plain";

/** Share of He's deviation for a 1×1 convolution in the taps around the centre. */
const AROUND = 0.1;

/** Share of He's deviation in the noise that the stem adds to its input. */
const BESIDE = 0.3;

/** Initial weight of a channel before the scores: positive for one score, negative for the other. */
const SPEAKS = 1.5;

/** Initialisers of a convolution's weight [.., kH, kW, Cin, Cout] and bias. */
export function starting(
  start: Start,
  role: Role,
  fanIn: number,
): { readonly weight: Initialiser; readonly bias: Initialiser } {
  if (start === "identity") return { weight: IDENTITY[role], bias: init.zeros };
  const uniform = init.uniform(1 / Math.sqrt(fanIn));
  return { weight: uniform, bias: uniform };
}

const HE = (window: number, inputs: number): number => Math.sqrt(2 / (window * inputs));

const IDENTITY: Readonly<Record<Role, Initialiser>> = {
  plain: random(HE, () => 0),
  narrow: opposite,
  scores: random(() => 0, (input, output) => (input + output) % 2 === 1 ? SPEAKS : -SPEAKS),
  first: random((_, inputs, middle) => (middle ? 1 : AROUND) * Math.sqrt(2 / inputs), () => 0),
  branch: init.zeros,
  join: random(() => 0, (input, output, inputs) => input % (inputs / 2) === output ? 0.5 : 0),
  stem: random(
    (window, inputs) => BESIDE * HE(window, inputs),
    (input, output) => Number(input === output),
  ),
};

/** He's normal numbers for every other output channel, each followed by its opposite. */
function opposite(device: Device, shape: Shape, seed: number): Tensor {
  using scope = device.scope();
  const [kh, kw, inputs, outputs] = shape,
    half = device.randn([kh, kw, inputs, outputs / 2, 1], {
      seed,
      std: HE(kh * kw, inputs),
    });
  return scope.keep(reshape(concat([half, half.neg()], 4), shape));
}

/** Normal numbers, with a deviation for each tap of the kernel, and `middle` added to its centre tap. */
function random(
  deviation: (window: number, inputs: number, middle: boolean) => number,
  middle: (input: number, output: number, inputs: number) => number,
): Initialiser {
  return (device, shape, seed) => {
    using scope = device.scope();
    const [kh, kw, inputs, outputs] = shape.slice(-4), taps = kh * kw, centre = (taps - 1) / 2;
    const deviations = Float32Array.from({ length: taps }, (_, tap) => deviation(taps, inputs, tap === centre));
    const added = new Float32Array(taps * inputs * outputs);
    for (let at = 0; at < inputs * outputs; at++) {
      added[centre * inputs * outputs + at] = middle(Math.floor(at / outputs), at % outputs, inputs);
    }
    const filter: Shape = [kh, kw, inputs, outputs];
    return scope.keep(
      device.randn(shape, { seed }).mul(device.tensor(deviations, [kh, kw, 1, 1])).add(device.tensor(added, filter)),
    );
  };
}

/** A convolution of odd size `kernel` that keeps the map's size. */
export function conv(
  device: Device,
  kernel: number,
  inputs: number,
  outputs: number,
  seeds: Seeds,
  { activation = "none", start, role = "plain" }: {
    readonly activation?: "relu" | "none";
    readonly start: Start;
    readonly role?: Role;
  },
): Conv2d {
  const { weight, bias } = starting(start, role, kernel * kernel * inputs);
  return new Conv2d(device, {
    kernel,
    inputs,
    outputs,
    seeds,
    padding: "same",
    activation,
    init: weight,
    biasInit: bias,
  });
}

/** A fully connected layer with PyTorch's initial weights. */
export function linear(device: Device, inputs: number, outputs: number, seeds: Seeds): Linear {
  const make = init.uniform(1 / Math.sqrt(inputs));
  return new Linear(device, { inputs, outputs, seeds, init: make, biasInit: make });
}
