/** The network that the worker trains and the main thread uses: [n, 1] → [n, 1]. */
import { type Device, nn } from "../../engine/mod.ts";

/** The same first weights on both sides. */
export function network(device: Device): nn.Sequential {
  const seeds = new nn.Seeds(1);
  return new nn.Sequential(
    device,
    new nn.Linear(device, { inputs: 1, outputs: 32, seeds, activation: "tanh" }),
    new nn.Linear(device, { inputs: 32, outputs: 32, seeds, activation: "tanh" }),
    new nn.Linear(device, { inputs: 32, outputs: 1, seeds }),
  );
}
