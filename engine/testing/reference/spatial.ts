/** References of convolution and pooling; channels last. */
import * as ad from "../float64/autodiff64.ts";
import { NDArray64, optionalReal, real } from "../float64/ndarray64.ts";
import { type Attrs, numbers, pairs } from "./attrs.ts";
import type { Family } from "./family.ts";
import { activation } from "./pointwise.ts";
import { largest, mean } from "./reduce.ts";

/** Extents, strides and padding of a window sliding over two axes. */
export interface Window {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly (readonly number[])[];
  readonly dilation: readonly number[];
}

function outputExtent(window: Window, axis: 0 | 1, extent: number): number {
  const [before, after] = window.padding[axis];
  const reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
  return Math.floor((extent + before + after - reach) / window.stride[axis]) + 1;
}

/** x [N,H,W,Ci] convolved (cross-correlated, as everywhere in deep learning) with w [kH,kW,Ci,Co], zero outside. */
export function convolve(x: NDArray64, w: NDArray64, window: Window): NDArray64 {
  const [n, h, wide, ci] = x.shape, [kh, kw, , co] = w.shape;
  const { stride, padding, dilation } = window;
  return NDArray64.from([n, outputExtent(window, 0, h), outputExtent(window, 1, wide), co], ([b, oy, ox, c]) => {
    const terms: ad.Node[] = [];
    for (let ky = 0; ky < kh; ky++) {
      for (let kx = 0; kx < kw; kx++) {
        const y = oy * stride[0] - padding[0][0] + ky * dilation[0];
        const z = ox * stride[1] - padding[1][0] + kx * dilation[1];
        if (y < 0 || y >= h || z < 0 || z >= wide) continue;
        // Places in the flat arrays: most of a convolution's time went into finding them.
        const pixel = ((b * h + y) * wide + z) * ci, tap = (ky * kw + kx) * ci * co + c;
        for (let i = 0; i < ci; i++) terms.push(ad.mul(x.nodes[pixel + i], w.nodes[tap + i * co]));
      }
    }
    return ad.sum(terms);
  });
}

/** The window that keeps the extents: stride 1, odd filter of extent k x k. */
export function sameWindow(w: NDArray64, dilation = 1): Window {
  const size = w.shape.slice(0, 2), around = size.map((k) => dilation * (k - 1) / 2);
  return { size, stride: [1, 1], padding: around.map((p) => [p, p]), dilation: [dilation, dilation] };
}

function pool(x: NDArray64, attrs: Attrs, f: (cells: readonly ad.Node[]) => ad.Node): NDArray64 {
  const size = numbers(attrs, "size"), stride = numbers(attrs, "stride"), padding = pairs(attrs, "padding");
  const window = { size, stride, padding, dilation: [1, 1] };
  const [n, h, w, c] = x.shape;
  return NDArray64.from([n, outputExtent(window, 0, h), outputExtent(window, 1, w), c], ([b, oy, ox, k]) => {
    const cells: ad.Node[] = [];
    for (let i = 0; i < size[0]; i++) {
      for (let j = 0; j < size[1]; j++) {
        const y = oy * stride[0] - padding[0][0] + i, z = ox * stride[1] - padding[1][0] + j;
        if (y >= 0 && y < h && z >= 0 && z < w) cells.push(x.at(b, y, z, k));
      }
    }
    return f(cells);
  });
}

/** Convolution and pooling by name. */
export const spatial: Family = {
  conv2d: ([x, w, scale, bias, residual], attrs) => {
    const filter = real(w, "w");
    const [s, b, r] = [optionalReal(scale, "scale"), optionalReal(bias, "bias"), optionalReal(residual, "residual")];
    const y = convolve(real(x, "x"), filter, {
      size: filter.shape.slice(0, 2),
      stride: numbers(attrs, "stride"),
      padding: pairs(attrs, "padding"),
      dilation: numbers(attrs, "dilation"),
    });
    const act = activation(attrs);
    return [
      NDArray64.from(y.shape, (index) => {
        const channel = index[3];
        let value = y.at(...index);
        if (s) value = ad.mul(value, s.at(channel));
        if (b) value = ad.add(value, b.at(channel));
        if (r) value = ad.add(value, r.at(...index));
        return act(value);
      }),
    ];
  },
  // A convolution for each image by itself.
  conv2dBank: ([x, w, bias, residual], attrs) => {
    const images = real(x, "x"), filters = real(w, "w"), b = real(bias, "bias"), r = optionalReal(residual, "residual");
    const act = activation(attrs);
    const made = numbers(attrs, "entries").map((entry, n) => {
      const image = NDArray64.from([1, ...images.shape.slice(1)], ([, ...rest]) => images.at(n, ...rest));
      const filter = NDArray64.from(filters.shape.slice(1), (index) => filters.at(entry, ...index));
      const y = convolve(image, filter, sameWindow(filter, Number(attrs.dilation)));
      return (rest: readonly number[]): ad.Node => {
        const value = ad.add(y.at(0, ...rest), b.at(entry, rest[2]));
        return act(r ? ad.add(value, r.at(n, ...rest)) : value);
      };
    });
    return [NDArray64.from([...images.shape.slice(0, 3), filters.shape[4]], ([n, ...rest]) => made[n](rest))];
  },
  maxPool2d: ([x], attrs) => [pool(real(x, "x"), attrs, largest)],
  avgPool2d: ([x], attrs) => [pool(real(x, "x"), attrs, mean)],
};
