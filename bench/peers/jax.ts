/** jax-js on WebGPU, on the same adapter. */
import { bestOf, noise, type Peer, resultBytes } from "../peer.ts";

interface JaxArray {
  readonly ref: JaxArray;
  data(): Promise<unknown>;
  dispose(): void;
}
interface Jax {
  init(...devices: string[]): Promise<string[]>;
  defaultDevice(device: string): unknown;
  blockUntilReady(arrays: JaxArray[]): Promise<unknown>;
  readonly numpy: {
    array(data: Float32Array, options: { shape: number[] }): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    add(a: JaxArray, b: JaxArray): JaxArray;
    sum(a: JaxArray, axis: number): JaxArray;
  };
  readonly nn: { softmax(a: JaxArray): JaxArray };
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: number[], padding: [number, number][]): JaxArray;
  };
}

/** Loads the library; throws where it cannot be had or does not start. */
export async function jax(): Promise<Peer> {
  const name = "npm:@jax-js/jax@0.1.25";
  const library = await import(name) as Jax;
  const devices = await library.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("it finds no WebGPU device");
  library.defaultDevice("webgpu");
  const { numpy, lax, nn } = library;
  const make = (shape: number[]) => numpy.array(noise(shape.reduce((a, b) => a * b, 1)), { shape });
  const time = async (run: () => JaxArray, bytes: number): Promise<number> => {
    // Its arrays are lazy: a result nobody waits for is never computed.
    let made: JaxArray[] = [];
    return await bestOf(() => made.push(run()), async () => {
      await library.blockUntilReady(made);
      for (const array of made) array.dispose();
      made = [];
    }, Math.max(4, Math.min(2000, Math.floor(2 ** 30 / bytes))));
  };
  return {
    name: "jax-js webgpu",
    async measure(task) {
      const bytes = resultBytes(task);
      switch (task.kind) {
        case "matmul": {
          if (task.how !== "nn") return null;
          const [a, b] = [make([task.m, task.k]), make([task.k, task.n])];
          return await time(() => numpy.matmul(a.ref, b.ref), bytes);
        }
        case "conv2d": {
          if (task.pass !== "forward") return null;
          const x = make([task.images, task.inputs, task.height, task.width]);
          const w = make([task.outputs, task.inputs, task.kernel, task.kernel]);
          const pad = (task.kernel - 1) / 2;
          const strides = [task.stride, task.stride];
          return await time(() => lax.convGeneralDilated(x.ref, w.ref, strides, [[pad, pad], [pad, pad]]), bytes);
        }
        case "crop":
          return null;
        case "softmax": {
          const x = make([task.rows, task.columns]);
          return await time(() => nn.softmax(x.ref), bytes);
        }
        case "add": {
          const [a, b] = [make([task.size]), make([task.size])];
          return await time(() => numpy.add(a.ref, b.ref), bytes);
        }
        case "sum": {
          const x = make([task.rows, task.columns]);
          return await time(() => numpy.sum(x.ref, 1), bytes);
        }
      }
    },
  };
}
