/** Outlines turned and stretched to a box, and how far pixels lie from them. */
import type { Outline } from "./outlines.ts";

/** An outline in a box. */
export interface FittedOutline {
  /** Signed distance in pixels from the outline, negative inside; `x` and `y` are counted from the box's corner. */
  distance(x: number, y: number): number;
  /** The point of the outline's unit square that a pixel shows. */
  onUnitSquare(x: number, y: number): readonly [u: number, v: number];
}

/**
 * An outline turned by the angle whose half has tangent `t`, then stretched so that its pixel extent is exactly
 * [0, right] × [0, bottom].
 */
export function fitOutline(
  outline: Outline,
  t: number,
  mirrored: boolean,
  right: number,
  bottom: number,
): FittedOutline {
  const cos = (1 - t * t) / (1 + t * t), sin = 2 * t / (1 + t * t);
  const turned = outline.map(([u, v]) => {
    const x = (mirrored ? 1 - u : u) - 0.5, y = v - 0.5;
    return [cos * x - sin * y, sin * x + cos * y] as const;
  });
  const left = Math.min(...turned.map(([x]) => x)), top = Math.min(...turned.map(([, y]) => y));
  const spanX = Math.max(...turned.map(([x]) => x)) - left, spanY = Math.max(...turned.map(([, y]) => y)) - top;
  const corners = Float64Array.from(
    turned.flatMap(([x, y]) => [(x - left) / spanX * right, (y - top) / spanY * bottom]),
  );
  return {
    distance: (x, y) => signedDistance(corners, x, y),
    onUnitSquare(x, y) {
      const a = x / right * spanX + left, b = y / bottom * spanY + top;
      const u = cos * a + sin * b + 0.5;
      return [mirrored ? 1 - u : u, cos * b - sin * a + 0.5];
    },
  };
}

function signedDistance(corners: Float64Array, x: number, y: number): number {
  const last = corners.length;
  let nearest = Infinity, inside = false;
  let px = corners[last - 2], py = corners[last - 1];
  for (let i = 0; i < last; i += 2) {
    const qx = corners[i], qy = corners[i + 1];
    const ex = qx - px, ey = qy - py, wx = x - px, wy = y - py;
    let along = (wx * ex + wy * ey) / (ex * ex + ey * ey);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    const dx = wx - along * ex, dy = wy - along * ey;
    const squared = dx * dx + dy * dy;
    if (squared < nearest) nearest = squared;
    if ((py > y) !== (qy > y) && x < px + ex * (y - py) / ey) inside = !inside;
    px = qx;
    py = qy;
  }
  const distance = Math.sqrt(nearest);
  return inside ? -distance : distance;
}
