/**
 * Cases to measure: our ops at model sizes, with their arithmetic and traffic, and the description that a peer needs
 * to do the same.
 */
import { Graph, type Triple } from "../engine/sparse.ts";
import type { Device, Tensor } from "../engine/mod.ts";
import { scatterAdd } from "../engine/ops/gather.ts";
import * as ops from "../engine/ops/mod.ts";

/** Layout of the two operands of a product: as they are read (n) or transposed (t). */
export type Layout = "nn" | "nt" | "tn" | "tt";

/** Work that a peer can be asked to do too. */
export type PeerTask =
  | {
    readonly kind: "matmul";
    readonly m: number;
    readonly n: number;
    readonly k: number;
    /** Layouts of the operands. */
    readonly how: Layout;
  }
  | {
    readonly kind: "conv2d";
    readonly images: number;
    readonly height: number;
    readonly width: number;
    readonly inputs: number;
    readonly outputs: number;
    readonly kernel: number;
    readonly stride: number;
    readonly pass: "forward" | "data gradient" | "weight gradient";
  }
  | {
    readonly kind: "crop";
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly boxes: number;
  }
  | { readonly kind: "softmax"; readonly rows: number; readonly columns: number }
  | { readonly kind: "add"; readonly size: number }
  | { readonly kind: "sum"; readonly rows: number; readonly columns: number };

/** One line of the table. */
export interface Case {
  readonly name: string;
  /** Floating-point operations of one run; 0 where memory is the limit. */
  readonly flops: number;
  /** Bytes that must be read and written once. */
  readonly bytes: number;
  readonly task?: PeerTask;
  /** Makes inputs and returns a function that records one run. */
  readonly make: (device: Device) => () => void;
}

/** A convolution of `images` maps, "same" padded, forward and both gradients. */
export function conv(
  name: string,
  height: number,
  width: number,
  inputs: number,
  outputs: number,
  kernel: number,
  stride: number,
  images = 1,
): Case[] {
  const ho = Math.ceil(height / stride);
  const wo = Math.ceil(width / stride);
  const flops = 2 * images * ho * wo * outputs * inputs * kernel * kernel;
  const bytes = 4 *
    (images * (height * width * inputs + ho * wo * outputs) + kernel * kernel * inputs * outputs);
  const options = { stride, padding: (kernel - 1) / 2 };
  const make = (pass: "forward" | "data gradient" | "weight gradient") => (device: Device) => {
    const x = device.randn([images, height, width, inputs], { seed: 1 });
    const w = device.randn([kernel, kernel, inputs, outputs], { seed: 2 });
    if (pass === "forward") {
      return () => {
        using _scope = device.scope();
        ops.conv2d(x, w, options);
      };
    }
    const wanted = pass === "data gradient" ? x : w;
    const dy = device.randn([images, ho, wo, outputs], { seed: 3 });
    return () => {
      using _scope = device.scope();
      if (pass === "data gradient") ops.conv2dDataGrad(dy, w, wanted.shape, options);
      else ops.conv2dWeightGrad(x, dy, wanted.shape, options);
    };
  };
  return (["forward", "data gradient", "weight gradient"] as const).map((pass) => ({
    name: `${name} ${pass}`,
    flops,
    bytes,
    task: { kind: "conv2d" as const, images, height, width, inputs, outputs, kernel, stride, pass },
    make: make(pass),
  }));
}

/** A product of two matrices; `how` says of each whether it lies as it is read (n) or transposed (t). */
export function matmul(m: number, n: number, k: number, how: Layout = "nn"): Case {
  const [transposeA, transposeB] = [how[0] === "t", how[1] === "t"];
  return {
    name: `matmul ${m}×${k}${transposeA ? "ᵀ" : ""} · ${k}×${n}${transposeB ? "ᵀ" : ""}`,
    flops: 2 * m * n * k,
    bytes: 4 * (m * k + k * n + m * n),
    task: { kind: "matmul" as const, m, n, k, how },
    make: (device) => {
      const a = device.randn(transposeA ? [k, m] : [m, k], { seed: 1 });
      const b = device.randn(transposeB ? [n, k] : [k, n], { seed: 2 });
      return () => {
        using _scope = device.scope();
        ops.matmul(a, b, { transposeA, transposeB });
      };
    },
  };
}

/** Boxes [count, 4] spread over the unit square, times height and width, and the image of each, the first. */
function boxesFor(device: Device, count: number, [height, width] = [1, 1]): [Tensor, Tensor] {
  const boxes = new Float32Array(count * 4);
  for (let i = 0; i < count; i++) {
    const y = (i * 7 % 13) / 20;
    const x = (i * 5 % 11) / 18;
    const corners = [y, x, y + 0.15 + (i % 4) * 0.05, x + 0.2 + (i % 3) * 0.05];
    boxes.set(corners.map((at, axis) => at * (axis % 2 === 0 ? height : width)), i * 4);
  }
  return [device.tensor(boxes, [count, 4]), device.zeros([count], { dtype: "i32" })];
}

