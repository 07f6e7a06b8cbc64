/** References of ops that sample images between cells. */
import * as ad from "../float64/autodiff64.ts";
import { boundOf } from "../float64/tape64.ts";
import { NDArray64, real, whole } from "../float64/ndarray64.ts";
import { flag, number, numbers, word } from "./attrs.ts";
import type { Family } from "./family.ts";

/** A cell along an axis, and its share in a sample. */
interface Share {
  readonly cell: number;
  readonly weight: ad.Node;
  /** True unless rounding alone can make the sample read it. */
  readonly read: boolean;
  /** True where rounding may leave the cell out, or take it in. */
  readonly open: boolean;
}

/**
 * Bilinear sample of channel c of image b at (y, x) cells; cells outside repeat the edge. A sample on a cell reads the next one
 * too, whose weight of 0 makes NaN of what is not finite; with `alone`, TensorFlow's way, it does not.
 */
function bilinear(image: NDArray64, b: number, c: number, y: ad.Node, x: ad.Node, alone: boolean): ad.Node {
  const [, h, w] = image.shape;
  const axis = (at: ad.Node, extent: number): Share[] => {
    const centre = Math.floor(ad.valueOf(at));
    // One cell more on each side than has weight: rounding may move the sample into it.
    const shares = [-1, 0, 1, 2].map((offset) => {
      const weight = ad.hat(at, centre + offset), counts = ad.valueOf(weight) > 0;
      const open = !counts && boundOf(weight) > 0, read = alone ? counts : offset === 0 || offset === 1;
      return { cell: Math.min(Math.max(centre + offset, 0), extent - 1), weight, read, open };
    });
    return shares.filter(({ read, open }) => read || open);
  };
  const columns = axis(x, w), rows = axis(y, h);
  let doubt = false;
  const value = ad.sum(rows.map((row) => {
    const across = columns.flatMap((column) => {
      const element = image.at(b, row.cell, column.cell, c);
      if (Number.isFinite(ad.valueOf(element))) return [ad.mul(column.weight, element)];
      doubt ||= row.open || column.open;
      return row.read && column.read ? [ad.mul(column.weight, element)] : [];
    });
    return ad.mul(row.weight, ad.sum(across));
  }));
  return doubt ? ad.doubtful(value, []) : value;
}

