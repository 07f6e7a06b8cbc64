/**
 * A worker that trains while this thread stays free: it reports progress by messages and hands back the weights as the
 * bytes of a safetensors file. A worker's file is read by permission: `deno run --allow-read examples/09_worker/main.ts`
 */
// deno-lint-ignore-file no-console
import { Device, loadTensors } from "../../engine/mod.ts";
import { network } from "./network.ts";
import type { Message } from "./training.ts";

const worker = new Worker(new URL("./training.ts", import.meta.url), { type: "module" });
let ticks = 0;
const timer = setInterval(() => ticks++, 5); // counts on while the worker trains

const bytes = await new Promise<Uint8Array>((resolve, reject) => {
  worker.onerror = (event) => reject(new Error(event.message));
  worker.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === "progress") console.log(`step ${data.step} loss ${data.loss.toFixed(4)}`);
    else resolve(data.bytes);
  };
  worker.postMessage({ steps: 600 });
}).finally(() => {
  worker.terminate();
  clearInterval(timer);
});
console.log(`${bytes.length} bytes of weights; this thread ticked ${ticks} times meanwhile`);

// The same network here, with the worker's weights.
await using device = await Device.open();
using model = network(device);
loadTensors(bytes, model.stateDict(), "the worker's weights");
using _scope = device.scope();
const x = device.tensor([[0], [Math.PI / 6], [Math.PI / 2], [-Math.PI / 2]]);
const sines = await device.noGrad(() => model.forward(x)).data();
console.log("sines of 0, π/6, π/2, −π/2:", Array.from(sines, (v) => v.toFixed(2)).join(", "));
