/** TensorFlow.js on its WebGPU backend, on the same adapter. */
import { bestOf, noise, type Peer } from "../peer.ts";

/** The part of the library's interface that is used; it is loaded by name, so that only the bench needs it. */
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array, shape: number[]): TfTensor;
  tensor1d(data: number[], dtype: string): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA: boolean, transposeB: boolean): TfTensor;
  conv2d(x: TfTensor, w: TfTensor, stride: number, pad: number): TfTensor;
  softmax(x: TfTensor): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  sum(x: TfTensor, axis: number): TfTensor;
  grad(f: (x: TfTensor) => TfTensor): (x: TfTensor, dy: TfTensor) => TfTensor;
  image: { cropAndResize(x: TfTensor, boxes: TfTensor, index: TfTensor, size: [number, number]): TfTensor };
}
interface TfTensor {
  data(): Promise<unknown>;
  dispose(): void;
}

/** The library and its WebGPU backend, as they are imported. */
export const TFJS: readonly string[] = ["npm:@tensorflow/tfjs@4.22.0", "npm:@tensorflow/tfjs-backend-webgpu@4.22.0"];

/** Loads the library; throws where it cannot be had or does not start. */
export async function tfjs(): Promise<Peer> {
  const [core, backend] = TFJS;
  const tf = await import(core) as Tf;
  await import(backend);
  if (!await tf.setBackend("webgpu")) throw new Error("its WebGPU backend does not start");
  await tf.ready();
  const make = (shape: number[]) => tf.tensor(noise(shape.reduce((a, b) => a * b, 1)), shape);
  const time = async (run: () => TfTensor): Promise<number> => {
    let last: TfTensor | undefined;
    const one = () => {
      last?.dispose();
      last = run();
    };
    return await bestOf(one, async () => await last!.data());
  };
  return {
    name: "tfjs webgpu",
    async measure(task) {
      switch (task.kind) {
        case "matmul": {
          const { m, n, k } = task, [across, along] = [...task.how].map((how) => how === "t");
          const [a, b] = [make(across ? [k, m] : [m, k]), make(along ? [n, k] : [k, n])];
          return await time(() => tf.matMul(a, b, across, along));
        }
        case "conv2d": {
          const x = make([task.images, task.height, task.width, task.inputs]);
          const w = make([task.kernel, task.kernel, task.inputs, task.outputs]);
          const pad = (task.kernel - 1) / 2;
          if (task.pass === "forward") return await time(() => tf.conv2d(x, w, task.stride, pad));
          const [ho, wo] = [Math.ceil(task.height / task.stride), Math.ceil(task.width / task.stride)];
          const dy = make([task.images, ho, wo, task.outputs]);
          // Its gradient functions run the forward pass too; that part is measured and taken off.
          const forward = await time(() => tf.conv2d(x, w, task.stride, pad));
          const both = task.pass === "data gradient"
            ? await time(() => tf.grad((v) => tf.conv2d(v, w, task.stride, pad))(x, dy))
            : await time(() => tf.grad((v) => tf.conv2d(x, v, task.stride, pad))(w, dy));
          return Math.max(both - forward, 0.01);
        }
        case "crop": {
          const x = make([1, task.height, task.width, task.channels]);
          const boxes = tf.tensor(Float32Array.from({ length: task.boxes * 4 }, (_, i) => i % 4 < 2 ? 0.2 : 0.5), [
            task.boxes,
            4,
          ]);
          const index = tf.tensor1d(new Array<number>(task.boxes).fill(0), "int32");
          return await time(() => tf.image.cropAndResize(x, boxes, index, [7, 7]));
        }
        case "softmax": {
          const x = make([task.rows, task.columns]);
          return await time(() => tf.softmax(x));
        }
        case "add": {
          const [a, b] = [make([task.size]), make([task.size])];
          return await time(() => tf.add(a, b));
        }
        case "sum": {
          const x = make([task.rows, task.columns]);
          return await time(() => tf.sum(x, 1));
        }
      }
    },
  };
}