/** Every case, at sizes the models have. */
export function cases(): Case[] {
  const size = 4 << 20;
  return [
    matmul(512, 512, 512),
    matmul(1024, 1024, 1024),
    matmul(20, 4096, 2048),
    // A layer's gradients, to its input and to its weight.
    matmul(20, 2048, 4096, "nt"),
    matmul(2048, 4096, 20, "tn"),
    ...conv("conv 1×1 256→64 at 38×63", 38, 63, 256, 64, 1, 1),
    ...conv("conv 3×3 64→64 at 75×125", 75, 125, 64, 64, 3, 1),
    ...conv("conv 3×3 128→128 at 64×64", 64, 64, 128, 128, 3, 1),
    ...conv("conv 7×7/2 3→64 at 150×250", 150, 250, 3, 64, 7, 2),
    {
      name: "crop_and_resize 38×63×1024, 20 boxes",
      flops: 0,
      bytes: 4 * 20 * 49 * 1024 * 5,
      task: { kind: "crop", height: 38, width: 63, channels: 1024, boxes: 20 },
      make: (device) => {
        const image = device.randn([1, 38, 63, 1024], { seed: 1 });
        const [boxes, index] = boxesFor(device, 20);
        return () => {
          using _scope = device.scope();
          ops.cropAndResize(image, boxes, index, [7, 7]);
        };
      },
    },
    {
      name: "crop_and_resize image gradient",
      flops: 0,
      bytes: 4 * (20 * 49 * 1024 + 38 * 63 * 1024),
      make: (device) => {
        const image = device.randn([1, 38, 63, 1024], { seed: 1 });
        image.requiresGrad = true;
        const [boxes, index] = boxesFor(device, 20);
        const dy = device.randn([20, 7, 7, 1024], { seed: 2 });
        return () => {
          using _scope = device.scope();
          ops.cropAndResize(image, boxes, index, [7, 7]).backward(dy);
          image.zeroGrad();
        };
      },
    },
    {
      name: "paste_regions 20 boxes 7×7×512 onto 38×63",
      flops: 0,
      bytes: 4 * 512 * (20 * 49 + 38 * 63),
      make: (device) => {
        const patches = device.randn([20, 7, 7, 512], { seed: 1 });
        const [boxes] = boxesFor(device, 20, [37, 62]);
        return () => {
          using _scope = device.scope();
          ops.pasteRegions(patches, boxes, [38, 63]);
        };
      },
    },
    {
      name: "paste_regions forward and gradient",
      flops: 0,
      bytes: 2 * 4 * 512 * (20 * 49 + 38 * 63),
      make: (device) => {
        const patches = device.randn([20, 7, 7, 512], { seed: 1 });
        patches.requiresGrad = true;
        const [boxes] = boxesFor(device, 20, [37, 62]);
        const dy = device.randn([1, 38, 63, 512], { seed: 2 });
        return () => {
          using _scope = device.scope();
          ops.pasteRegions(patches, boxes, [38, 63]).backward(dy);
          patches.zeroGrad();
        };
      },
    },
    {
      name: "gather gradient, 1920 rows of 100×300",
      flops: 0,
      bytes: 4 * 300 * (1920 + 100),
      make: (device) => {
        const dy = device.randn([1920, 300], { seed: 1 });
        const indices = device.tensor(Int32Array.from({ length: 1920 }, (_, i) => i * 37 % 100));
        return () => {
          using _scope = device.scope();
          scatterAdd(dy, indices, [100, 300]);
        };
      },
    },
    {
      name: "GRU cell 300×512→512",
      flops: 2 * 300 * 512 * 3 * 512 * 2,
      bytes: 4 * (300 * 512 * 3 + 2 * 512 * 3 * 512),
      make: (device) => {
        const [x, h] = [1, 2].map((seed) => device.randn([300, 512], { seed }));
        const [wx, wh] = [3, 4].map((seed) => device.randn([512, 1536], { seed, std: 0.05 }));
        return () => {
          using _scope = device.scope();
          ops.gruCell(x, h, { wx, wh });
        };
      },
    },
    {
      name: "propagate 300 regions, 5 relations of all pairs, 512→512",
      flops: 2 * 5 * (300 * 300 * 512 + 300 * 512 * 512),
      bytes: 4 * (5 * 300 * 300 * 2 + 2 * 300 * 512 + 5 * 512 * 512),
      make: (device) => {
        const pairs = Array.from({ length: 300 * 300 }, (_, i): Triple => [Math.floor(i / 300), i % 300, 1 / 300]);
        const graph = Graph.fromTriples(300, 300, [pairs, pairs, pairs, pairs, pairs]);
        const x = device.randn([300, 512], { seed: 1 });
        const w = device.randn([5, 512, 512], { seed: 2, std: 0.05 });
        return () => {
          using _scope = device.scope();
          ops.propagate(x, graph, w);
        };
      },
    },
    {
      name: "softmax cross-entropy 300×1485, with gradient",
      flops: 0,
      bytes: 4 * 300 * 1485 * 3,
      make: (device) => {
        const logits = device.randn([300, 1485], { seed: 1 });
        logits.requiresGrad = true;
        const labels = device.tensor(Int32Array.from({ length: 300 }, (_, i) => i % 1485));
        return () => {
          using _scope = device.scope();
          ops.crossEntropy(logits, labels).backward();
          logits.zeroGrad();
        };
      },
    },
    {
      name: "softmax 300×1485",
      flops: 0,
      bytes: 4 * 300 * 1485 * 2,
      task: { kind: "softmax", rows: 300, columns: 1485 },
      make: (device) => {
        const x = device.randn([300, 1485], { seed: 1 });
        return () => {
          using _scope = device.scope();
          ops.softmax(x);
        };
      },
    },
    {
      name: "add, 4 Mi elements",
      flops: 0,
      bytes: 12 * size,
      task: { kind: "add", size },
      make: (device) => {
        const a = device.randn([size], { seed: 1 });
        const b = device.randn([size], { seed: 2 });
        return () => {
          using _scope = device.scope();
          a.add(b);
        };
      },
    },
    {
      name: "sum of rows 2048×1024",
      flops: 0,
      bytes: 4 * 2048 * 1024,
      task: { kind: "sum", rows: 2048, columns: 1024 },
      make: (device) => {
        const x = device.randn([2048, 1024], { seed: 1 });
        return () => {
          using _scope = device.scope();
          x.sum(1);
        };
      },
    },
  ];
}
