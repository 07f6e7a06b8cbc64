/** The looks of objects: outline, colours, and the place of each colour. */
import { type Outline, OUTLINES } from "../drawing/outlines.ts";

/** Red, green, blue, 0..255. */
export type Colour = readonly [number, number, number];

/** One look. Classes that share it are drawn from the very same distribution. */
export interface Look {
  readonly outline: Outline;
  readonly colours: readonly Colour[];
  /** Index of the colour at (u, v) of the outline's unit square. */
  paint(u: number, v: number): number;
}

const between = (value: number, low: number, high: number) => value >= low && value < high;
/** Squared distance from a point of the unit square. */
const away = (u: number, v: number, x: number, y: number) => (u - x) * (u - x) + (v - y) * (v - y);
/** True where a periodic stripe of `width` covers `value`. */
const striped = (value: number, period: number, width: number) => value - Math.floor(value / period) * period < width;

/** Looks by the names the vocabulary gives them. */
export const LOOKS: Readonly<Record<string, Look>> = {
  planks: {
    outline: OUTLINES.footed,
    colours: [[165, 105, 55], [95, 55, 25]],
    paint: (_, v) => striped(v + 0.06, 0.25, 0.08) ? 1 : 0,
  },
  steel: {
    outline: OUTLINES.plate,
    colours: [[165, 185, 200], [85, 105, 125]],
    paint: (u, v) => striped(u + 0.04, 0.32, 0.08) || (between(u, 0.66, 0.78) && between(v, 0.3, 0.5)) ? 1 : 0,
  },
  screen: {
    outline: OUTLINES.display,
    colours: [[35, 35, 45], [105, 225, 235]],
    paint: (u, v) => between(u, 0.12, 0.88) && between(v, 0.12, 0.7) ? 1 : 0,
  },
  body: {
    outline: OUTLINES.vehicle,
    colours: [[205, 40, 40], [60, 20, 25], [225, 235, 245]],
    paint: (u, v) => v > 0.8 ? 1 : between(u, 0.34, 0.7) && between(v, 0.12, 0.4) ? 2 : 0,
  },
  desk: {
    outline: OUTLINES.pedestal,
    colours: [[240, 225, 175], [150, 120, 70]],
    paint: (u, v) => v > 0.26 && u > 0.5 && striped(v - 0.26, 0.25, 0.07) ? 1 : 0,
  },
  tree: {
    outline: OUTLINES.fir,
    colours: [[20, 95, 50], [110, 70, 35], [90, 165, 85]],
    paint: (u, v) => v > 0.84 ? 1 : striped(u + v, 0.25, 0.06) && striped(v - u + 1, 0.25, 0.1) ? 2 : 0,
  },
  bed: {
    outline: OUTLINES.bedstead,
    colours: [[240, 135, 175], [255, 235, 240], [120, 70, 60]],
    paint: (u, v) => u < 0.13 || u > 0.89 ? 2 : striped(u + v, 0.3, 0.13) ? 1 : 0,
  },
  disc: {
    outline: OUTLINES.circle,
    colours: [[220, 222, 226], [65, 70, 85]],
    paint: (u, v) => {
      const d = away(u, v, 0.5, 0.5);
      return d < 0.012 || between(d, 0.07, 0.125) ? 1 : 0;
    },
  },
  flask: {
    outline: OUTLINES.flask,
    colours: [[40, 85, 215], [20, 35, 95], [225, 235, 255]],
    paint: (_, v) => v < 0.14 ? 1 : between(v, 0.58, 0.8) ? 2 : 0,
  },
  leafy: {
    outline: OUTLINES.scallops,
    colours: [[130, 205, 65], [70, 140, 35]],
    paint: (u, v) => Math.abs(u - 0.5) < 0.05 || striped(v + Math.abs(u - 0.5), 0.25, 0.07) ? 1 : 0,
  },
  dome: {
    outline: OUTLINES.bell,
    colours: [[250, 210, 40], [120, 85, 15]],
    paint: (_, v) => between(v, 0.62, 0.8) ? 1 : 0,
  },
  round: {
    outline: OUTLINES.circle,
    colours: [[245, 120, 25], [255, 245, 230]],
    paint: (u, v) => Math.abs(u - 0.5) < 0.07 || Math.abs(v - 0.5) < 0.07 ? 1 : 0,
  },
  cushion: {
    outline: OUTLINES.cushion,
    colours: [[135, 65, 190], [205, 165, 235]],
    paint: (u, v) => striped(u, 0.5, 0.25) !== striped(v, 0.5, 0.25) ? 1 : 0,
  },
  eared: {
    outline: OUTLINES.ears,
    colours: [[45, 42, 48], [245, 235, 120]],
    paint: (u, v) => away(u, v, 0.28, 0.52) < 0.014 || away(u, v, 0.72, 0.52) < 0.014 ? 1 : 0,
  },
  star: {
    outline: OUTLINES.star,
    colours: [[230, 40, 150], [255, 230, 70]],
    paint: (u, v) => away(u, v, 0.5, 0.5) < 0.03 ? 1 : 0,
  },
};
