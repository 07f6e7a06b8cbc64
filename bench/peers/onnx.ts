/** ONNX Runtime on the CPU: what a user of a machine without a GPU would pick. Models of one node are encoded here. */
import type { PeerTask } from "../cases.ts";
import { bestOf, noise, type Peer } from "../peer.ts";

interface Session {
  run(feeds: Record<string, unknown>): Promise<unknown>;
}
interface Ort {
  readonly InferenceSession: { create(model: Uint8Array): Promise<Session> };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: number[]) => unknown;
}

// ---- the protocol buffers of a one-node model (onnx.proto) ------------------------------------------------------------

function varint(value: number): number[] {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push(value % 128 | 128);
  return [...out, value];
}
const whole = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const bytes = (
  field: number,
  value: number[],
): number[] => [...varint(field * 8 + 2), ...varint(value.length), ...value];
const text = (field: number, value: string): number[] => bytes(field, [...new TextEncoder().encode(value)]);

const attribute = (name: string, values: number | number[]): number[] =>
  typeof values === "number"
    ? [...text(1, name), ...whole(3, values), ...whole(20, 2)]
    : [...text(1, name), ...values.flatMap((v) => whole(8, v)), ...whole(20, 7)];

function valueInfo(name: string, shape: number[]): number[] {
  const dims = shape.flatMap((d) => bytes(1, whole(1, d)));
  return [...text(1, name), ...bytes(2, bytes(1, [...whole(1, 1), ...bytes(2, dims)]))];
}

function model(
  op: string,
  inputs: number[][],
  output: number[],
  attributes: Record<string, number | number[]>,
): Uint8Array {
  const names = inputs.map((_, i) => `x${i}`);
  const node = [
    ...names.flatMap((n) => text(1, n)),
    ...text(2, "y"),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, v]) => bytes(5, attribute(name, v))),
  ];
  const graph = [
    ...bytes(1, node),
    ...text(2, "g"),
    ...inputs.flatMap((shape, i) => bytes(11, valueInfo(names[i], shape))),
    ...bytes(12, valueInfo("y", output)),
  ];
  return Uint8Array.from([...whole(1, 7), ...bytes(8, whole(2, 11)), ...bytes(7, graph)]);
}

// ---- tasks -------------------------------------------------------------------------------------------------------------

interface OneNode {
  readonly op: string;
  readonly inputs: number[][];
  readonly output: number[];
  readonly attributes: Record<string, number | number[]>;
}

function nodeFor(task: PeerTask): OneNode | null {
  switch (task.kind) {
    case "matmul":
      if (task.how !== "nn") return null;
      return { op: "MatMul", inputs: [[task.m, task.k], [task.k, task.n]], output: [task.m, task.n], attributes: {} };
    case "conv2d": {
      const { images, height, width, inputs, outputs, kernel, stride } = task;
      const [ho, wo] = [Math.ceil(height / stride), Math.ceil(width / stride)];
      const pad = (kernel - 1) / 2;
      const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
      const x = [images, inputs, height, width];
      const y = [images, outputs, ho, wo];
      const w = [outputs, inputs, kernel, kernel];
      if (task.pass === "forward") return { op: "Conv", inputs: [x, w], output: y, attributes };
      if (task.pass === "data gradient" && stride === 1) {
        return { op: "ConvTranspose", inputs: [y, w], output: x, attributes };
      }
      return null;
    }
    case "softmax":
      return {
        op: "Softmax",
        inputs: [[task.rows, task.columns]],
        output: [task.rows, task.columns],
        attributes: { axis: 1 },
      };
    case "add":
      return { op: "Add", inputs: [[task.size], [task.size]], output: [task.size], attributes: {} };
    case "sum":
      return {
        op: "ReduceSum",
        inputs: [[task.rows, task.columns]],
        output: [task.rows],
        attributes: { axes: [1], keepdims: 0 },
      };
    case "crop":
      return null;
  }
}

/** Loads the library; throws where it cannot be had. */
export async function onnx(): Promise<Peer> {
  const name = "npm:onnxruntime-node@1.30.0";
  const loaded = await import(name) as Ort & { default?: Ort };
  const ort = loaded.default ?? loaded;
  return {
    name: "onnxruntime CPU",
    async measure(task) {
      const node = nodeFor(task);
      if (!node) return null;
      const session = await ort.InferenceSession.create(model(node.op, node.inputs, node.output, node.attributes));
      const feeds = Object.fromEntries(
        node.inputs.map((
          shape,
          i,
        ) => [`x${i}`, new ort.Tensor("float32", noise(shape.reduce((a, b) => a * b, 1)), shape)]),
      );
      return await bestOf(async () => await session.run(feeds), async () => {});
    },
  };
}
