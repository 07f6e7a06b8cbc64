/** Places for labels of boxes on a picture, so that none lies on another or reaches out of the picture. */

/** A box x1, y1, x2, y2 and the size of its label, all in one unit. */
export interface Labelled {
  /** Corners of the box. */
  readonly box: readonly [number, number, number, number];
  /** Width of the label. */
  readonly width: number;
  /** Height of the label. */
  readonly height: number;
}

/** Upper left corner of a label. */
export type LabelPlace = readonly [x: number, y: number];

/**
 * A place for each label, or null where none is free or `most` have theirs: above its box, below it, inside it or beside it,
 * in this order; earlier boxes choose first.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const label = { box: [10, 20, 30, 40], width: 8, height: 5 } as const;
 * // Above the box; below it where the first label lies above.
 * deepStrictEqual(placeLabels([label, label], [100, 100], 25), [[10, 15], [10, 40]]);
 * ```
 */
export function placeLabels(
  labels: readonly Labelled[],
  [width, height]: readonly [number, number],
  most: number,
): (LabelPlace | null)[] {
  const taken: (readonly [number, number, number, number])[] = [];
  return labels.map(({ box: [x1, y1, x2, y2], width: w, height: h }) => {
    if (taken.length >= most || w > width || h > height) return null;
    const right = x2 - w;
    const wanted: readonly LabelPlace[] = [
      [x1, y1 - h],
      [x1, y2],
      [x1, y1],
      [right, y1 - h],
      [right, y2],
      [right, y2 - h],
      [x1, y2 - h],
      [x2, y1],
      [x1 - w, y1],
      [x2, y2 - h],
      [x1 - w, y2 - h],
    ];
    for (const [x, y] of wanted) {
      // Along the edge of the picture a label is moved in; above and below there must be space.
      const left = Math.max(0, Math.min(x, width - w));
      if (y < 0 || y + h > height) continue;
      if (taken.some(([l, t, r, b]) => left < r && l < left + w && y < b && t < y + h)) continue;
      taken.push([left, y, left + w, y + h]);
      return [left, y];
    }
    return null;
  });
}
