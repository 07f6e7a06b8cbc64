/** The worker: it opens a device of its own, and the net learns the sine from random points. */
import { Adam, Device, mseLoss, saveTensors, schedules } from "../../engine/mod.ts";
import { network } from "./network.ts";

/** A message to the main thread. */
export type Message =
  | { readonly kind: "progress"; readonly step: number; readonly loss: number }
  | { readonly kind: "done"; readonly bytes: Uint8Array<ArrayBuffer> };

const scope = self as unknown as Worker; // this side sends and receives as the other does
const send = (message: Message, moved: ArrayBuffer[] = []): void => scope.postMessage(message, moved);

/** Numbers in (0, 1), the same in every run (Park and Miller, 1988). */
const random = ((state) => () => (state = 48271 * state % 2147483647) / 2147483647)(1);

scope.onmessage = async ({ data: { steps } }: MessageEvent<{ readonly steps: number }>) => {
  await using device = await Device.open();
  using model = network(device);
  const rateAt = schedules.cosine(0.01, steps);
  using adam = new Adam(device, model.trainable(), { rate: rateAt(0) });
  for (let step = 0; step <= steps; step++) {
    using _scope = device.scope();
    const points = Float32Array.from({ length: 64 }, () => Math.PI * (2 * random() - 1));
    const x = device.tensor(points, [64, 1]), y = device.tensor(points.map(Math.sin), [64, 1]);
    const loss = mseLoss(model.forward(x), y);
    loss.backward();
    adam.rate = rateAt(step);
    adam.step();
    model.zeroGrad();
    if (step % 100 === 0) send({ kind: "progress", step, loss: await loss.item() });
  }
  const bytes = await saveTensors(model.stateDict());
  send({ kind: "done", bytes }, [bytes.buffer]); // moved, not copied
};
