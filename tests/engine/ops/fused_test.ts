/** Fused kernels give what the plain ops they stand for give: those that the bench times, and a few variants. */
import type { Shape, Tensor } from "../../../engine/mod.ts";
import * as ops from "../../../engine/ops/mod.ts";
import { type Twin, TWINS } from "../../../bench/twins.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import assert from "node:assert/strict";

const devices = await openDevices();

const sizes = (tiny: readonly Shape[]): Twin["shapes"] => ({ tiny, small: tiny, full: tiny });

/** Variants that the bench does not time. */
const VARIANTS: readonly Twin[] = [
  {
    name: "convolution with a stride, frozen scale and tanh",
    shapes: sizes([[1, 8, 8, 4], [3, 3, 4, 8], [8]]),
    differentiable: true,
    make: ([x, w, bias], device) => ({
      fused: () => ops.conv2d(x, w, { stride: 2, padding: 1, scale: device.full([8], 1.7), bias, activation: "tanh" }),
      plain: () => ops.conv2d(x, w, { stride: 2, padding: 1 }).mul(1.7).add(bias).tanh(),
    }),
  },
  {
    name: "linear with bias and sigmoid",
    shapes: sizes([[5, 9], [9, 7], [7]]),
    differentiable: true,
    make: ([x, w, bias]) => ({
      fused: () => ops.linear(x, w, bias, { activation: "sigmoid" }),
      plain: () => x.matmul(w).add(bias).sigmoid(),
    }),
  },
  {
    name: "LSTM cell",
    shapes: sizes([[5, 3], [5, 4], [5, 4], [3, 16], [4, 16]]),
    differentiable: true,
    make: ([x, h, c, wx, wh]) => ({
      fused: () => {
        const next = ops.lstmCell(x, h, c, { wx, wh });
        return next.h.add(next.c.mul(0.5));
      },
      plain: () => {
        const g = x.matmul(wx).add(h.matmul(wh));
        const part = (k: number): Tensor => g.slice([0, 4 * k], [5, 4]);
        const next = part(1).sigmoid().mul(c).add(part(0).sigmoid().mul(part(2).tanh()));
        return part(3).sigmoid().mul(next.tanh()).add(next.mul(0.5));
      },
    }),
  },
];

for (const kernels of KERNEL_SETS) {
  for (const { name, shapes, differentiable, make } of [...TWINS, ...VARIANTS]) {
    Deno.test(`${name} (${kernels} kernels), fused, equals its parts${differentiable ? ", gradients included" : ""}`, () =>
      withoutLeaks(devices[kernels], async () => {
        const device = devices[kernels];
        const run = async (which: "fused" | "plain"): Promise<Float32Array[]> => {
          using _scope = device.scope();
          const inputs = shapes.tiny.map((shape, i) => device.randn(shape, { seed: 100 + i, std: 0.7 }));
          for (const input of inputs) input.requiresGrad = differentiable;
          const pair = make(inputs, device);
          try {
            // An update is made twice, so that what it keeps between steps counts.
            if (!differentiable) pair[which]();
            const y = pair[which]();
            if (differentiable) y.backward(device.randn(y.shape, { seed: 99 }));
            const grads = inputs.flatMap((t) => t.grad ?? []);
            assert.equal(grads.length, differentiable ? inputs.length : 0);
            const read = await Promise.all([y, ...grads].map((t) => t.data()));
            for (const input of inputs) input.zeroGrad();
            return read;
          } finally {
            pair.free?.();
          }
        };
        const [a, b] = [await run("fused"), await run("plain")];
        a.forEach((values, k) => {
          const size = Math.max(...values.map(Math.abs), 1e-3);
          values.forEach((v, i) =>
            assert.ok(Math.abs(v - b[k][i]) <= 2e-5 * size, `tensor ${k}, element ${i}: ${v} against ${b[k][i]}`)
          );
        });
      }));
  }
}
