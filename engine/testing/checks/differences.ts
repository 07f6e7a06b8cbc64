/** Gradients of an op held against differences of the op itself, on its samples. */
import type { Device } from "../../device.ts";
import type { AnyOp, Sample } from "../../op.ts";
import type { Tensor } from "../../tensor.ts";
import { gradcheck } from "../gradcheck.ts";
import { type Random, randomStream } from "../random.ts";
import { draw, type Drawn } from "../samples/run_sample.ts";

/** Elements of each input whose gradients are looked at, and tries with inputs drawn anew. */
const LOOKED_AT = 4, TRIES = 3;

/** No element can tell: all lie in flat parts or at kinks. */
const UNDECIDED = /no element of input \d+ can tell/;

/** Samples of an op whose inputs have elements to look at. */
export function differenceSamples(op: AnyOp, described: readonly Sample<unknown>[], random: Random): Drawn[] {
  const drawn = described.map((sample) => draw(sample, random)).filter(({ inputs }) =>
    inputs.every((x) => !x || x.data.length > 0)
  );
  // a mod b jumps wherever a / b is whole, and a divisor that serves many elements meets such places at any distance. By
  // divisors larger than all of a, only 0 is one.
  if (op.name === "mod") {
    for (const { inputs: [, b] } of drawn) {
      if (b?.data instanceof Float32Array) {
        b.data.forEach((value, i) => b.data[i] = value < 0 ? value - 10 : value + 10);
      }
    }
  }
  return drawn;
}

/** Runs `check` on an op as a function of the inputs it has, and on these; does nothing where none asks for a gradient. */
export async function asFunction(
  device: Device,
  op: AnyOp,
  { inputs, attrs }: Drawn,
  check: (fn: (...inputs: Tensor[]) => Tensor[], inputs: Tensor[]) => Promise<void>,
): Promise<void> {
  const there = inputs.flatMap((input, i) => input ? [{ input, i }] : []);
  const tensors = there.map(({ input, i }) => {
    const tensor = device.tensor(input.data, input.shape);
    if (tensor.dtype === "f32" && !op.constantInputs.includes(i)) tensor.requiresGrad = true;
    return tensor;
  });
  const fn = (...given: Tensor[]): Tensor[] => {
    const all = inputs.map((input, i) => input && given[there.findIndex((one) => one.i === i)]);
    return op.run(all, attrs).filter((_, k) => !op.constantOutputs.includes(k));
  };
  try {
    if (tensors.some(({ requiresGrad }) => requiresGrad)) await check(fn, tensors);
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

/**
 * Holds an op's gradients against differences, on inputs drawn anew where they disagree: kinks that lie around an element in
 * just such a way that its differences agree are rare, a wrong gradient is wrong everywhere. A fault in words, or null.
 */
export async function differencesOf(
  device: Device,
  op: AnyOp,
  described: readonly Sample<unknown>[],
  seed: number,
): Promise<string | null> {
  let fault: string | null = null;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const random = randomStream(`differences of ${op.name} ${attempt}`, seed);
    let decisive = 0;
    const faults = await Promise.all(
      differenceSamples(op, described, random).map(async (sample) => {
        let own: string | null = null;
        await asFunction(device, op, sample, async (fn, inputs) => {
          const options = { elements: LOOKED_AT, seed: random.integer(1, 1000) };
          const report = await gradcheck(fn, inputs, options).catch((error: Error) => {
            if (!UNDECIDED.test(error.message)) own = error.message.replace(/^gradcheck: /, "");
            return { decisive: 0 };
          });
          decisive += report.decisive;
        });
        return own;
      }),
    );
    fault = faults.find((own) => own !== null) ?? null;
    if (fault === null) return decisive > 0 ? null : "no sample can tell: differences round too much, or lie at kinks";
  }
  return fault;
}
