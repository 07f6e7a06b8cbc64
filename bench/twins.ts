/** Fused kernels and the plain ops they stand for, on the same inputs; a test holds both to the same values. */
import { Graph, type Triple } from "../engine/sparse.ts";
import { Adam, type Device, SGD, type Shape, type Tensor } from "../engine/mod.ts";
import * as ops from "../engine/ops/mod.ts";

/** Both ways to compute one thing. Each call gives the same tensor again, or a fresh one. */
export interface Pair {
  readonly fused: () => Tensor;
  readonly plain: () => Tensor;
  /** Frees what no scope owns. */
  readonly free?: () => void;
}

/** A fused kernel with its plain counterpart. */
export interface Twin {
  readonly name: string;
  /** Shapes of the inputs: for the test of values, for a software adapter, and at the size of the published models. */
  readonly shapes: {
    readonly tiny: readonly Shape[];
    readonly small: readonly Shape[];
    readonly full: readonly Shape[];
  };
  /** True where gradients flow to the inputs. */
  readonly differentiable: boolean;
  /** Prepares both ways on normal random inputs of one list of shapes. */
  readonly make: (inputs: readonly Tensor[], device: Device) => Pair;
}

/** Class labels from 0 on, [rows]. */
const labels = (device: Device, rows: number, classes: number): Tensor =>
  device.tensor(Int32Array.from({ length: rows }, (_, i) => (i * 5 + 3) % classes));

/** Block `k` of an LSTM's or GRU's gates along the last axis, each as wide as the state. */
const part = (gates: Tensor, k: number, [b, n]: Shape): Tensor => gates.slice([0, k * n], [b, n]);

function convolution(name: string, [kernel, residual]: readonly [number, boolean], shapes: Twin["shapes"]): Twin {
  const padding = (kernel - 1) / 2;
  return {
    name,
    shapes,
    differentiable: true,
    make: ([x, w, bias, other], device) => {
      const scale = device.full(bias.shape, 1.7);
      return {
        fused: () => ops.conv2d(x, w, { padding, scale, bias, activation: "relu", ...residual && { residual: other } }),
        plain: () => {
          const y = ops.conv2d(x, w, { padding }).mul(scale).add(bias);
          return (residual ? y.add(other) : y).relu();
        },
      };
    },
  };
}

/** Adam on twenty small tensors, as biases and norms are: seven a dispatch, or each by its own. */
const grouped: Twin = {
  name: "Adam on 20 small tensors",
  shapes: { tiny: [[20, 3], [20, 3]], small: [[20, 512], [20, 512]], full: [[20, 2048], [20, 2048]] },
  differentiable: false,
  make: ([start, gradient], device) => {
    const size = start.shape[1];
    const build = (together: boolean): { readonly step: () => Tensor; readonly free: () => void } => {
      const parameters = Array.from({ length: 20 }, (_, i) => {
        const tensor = start.slice([i, 0], [1, size]).clone().unscoped();
        tensor.requiresGrad = true;
        tensor.mul(gradient.slice([i, 0], [1, size])).sum().backward();
        return { name: `w${i}`, tensor, trainable: true, decay: true };
      });
      const adam = new Adam(device, parameters, { rate: 0.1, weightDecay: 1e-4, grouped: together });
      return {
        step: () => {
          adam.step();
          return parameters[19].tensor;
        },
        free: () => {
          adam[Symbol.dispose]();
          for (const { tensor } of parameters) tensor.dispose();
        },
      };
    };
    const [fused, plain] = [build(true), build(false)];
    return {
      fused: fused.step,
      plain: plain.step,
      free: () => {
        fused.free();
        plain.free();
      },
    };
  },
};

