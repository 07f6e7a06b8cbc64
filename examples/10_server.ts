/**
 * A server that answers many requests at once from one model. Each request has a scope of its own by `device.flow()`: what
 * it makes is freed when it ends, whatever the others do meanwhile. `deno run --allow-net examples/10_server.ts`, then
 * `curl -d '[[0.5, -1]]' http://localhost:8000`. Arguments: the port, and the requests after which it ends.
 */
// deno-lint-ignore-file no-console
import { Device, nn, type Tensor } from "../engine/mod.ts";

const [port = 8000, requests = Infinity] = Deno.args.map(Number);
await using device = await Device.open();
const seeds = new nn.Seeds(1);
using model = new nn.Sequential(
  device,
  new nn.Linear(device, { inputs: 2, outputs: 16, seeds, activation: "relu" }),
  new nn.Linear(device, { inputs: 16, outputs: 3, seeds }),
).eval();

/** Probabilities of three classes for each row of two numbers. */
async function answer(rows: number[][]): Promise<number[][]> {
  using flow = device.flow();
  // Everything on the device is made inside run(), which never waits; waiting happens outside.
  const probabilities: Tensor = flow.run(() => device.noGrad(() => model.forward(device.tensor(rows)).softmax()));
  const values = await probabilities.data();
  return rows.map((_, i) => [...values.subarray(3 * i, 3 * i + 3)]);
}

let left = requests;
const before = device.memory.liveTensors;
const server = Deno.serve(
  { port, onListen: ({ port }) => console.log(`listening on port ${port}`) },
  async (request) => {
    try {
      return Response.json(await answer(await request.json()));
    } catch (error) {
      return Response.json({ error: (error as Error).message }, { status: 400 });
    } finally {
      // Not awaited: it waits for the answers under way, and this is one.
      if (--left === 0) server.shutdown();
    }
  },
);
await server.finished;
console.log(`${requests} requests answered, ${device.memory.liveTensors - before} tensors left behind`);