/** Sampling ops by name. */
export const sampling: Family = {
  // tf.image.crop_and_resize: a box's corners are the centres of the first and last sample.
  cropAndResize: ([x, y, z], attrs) => {
    const image = real(x, "image"), boxes = real(y, "boxes"), boxIndex = whole(z, "boxIndex");
    const [images, h, w, channels] = image.shape, regions = boxes.shape[0];
    const [rows, columns] = numbers(attrs, "size"), outside = number(attrs, "extrapolationValue");
    const position = (low: ad.Node, high: ad.Node, extent: number, k: number, n: number): ad.Node => {
      const last = ad.constant(extent - 1);
      if (n === 1) return ad.mul(ad.mul(ad.constant(0.5), ad.add(low, high)), last);
      const step = ad.div(ad.mul(ad.sub(high, low), last), ad.constant(n - 1));
      return ad.add(ad.mul(low, last), ad.mul(ad.constant(k), step));
    };
    return [
      NDArray64.from([regions, rows, columns, channels], ([r, i, j, c]) => {
        const b = boxIndex.at(r);
        if (b < 0 || b >= images) return ad.constant(outside);
        const at = position(boxes.at(r, 0), boxes.at(r, 2), h, i, rows);
        const across = position(boxes.at(r, 1), boxes.at(r, 3), w, j, columns);
        const inside = (p: ad.Node, extent: number): boolean => ad.valueOf(p) >= 0 && ad.valueOf(p) <= extent - 1;
        const doubtful = (p: ad.Node, extent: number): boolean => ad.near(p, 0) || ad.near(p, extent - 1);
        const value = inside(at, h) && inside(across, w)
          ? bilinear(image, b, c, at, across, true)
          : ad.constant(outside);
        return doubtful(at, h) || doubtful(across, w) ? ad.doubtful(value, [at, across]) : value;
      }),
    ];
  },
  // The inverse crop of the spatial memory (papers/iterative-reasoning.md#memory-update): each cell inside a box reads
  // its patch, cells under several boxes take the mean. Boxes are in cells.
  pasteRegions: ([x, y], attrs) => {
    const patches = real(x, "patches"), boxes = real(y, "boxes");
    const [regions, rows, columns, channels] = patches.shape;
    const [h, w] = numbers(attrs, "size"), images = "images" in attrs ? number(attrs, "images") : 1;
    const side = (r: number, axis: number): [number, number] => [
      ad.valueOf(boxes.at(r, axis)),
      ad.valueOf(boxes.at(r, axis + 2)),
    ];
    const holds = ([low, high]: [number, number], cell: number): boolean => cell >= low && cell <= high;
    const at = (r: number, axis: number, cell: number, n: number): ad.Node => {
      const [low, high] = [boxes.at(r, axis), boxes.at(r, axis + 2)];
      const length = ad.sub(high, low);
      if (ad.valueOf(length) === 0) return ad.constant(0);
      return ad.div(ad.mul(ad.sub(ad.constant(cell), low), ad.constant(n - 1)), length);
    };
    const count = (n: number, y: number, x: number): number[] =>
      Array.from({ length: regions }, (_, r) => r).filter((r) =>
        Math.floor(r * images / regions) === n && holds(side(r, 0), y) && holds(side(r, 1), x)
      );
    return [
      NDArray64.from([images, h, w, channels], ([n, y, x, c]) => {
        const over = count(n, y, x);
        if (over.length === 0) return ad.constant(0);
        const read = over.map((r) => bilinear(patches, r, c, at(r, 0, y, rows), at(r, 1, x, columns), true));
        return ad.div(ad.sum(read), ad.constant(over.length));
      }),
      NDArray64.from([images * h, w], ([row, x]) => ad.constant(count(Math.floor(row / h), row % h, x).length)),
    ];
  },
  // torchvision.ops.roi_align with boxes [y1, x1, y2, x2].
  roiAlign: ([x, y, z], attrs) => {
    const image = real(x, "image"), boxes = real(y, "boxes"), boxIndex = whole(z, "boxIndex");
    const [images, h, w, channels] = image.shape;
    const [rows, columns] = numbers(attrs, "size"), ratio = number(attrs, "samplingRatio");
    const scale = ad.constant(number(attrs, "spatialScale")), aligned = flag(attrs, "aligned");
    const offset = ad.constant(aligned ? 0.5 : 0);
    const edge = (r: number, side: number): ad.Node => ad.sub(ad.mul(boxes.at(r, side), scale), offset);
    const extent = (low: ad.Node, high: ad.Node): ad.Node => {
      const length = ad.sub(high, low);
      return aligned ? length : ad.maximum(length, ad.constant(1));
    };
    const position = (low: ad.Node, length: ad.Node, bins: number, bin: number, sample: number): ad.Node => {
      const step = ad.div(length, ad.constant(bins));
      const fraction = ad.constant((sample + 0.5) / ratio);
      return ad.add(ad.add(low, ad.mul(ad.constant(bin), step)), ad.mul(fraction, step));
    };
    // Samples up to one cell outside repeat the edge; farther ones are zero.
    const clamp = (p: ad.Node, limit: number): ad.Node =>
      ad.minimum(ad.maximum(p, ad.constant(0)), ad.constant(limit - 1));
    const outside = (p: ad.Node, limit: number): boolean => ad.valueOf(p) < -1 || ad.valueOf(p) > limit;
    return [
      NDArray64.from([boxes.shape[0], rows, columns, channels], ([r, i, j, c]) => {
        const b = boxIndex.at(r);
        if (b < 0 || b >= images) return ad.constant(0);
        const top = edge(r, 0), left = edge(r, 1);
        const high = extent(top, edge(r, 2)), wide = extent(left, edge(r, 3));
        const samples: ad.Node[] = [];
        for (let p = 0; p < ratio; p++) {
          for (let q = 0; q < ratio; q++) {
            const at = position(top, high, rows, i, p), across = position(left, wide, columns, j, q);
            const value = outside(at, h) || outside(across, w)
              ? ad.constant(0)
              : bilinear(image, b, c, clamp(at, h), clamp(across, w), false);
            const close = [ad.near(at, -1), ad.near(at, h), ad.near(across, -1), ad.near(across, w)].includes(true);
            samples.push(close ? ad.doubtful(value, [at, across]) : value);
          }
        }
        return ad.div(ad.sum(samples), ad.constant(ratio * ratio));
      }),
    ];
  },
  resizeBilinear: ([x], attrs) => {
    const image = real(x, "x");
    const [n, h, w, channels] = image.shape, [rows, columns] = numbers(attrs, "size");
    const mode = word(attrs, "mode", ["asymmetric", "halfPixel", "alignCorners"]);
    const place = (from: number, to: number, k: number): ad.Node => {
      const index = ad.constant(k);
      if (mode === "alignCorners") {
        return to === 1 ? ad.constant(0) : ad.div(ad.mul(index, ad.constant(from - 1)), ad.constant(to - 1));
      }
      const scale = ad.div(ad.constant(from), ad.constant(to));
      if (mode === "asymmetric") return ad.mul(index, scale);
      return ad.sub(ad.mul(ad.constant(k + 0.5), scale), ad.constant(0.5));
    };
    const position = (from: number, to: number, k: number): ad.Node => ad.maximum(place(from, to, k), ad.constant(0));
    return [
      NDArray64.from(
        [n, rows, columns, channels],
        ([b, i, j, c]) => bilinear(image, b, c, position(h, rows, i), position(w, columns, j), false),
      ),
    ];
  },
};