function optimiser(name: "SGD with momentum" | "Adam"): Twin {
  const momentum = 0.9, beta2 = 0.999, rate = 0.1, decay = 1e-4, epsilon = 1e-8;
  return {
    name: `${name} with decay, one tensor`,
    shapes: { tiny: [[37], [37]], small: [[1 << 20], [1 << 20]], full: [[25_557_032], [25_557_032]] },
    differentiable: false,
    make: ([start, gradient], device) => {
      const [own, w, first, second] = [
        start.clone(),
        start.clone(),
        device.zeros(start.shape),
        device.zeros(start.shape),
      ];
      own.requiresGrad = true;
      own.mul(gradient).sum().backward();
      const parameters = [{ name: "w", tensor: own, trainable: true, decay: true }];
      const optimiser = name === "Adam"
        ? new Adam(device, parameters, { rate, weightDecay: decay, betas: [momentum, beta2], epsilon })
        : new SGD(device, parameters, { rate, weightDecay: decay, momentum });
      let step = 0;
      const fused = (): Tensor => {
        optimiser.step();
        return own;
      };
      const sgd = (): void => {
        first.copyFrom(first.mul(momentum).add(gradient.add(w.mul(decay))));
        w.copyFrom(w.sub(first.mul(rate)));
      };
      const adam = (): void => {
        step++;
        const g = gradient.add(w.mul(decay));
        first.copyFrom(first.mul(momentum).add(g.mul(1 - momentum)));
        second.copyFrom(second.mul(beta2).add(ops.square(g).mul(1 - beta2)));
        const root = second.mul(1 / (1 - beta2 ** step)).sqrt().add(epsilon);
        w.copyFrom(w.sub(first.mul(rate / (1 - momentum ** step)).div(root)));
      };
      const plain = (): Tensor => {
        if (name === "Adam") adam();
        else sgd();
        return w;
      };
      return {
        fused,
        plain,
        free: () => {
          own.zeroGrad();
          optimiser[Symbol.dispose]();
        },
      };
    },
  };
}

const lstmShapes = (steps: number, b: number, inputs: number, n: number): Shape[] => [
  [steps, b, inputs],
  [b, n],
  [b, n],
  [inputs, 4 * n],
  [n, 4 * n],
  [4 * n],
];
const gruShapes = (b: number, inputs: number, n: number): Shape[] => [
  [b, inputs],
  [b, n],
  [inputs, 3 * n],
  [n, 3 * n],
  [3 * n],
  [3 * n],
];
const convGruShapes = (n: number, h: number, w: number, ci: number, d: number): Shape[] => [
  [n, h, w, ci],
  [n, h, w, d],
  [3, 3, ci, 2],
  [3, 3, d, 2],
  [2],
  [3, 3, ci, d],
  [3, 3, d, d],
  [d],
];
const joinedShapes = (n: number, h: number, w: number, ci: number, d: number): Shape[] => [
  [n, h, w, ci],
  [n, h, w, d],
  [3, 3, ci, d + 4],
  [3, 3, d, 4],
  [d + 4],
  [3, 3, d, d],
];
const convShapes = (n: number, h: number, w: number, k: number, ci: number, co: number): Shape[] => [
  [n, h, w, ci],
  [k, k, ci, co],
  [co],
];

/** Image n's module of `entries`, ascending. */
const moduleOf = (n: number, images: number, entries: number): number => Math.floor(n * entries / images);

/** Edges [row, column] both ways, of which the first nodes have nearly all others' and the last four each. */
function skewedEdges(nodes: number): Triple[] {
  const edges = new Map<number, Triple>();
  for (let row = 0; row < nodes; row++) {
    const degree = Math.max(Math.min(4, nodes), Math.floor(nodes / (row + 1)));
    for (let i = 0; i < degree; i++) {
      const col = (row + i * Math.floor(nodes / degree)) % nodes;
      for (const [a, b] of [[row, col], [col, row]]) edges.set(a * nodes + b, [a, b, 1]);
    }
  }
  return [...edges.values()];
}

