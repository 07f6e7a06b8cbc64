/** Outlines as polygons in a unit square, y down, built with exact arithmetic only (no trigonometry). */

/** Corners [x, y] in order; every outline reaches 0 and 1 on both axes. */
export type Outline = readonly (readonly [number, number])[];

/** A circle of `4 * quarter` corners whose radius at corner i is `radius(i)`, from the rational parametrisation. */
function round(quarter: number, radius: (corner: number) => number = () => 1): Outline {
  const first = Array.from({ length: quarter }, (_, i) => {
    const t = i / quarter;
    return [(1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)] as const;
  });
  const all = [
    ...first,
    ...first.map(([x, y]) => [-y, x] as const),
    ...first.map(([x, y]) => [-x, -y] as const),
    ...first.map(([x, y]) => [y, -x] as const),
  ];
  return all.map(([x, y], i) => [0.5 + 0.5 * x * radius(i), 0.5 + 0.5 * y * radius(i)]);
}

/** Named outlines. */
export const OUTLINES = {
  circle: round(6),
  scallops: round(4, (corner) => corner % 2 === 0 ? 1 : 0.84),
  star: round(4, (corner) => corner % 2 === 0 ? 1 : 0.52),
  plate: [[0, 0.04], [0.04, 0], [0.96, 0], [1, 0.04], [1, 0.96], [0.96, 1], [0.04, 1], [0, 0.96]],
  footed: [[0, 0], [1, 0], [1, 1], [0.84, 1], [0.84, 0.88], [0.16, 0.88], [0.16, 1], [0, 1]],
  display: [[0, 0], [1, 0], [1, 0.84], [0.62, 0.84], [0.72, 1], [0.28, 1], [0.38, 0.84], [0, 0.84]],
  vehicle: [[0, 1], [0, 0.46], [0.2, 0.42], [0.3, 0], [0.72, 0], [0.84, 0.42], [1, 0.46], [1, 1]],
  pedestal: [[0, 0], [1, 0], [1, 1], [0.55, 1], [0.55, 0.28], [0.15, 0.28], [0.15, 1], [0, 1]],
  fir: [
    ...[[0.5, 0], [0.78, 0.33], [0.66, 0.33], [0.9, 0.6], [0.76, 0.6], [1, 0.84], [0.6, 0.84], [0.6, 1]] as const,
    ...[[0.4, 1], [0.4, 0.84], [0, 0.84], [0.24, 0.6], [0.1, 0.6], [0.34, 0.33], [0.22, 0.33]] as const,
  ],
  bedstead: [
    ...[[0, 0], [0.14, 0], [0.14, 0.38], [0.88, 0.38], [0.88, 0.26], [1, 0.26], [1, 1]] as const,
    ...[[0.88, 1], [0.88, 0.84], [0.14, 0.84], [0.14, 1], [0, 1]] as const,
  ],
  flask: [
    ...[[0.36, 0], [0.64, 0], [0.64, 0.26], [0.95, 0.42], [1, 0.52], [1, 0.94]] as const,
    ...[[0.93, 1], [0.07, 1], [0, 0.94], [0, 0.52], [0.05, 0.42], [0.36, 0.26]] as const,
  ],
  bell: [[0.36, 0], [0.64, 0], [0.84, 0.3], [1, 1], [0, 1], [0.16, 0.3]],
  cushion: [[0, 0], [0.5, 0.08], [1, 0], [0.92, 0.5], [1, 1], [0.5, 0.92], [0, 1], [0.08, 0.5]],
  ears: [[0, 0], [0.3, 0.24], [0.7, 0.24], [1, 0], [1, 0.74], [0.76, 1], [0.24, 1], [0, 0.74]],
  // A faded object is a patch without a shape of its own.
  patch: [[0, 0.12], [0.12, 0], [0.88, 0], [1, 0.12], [1, 0.88], [0.88, 1], [0.12, 1], [0, 0.88]],
} satisfies Readonly<Record<string, Outline>>;
