import { Device, ops, type Tensor } from "../../mod.ts";
import { openDevices, PROFILES, withoutLeaks } from "../support/devices.ts";
import assert from "node:assert/strict";

const devices = await openDevices();

/** A fused op and the plain ones it stands for, on the same inputs. */
interface Twin {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly fused: (inputs: Tensor[], device: Device) => Tensor;
  readonly plain: (inputs: Tensor[], device: Device) => Tensor;
}

const labels = (device: Device): Tensor => device.tensor(new Int32Array([3, 0, 6, 2, 5]));

const TWINS: readonly Twin[] = [
  {
    name: "convolution with bias, residual and ReLU",
    shapes: [[2, 9, 7, 5], [3, 3, 5, 6], [6], [2, 9, 7, 6]],
    fused: ([x, w, bias, residual]) => ops.conv2d(x, w, { padding: 1, bias, residual, activation: "relu" }),
    plain: ([x, w, bias, residual]) => ops.conv2d(x, w, { padding: 1 }).add(bias).add(residual).relu(),
  },
  {
    name: "convolution with a frozen scale",
    shapes: [[1, 8, 8, 4], [3, 3, 4, 8], [8]],
    fused: ([x, w, bias], device) =>
      ops.conv2d(x, w, { stride: 2, padding: 1, scale: device.full([8], 1.7), bias, activation: "tanh" }),
    plain: ([x, w, bias]) => ops.conv2d(x, w, { stride: 2, padding: 1 }).mul(1.7).add(bias).tanh(),
  },
  {
    name: "linear with bias and sigmoid",
    shapes: [[5, 9], [9, 7], [7]],
    fused: ([x, w, bias]) => ops.linear(x, w, bias, { activation: "sigmoid" }),
    plain: ([x, w, bias]) => x.matmul(w).add(bias).sigmoid(),
  },
  {
    name: "softmax cross-entropy",
    shapes: [[5, 7]],
    fused: ([x], device) => ops.crossEntropy(x, labels(device)),
    plain: ([x], device) => ops.logSoftmax(x).mul(ops.oneHot(labels(device), 7)).sum(1).mean().neg(),
  },
  {
    name: "binary cross-entropy with logits",
    shapes: [[4, 6]],
    fused: ([x], device) => ops.bceWithLogits(x, device.full([4, 6], 0.3)),
    plain: ([x]) => x.sigmoid().log().mul(0.3).add(x.neg().sigmoid().log().mul(0.7)).mean().neg(),
  },
  {
    name: "GRU cell",
    shapes: [[5, 3], [5, 4], [3, 12], [4, 12], [12], [12]],
    fused: ([x, h, wx, wh, bx, bh]) => ops.gruCell(x, h, { wx, wh, bx, bh }),
    plain: ([x, h, wx, wh, bx, bh]) => {
      const [gx, gh] = [x.matmul(wx).add(bx), h.matmul(wh).add(bh)];
      const part = (g: Tensor, k: number): Tensor => g.slice([0, 4 * k], [5, 4]);
      const r = part(gx, 0).add(part(gh, 0)).sigmoid();
      const z = part(gx, 1).add(part(gh, 1)).sigmoid();
      const n = part(gx, 2).add(r.mul(part(gh, 2))).tanh();
      return n.add(z.mul(h.sub(n)));
    },
  },
  {
    name: "LSTM cell",
    shapes: [[5, 3], [5, 4], [5, 4], [3, 16], [4, 16]],
    fused: ([x, h, c, wx, wh]) => {
      const next = ops.lstmCell(x, h, c, { wx, wh });
      return next.h.add(next.c.mul(0.5));
    },
    plain: ([x, h, c, wx, wh]) => {
      const g = x.matmul(wx).add(h.matmul(wh));
      const part = (k: number): Tensor => g.slice([0, 4 * k], [5, 4]);
      const next = part(1).sigmoid().mul(c).add(part(0).sigmoid().mul(part(2).tanh()));
      return part(3).sigmoid().mul(next.tanh()).add(next.mul(0.5));
    },
  },
  {
    name: "convolutional GRU with one gate a cell",
    shapes: [[1, 5, 4, 3], [1, 5, 4, 6], [3, 3, 3, 2], [3, 3, 6, 2], [2], [3, 3, 3, 6], [3, 3, 6, 6], [6]],
    fused: ([x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand]) =>
      ops.convGru(x, s, { wxGates, wsGates, bGates, wxCand, wsCand, bCand }, { activation: "tanh" }),
    plain: ([x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand]) => {
      const conv = (a: Tensor, w: Tensor): Tensor => ops.conv2d(a, w, { padding: "same" });
      const gates = conv(x, wxGates).add(bGates).add(conv(s, wsGates)).sigmoid();
      const [r, u] = [0, 1].map((k) => gates.slice([0, 0, 0, k], [1, 5, 4, 1]));
      const candidate = conv(x, wxCand).add(bCand).add(conv(r.mul(s), wsCand)).tanh();
      return s.add(u.mul(candidate.sub(s)));
    },
  },
];

for (const profile of PROFILES) {
  for (const { name, shapes, fused, plain } of TWINS) {
    Deno.test(`${name} (${profile} kernels), fused, equals its parts, gradients included`, () =>
      withoutLeaks(devices[profile], async () => {
        const device = devices[profile];
        const run = async (which: Twin["fused"]): Promise<Float32Array[]> => {
          using _scope = device.scope();
          const inputs = shapes.map((shape, i) => device.randn(shape, { seed: 100 + i, std: 0.7 }));
          for (const input of inputs) input.requiresGrad = true;
          const y = which(inputs, device);
          y.backward(device.randn(y.shape, { seed: 99 }));
          const read = await Promise.all([y, ...inputs.map((t) => t.grad!)].map((t) => t.data()));
          for (const input of inputs) input.zeroGrad();
          return read;
        };
        const [a, b] = [await run(fused), await run(plain)];
        a.forEach((values, k) => {
          const size = Math.max(...values.map(Math.abs), 1e-3);
          values.forEach((v, i) =>
            assert.ok(Math.abs(v - b[k][i]) <= 2e-5 * size, `tensor ${k}, element ${i}: ${v} against ${b[k][i]}`)
          );
        });
      }));
  }
}