/** Every fused kernel that has plain ops to be held against. */
export const TWINS: readonly Twin[] = [
  convolution("convolution 3×3, frozen norm, ReLU", [3, false], {
    tiny: convShapes(2, 9, 7, 3, 5, 6),
    small: convShapes(1, 38, 63, 3, 64, 64),
    full: convShapes(1, 150, 250, 3, 64, 64),
  }),
  convolution("convolution 1×1, frozen norm, residual, ReLU", [1, true], {
    tiny: [...convShapes(2, 9, 7, 1, 5, 6), [2, 9, 7, 6]],
    small: [...convShapes(1, 38, 63, 1, 64, 256), [1, 38, 63, 256]],
    full: [...convShapes(1, 150, 250, 1, 64, 256), [1, 150, 250, 256]],
  }),
  {
    name: "linear, bias, ReLU",
    shapes: {
      tiny: [[5, 9], [9, 7], [7]],
      small: [[64, 512], [512, 512], [512]],
      full: [[300, 4096], [4096, 4096], [4096]],
    },
    differentiable: true,
    make: ([x, w, bias]) => ({
      fused: () => ops.linear(x, w, bias, { activation: "relu" }),
      plain: () => x.matmul(w).add(bias).relu(),
    }),
  },
  {
    name: "softmax cross-entropy",
    shapes: { tiny: [[5, 7]], small: [[300, 1485]], full: [[300, 1485]] },
    differentiable: true,
    make: ([x], device) => {
      const [rows, classes] = x.shape, wanted = labels(device, rows, classes);
      return {
        fused: () => ops.crossEntropy(x, wanted),
        plain: () => ops.logSoftmax(x).mul(ops.oneHot(wanted, classes)).sum(1).mean().neg(),
      };
    },
  },
  {
    name: "weights of hard examples",
    shapes: { tiny: [[5, 7]], small: [[12, 41]], full: [[20, 1485]] },
    differentiable: false,
    make: ([x], device) => {
      const [rows, classes] = x.shape, wanted = labels(device, rows, classes);
      return {
        fused: () => ops.exampleWeights(x, wanted, { least: 0.5 }),
        plain: () => {
          const raw = ops.softmax(x).mul(ops.oneHot(wanted, classes)).sum(1).neg().add(1).maximum(0.5);
          return raw.div(raw.sum());
        },
      };
    },
  },
  {
    name: "weighted sum of four",
    shapes: {
      tiny: [[5], [5], [5], [5]],
      small: [[64, 64], [64, 64], [64, 64], [64, 64]],
      full: [[512, 512], [512, 512], [512, 512], [512, 512]],
    },
    differentiable: true,
    make: ([a, b, c, d]) => ({
      fused: () => ops.weightedSum([a, b, c, d], { factors: [1, 0.5, -2, 0.5], scale: 0.25 }),
      plain: () => a.add(b.mul(0.5)).add(c.mul(-2)).add(d.mul(0.5)).mul(0.25),
    }),
  },
  {
    name: "residual around a rectified sum",
    shapes: {
      tiny: [[5, 7], [5, 7], [5, 7]],
      small: [[12, 96], [12, 96], [12, 96]],
      full: [[1485, 512], [1485, 512], [1485, 512]],
    },
    differentiable: true,
    make: ([x, a, b]) => ({ fused: () => ops.addRelu(x, a, b), plain: () => x.add(a.add(b).relu()) }),
  },
  {
    name: "linear, bias, residual, ReLU",
    shapes: {
      tiny: [[5, 9], [9, 7], [7], [5, 7]],
      small: [[64, 512], [512, 512], [512], [64, 512]],
      full: [[300, 4096], [4096, 4096], [4096], [300, 4096]],
    },
    differentiable: true,
    make: ([x, w, bias, residual]) => ({
      fused: () => ops.linear(x, w, bias, { activation: "relu", residual }),
      plain: () => x.matmul(w).add(bias).add(residual).relu(),
    }),
  },
  {
    name: "concatenation of three",
    shapes: {
      tiny: [[5, 3], [5, 4], [5, 1]],
      small: [[12, 41], [12, 41], [12, 1]],
      full: [[20, 1485], [20, 1485], [20, 1]],
    },
    differentiable: true,
    make: (parts) => {
      const [[rows, a], [, b], [, c]] = parts.map(({ shape }) => shape);
      const around = (x: Tensor, before: number, after: number): Tensor => ops.pad(x, [[0, 0], [before, after]]);
      const [x, y, z] = parts;
      return {
        fused: () => ops.concat([x, y, z], 1),
        plain: () => around(x, 0, b + c).add(around(y, a, c)).add(around(z, a + b, 0)).reshape([rows, a + b + c]),
      };
    },
  },
  {
    name: "binary cross-entropy with logits",
    shapes: { tiny: [[4, 6]], small: [[4, 64 * 64]], full: [[16, 320 * 320]] },
    differentiable: true,
    make: ([x], device) => {
      const wanted = device.full(x.shape, 0.3);
      return {
        fused: () => ops.bceWithLogits(x, wanted),
        plain: () => x.sigmoid().log().mul(0.3).add(x.neg().sigmoid().log().mul(0.7)).mean().neg(),
      };
    },
  },
  {
    name: "GRU cell",
    shapes: { tiny: gruShapes(5, 3, 4), small: gruShapes(64, 128, 128), full: gruShapes(300, 512, 512) },
    differentiable: true,
    make: ([x, h, wx, wh, bx, bh]) => ({
      fused: () => ops.gruCell(x, h, { wx, wh, bx, bh }),
      plain: () => {
        const [gx, gh] = [x.matmul(wx).add(bx), h.matmul(wh).add(bh)];
        const r = part(gx, 0, h.shape).add(part(gh, 0, h.shape)).sigmoid();
        const z = part(gx, 1, h.shape).add(part(gh, 1, h.shape)).sigmoid();
        const n = part(gx, 2, h.shape).add(r.mul(part(gh, 2, h.shape))).tanh();
        return n.add(z.mul(h.sub(n)));
      },
    }),
  },
  {
    name: "LSTM over a sequence",
    shapes: { tiny: lstmShapes(3, 5, 3, 4), small: lstmShapes(10, 16, 64, 128), full: lstmShapes(30, 64, 300, 256) },
    differentiable: true,
    make: ([x, h0, c0, wx, wh, bx]) => ({
      fused: () => ops.lstm(x, h0, c0, { wx, wh, bx }).outputs,
      plain: () => {
        const [steps, b, inputs] = x.shape, states: Tensor[] = [];
        let h = h0, c = c0;
        for (let step = 0; step < steps; step++) {
          const now = x.slice([step, 0, 0], [1, b, inputs]).reshape([b, inputs]);
          const gates = now.matmul(wx).add(bx).add(h.matmul(wh));
          const [i, f, o] = [0, 1, 3].map((k) => part(gates, k, h0.shape).sigmoid());
          c = f.mul(c).add(i.mul(part(gates, 2, h0.shape).tanh()));
          h = o.mul(c.tanh());
          states.push(h.reshape([1, ...h.shape]));
        }
        return ops.concat(states, 0);
      },
    }),
  },
  {
    name: "convolutional GRU with one gate a cell",
    shapes: {
      tiny: convGruShapes(1, 5, 4, 3, 6),
      small: convGruShapes(4, 7, 7, 64, 64),
      full: convGruShapes(20, 7, 7, 512, 512),
    },
    differentiable: true,
    make: ([x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand]) => ({
      fused: () => ops.convGru(x, s, { wxGates, wsGates, bGates, wxCand, wsCand, bCand }, { activation: "tanh" }),
      plain: () => {
        const conv = (a: Tensor, w: Tensor): Tensor => ops.conv2d(a, w, { padding: "same" });
        const gates = conv(x, wxGates).add(bGates).add(conv(s, wsGates)).sigmoid();
        const [r, u] = [0, 1].map((k) => gates.slice([0, 0, 0, k], [...s.shape.slice(0, 3), 1]));
        const candidate = conv(x, wxCand).add(bCand).add(conv(r.mul(s), wsCand)).tanh();
        return s.add(u.mul(candidate.sub(s)));
      },
    }),
  },
  {
    name: "convolutional GRU with joined weights, one gate a cell",
    shapes: {
      tiny: joinedShapes(1, 5, 4, 3, 6),
      small: joinedShapes(12, 7, 7, 32, 32),
      full: joinedShapes(20, 7, 7, 512, 512),
    },
    differentiable: true,
    make: ([x, s, wx, ws, bx, wc]) => ({
      fused: () => ops.convGruJoined(x, s, { wx, ws, bx, wc }, { activation: "tanh", gates: 1 }),
      plain: () => {
        const d = s.shape[3], conv = (a: Tensor, w: Tensor): Tensor => ops.conv2d(a, w, { padding: "same" });
        const cut = (t: Tensor, first: number, count: number): Tensor =>
          t.slice([...t.shape.slice(0, -1).map(() => 0), first], t.shape.with(-1, count) as number[]);
        const fromX = conv(x, wx).add(bx);
        const gates = cut(fromX, d, 2).add(conv(s, cut(ws, 0, 2))).sigmoid();
        const candidate = cut(fromX, 0, d).add(conv(cut(gates, 0, 1).mul(s), wc)).tanh();
        return s.add(cut(gates, 1, 1).mul(candidate.sub(s)));
      },
    }),
  },
  {
    name: "modules' convolutions 3×3 in a bank, bias, ReLU",
    shapes: {
      tiny: [[5, 4, 6, 4], [3, 3, 3, 4, 8], [3, 8]],
      small: [[12, 20, 20, 32], [6, 3, 3, 32, 32], [6, 32]],
      full: [[64, 20, 20, 128], [20, 3, 3, 128, 128], [20, 128]],
    },
    differentiable: true,
    make: ([x, w, bias]) => {
      const [images, ...map] = x.shape, [entries, ...filter] = w.shape, [outputs] = bias.shape.slice(1);
      const wanted = Array.from({ length: images }, (_, n) => moduleOf(n, images, entries));
      return {
        fused: () => ops.conv2dBank(x, w, bias, wanted, { activation: "relu" }),
        plain: () => {
          const modules = Array.from({ length: entries }, (_, entry) => {
            const first = wanted.indexOf(entry), count = wanted.lastIndexOf(entry) + 1 - first;
            const own = x.slice([first, 0, 0, 0], [count, ...map]);
            return ops.conv2d(own, w.slice([entry, 0, 0, 0, 0], [1, ...filter]).reshape(filter), {
              padding: "same",
              bias: bias.slice([entry, 0], [1, outputs]).reshape([outputs]),
              activation: "relu",
            });
          });
          return ops.concat(modules, 0);
        },
      };
    },
  },
  {
    name: "propagate over a skewed graph, sums in parts",
    shapes: {
      tiny: [[161, 4], [2, 4, 5]],
      small: [[300, 64], [2, 64, 64]],
      full: [[1485, 512], [5, 512, 512]],
    },
    differentiable: true,
    make: ([x, w]) => {
      const [nodes] = x.shape, [relations] = w.shape, edges = skewedEdges(nodes);
      const graph = (balanced: boolean): Graph =>
        Graph.fromTriples(nodes, nodes, Array.from({ length: relations }, () => edges), { balanced }).rowNormalised();
      const [parted, whole] = [graph(true), graph(false)];
      return {
        fused: () => ops.propagate(x, parted, w),
        plain: () => ops.propagate(x, whole, w),
        free: () => {
          parted[Symbol.dispose]();
          whole[Symbol.dispose]();
        },
      };
    },
  },
  grouped,
  optimiser("SGD with momentum"),
  optimiser("Adam"),
];
