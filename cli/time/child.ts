/** Does work by the engine of the tree that it lies in, as another process asks: a line of JSON in, one out. */
import { Device } from "../../engine/device.ts";
import { allOps } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import { type Drawn, run, type RunOptions } from "../../engine/testing/samples/run_sample.ts";
import { fromWire, toWire } from "../../engine/testing/samples/wire.ts";
import { timedRuns } from "./timed_runs.ts";
import { type Opened, openWork, type Work } from "./work.ts";

/** Requests by what they ask for. */
export type Request =
  | { readonly ask: "device"; readonly kernels: "cpu" | "gpu" }
  | {
    readonly ask: "samples";
    readonly op: string;
    readonly tasks: readonly { readonly sample: Drawn; readonly options: RunOptions }[];
  }
  | { readonly ask: "open"; readonly work: Work }
  | { readonly ask: "read" }
  | { readonly ask: "turn"; readonly runs: number };

let device: Device, opened: Opened | undefined;

async function answer(request: Request): Promise<unknown> {
  switch (request.ask) {
    case "device":
      device = await Device.open({ kernels: request.kernels });
      return null;
    case "samples": {
      const op = allOps().get(request.op);
      if (!op) throw new Error(`there is no op "${request.op}"`);
      return await Promise.all(request.tasks.map(({ sample, options }) => run(device, op, sample, options)));
    }
    case "open":
      opened?.[Symbol.dispose]();
      opened = openWork(device, request.work);
      return null;
    case "read":
      return await opened!.read();
    case "turn":
      return await timedRuns(device, () => opened!.run(), request.runs, []);
  }
}

const write = (text: string): void => {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
};

if (import.meta.main) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of Deno.stdin.readable) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const request = fromWire(text.slice(0, end)) as Request;
      text = text.slice(end + 1);
      const said = await answer(request).then((result) => ({ result }), (error) => ({ error: `${error.message}` }));
      write(`${toWire(said)}\n`);
    }
  }
  Deno.exit(0);
}
