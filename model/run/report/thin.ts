/** Curves of no more points than a page can show. */

/** Points of a curve: x and y. */
type Points = readonly (readonly [x: number, y: number])[];

/** More points than this cannot be distinguished on the page. */
const MAX_POINTS = 600;

/** Averages neighbours until few enough points are left. */
export function thin(points: Points): Points {
  const step = Math.ceil(points.length / MAX_POINTS);
  if (step <= 1) return points;
  const thinned: [number, number][] = [];
  for (let at = 0; at < points.length; at += step) {
    const group = points.slice(at, at + step);
    thinned.push([group.at(-1)![0], group.reduce((sum, [, y]) => sum + y, 0) / group.length]);
  }
  return thinned;
}
