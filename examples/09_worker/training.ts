/** The worker: it opens a device of its own, and the net learns the sine from random points. */
import { Adam, Device, mseLoss, saveTensors, schedules, sin } from "../../engine/mod.ts";
import { network } from "./network.ts";

/** A message to the main thread. */
export type Message =
  | { readonly kind: "progress"; readonly step: number; readonly loss: number }
  | { readonly kind: "done"; readonly bytes: Uint8Array<ArrayBuffer> };

const scope = self as unknown as Worker; // this side sends and receives as the other does
const send = (message: Message, moved: ArrayBuffer[] = []): void => scope.postMessage(message, moved);

scope.onmessage = async ({ data: { steps } }: MessageEvent<{ readonly steps: number }>) => {
  await using device = await Device.open();
  using model = network(device);
  const rateAt = schedules.cosine(0.01, steps);
  using adam = new Adam(device, model.trainable(), { rate: rateAt(0) });
  for (let step = 0; step <= steps; step++) {
    using _scope = device.scope();
    const x = device.uniform([64, 1], { seed: 2, step, low: -Math.PI, high: Math.PI });
    const loss = mseLoss(model.forward(x), sin(x));
    loss.backward();
    adam.rate = rateAt(step);
    adam.step();
    model.zeroGrad();
    if (step % 100 === 0) send({ kind: "progress", step, loss: await loss.item() });
  }
  const bytes = await saveTensors(model.stateDict());
  send({ kind: "done", bytes }, [bytes.buffer]); // moved, not copied
};
