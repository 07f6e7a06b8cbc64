/**
 * Work that is timed, as plain data, so that it can be done in another process too, by the engine of another commit: this file
 * and `child.ts` are laid into that commit's tree and use what they find there.
 */
import type { Device } from "../../engine/device.ts";
import { allOps } from "../../engine/op.ts";
import { conv2dDataGrad, conv2dWeightGrad } from "../../engine/ops/conv.ts";
import type { Scope } from "../../engine/scope.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { Drawn, HostInput } from "../../engine/testing/samples/run_sample.ts";

/** One run of an op, with its gradients where there is a seed for them; or of one gradient of a convolution alone. */
export interface Work {
  readonly call: "op" | "conv2dDataGrad" | "conv2dWeightGrad";
  /** Name of the op. */
  readonly op: string;
  readonly sample: Drawn;
  /** True to run backwards too, from the first output that carries a gradient. */
  readonly gradients: boolean;
  /** Shape of the gradient, of a convolution's alone. */
  readonly shape: readonly number[];
}

/** Work with its inputs on a device. */
export interface Opened extends Disposable {
  /** Records it once. */
  run(): void;
  /** Runs it and reads its first result. */
  read(): Promise<ArrayLike<number>>;
}

/** Puts the inputs of work on a device; `make` may give tensors of other numbers in their place. */
export function openWork(
  device: Device,
  { call, op, sample, gradients, shape }: Work,
  make = ({ data, shape }: HostInput): Tensor => device.tensor(data, shape),
): Opened {
  const found = allOps().get(op);
  if (!found) throw new Error(`there is no op "${op}"`);
  const inputs = sample.inputs.map((input, i) => {
    if (!input) return null;
    const tensor = make(input);
    if (gradients && tensor.dtype === "f32" && !found.constantInputs.includes(i)) tensor.requiresGrad = true;
    return tensor;
  });
  let seed: Tensor | undefined;
  const compute = (scope: Scope): Tensor => {
    if (call === "conv2dDataGrad") return conv2dDataGrad(inputs[0]!, inputs[1]!, shape, sample.attrs);
    if (call === "conv2dWeightGrad") return conv2dWeightGrad(inputs[0]!, inputs[1]!, shape, sample.attrs);
    const outputs = found.run(inputs, sample.attrs), seeded = outputs.find((one) => one.requiresGrad);
    if (seeded) {
      seed ??= scope.keep(device.tensor(new Float32Array(seeded.size).fill(1), seeded.shape));
      seeded.backward(seed);
    }
    for (const input of inputs) if (input?.grad) input.zeroGrad();
    return outputs[0];
  };
  return {
    run: () => {
      using scope = device.scope();
      compute(scope);
    },
    read: () => {
      using scope = device.scope();
      return compute(scope).data() as Promise<ArrayLike<number>>;
    },
    [Symbol.dispose]: () => {
      for (const tensor of [...inputs, seed]) tensor?.dispose();
    },
  };
}
