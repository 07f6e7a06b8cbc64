/** Layers that start as PyTorch starts them: weight and bias uniform in ±1/√fan-in (iep-ref.md, 4 and 5). */
import { Conv2d, type Device, init, Linear, type Seeds } from "../../engine/mod.ts";

/** A convolution of odd window `kernel` that keeps the map's size. */
export function conv(
  device: Device,
  kernel: number,
  inputs: number,
  outputs: number,
  seeds: Seeds,
  activation: "relu" | "none" = "none",
): Conv2d {
  const make = init.uniform(1 / Math.sqrt(kernel * kernel * inputs));
  return new Conv2d(device, kernel, inputs, outputs, seeds, {
    padding: "same",
    activation,
    init: make,
    biasInit: make,
  });
}

/** A fully connected layer. */
export function linear(device: Device, inputs: number, outputs: number, seeds: Seeds): Linear {
  const make = init.uniform(1 / Math.sqrt(inputs));
  return new Linear(device, inputs, outputs, seeds, { init: make, biasInit: make });
}
