/** Curves as SVG at once and without a library: for notebooks, whose cells show what they are given. */
import { thin } from "./report/thin.ts";
import type { Curve } from "./report/charts.ts";
import { escape } from "./report/parts.ts";

const WIDTH = 860;
const HEIGHT = 280;
const LEFT = 64;
const RIGHT = 130;
const EDGE = 14;
const COLOURS = ["#1667b7", "#d1495b", "#2e8b57", "#8a5bb5", "#c77d0a", "#555"];
/** The curves as a picture of its own, axes and names included. */
export function drawCurves(curves: readonly Curve[], logarithmic = false): string {
  const drawn = curves.map(({ name, points }) => ({
    name,
    points: thin(points.filter(([, y]) => Number.isFinite(y) && (!logarithmic || y > 0))),
  })).filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return "<p>Nothing was recorded.</p>";
  const all = drawn.flatMap(({ points }) => points);
  const [x0, x1] = range(all.map(([x]) => x));
  const map = logarithmic ? Math.log10 : (y: number): number => y;
  const [y0, y1] = range(all.map(([, y]) => map(y)));
  const px = (x: number): number => LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
  const py = (y: number): number => HEIGHT - 30 - (map(y) - y0) / (y1 - y0) * (HEIGHT - 30 - EDGE);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = logarithmic ? 10 ** (y0 + share * (y1 - y0)) : y0 + share * (y1 - y0);
    const x = x0 + share * (x1 - x0);
    return `<path d="M${LEFT} ${py(y).toFixed(1)}H${WIDTH - RIGHT}" stroke="#e4e4e4"/>` +
      `<text x="${LEFT - 8}" y="${(py(y) + 4).toFixed(1)}" text-anchor="end">${tick(y)}</text>` +
      `<text x="${px(x).toFixed(1)}" y="${HEIGHT - 10}" text-anchor="middle">${tick(x)}</text>`;
  }).join("");
  const lines = drawn.map(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([x, y]) => `${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("L");
    return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>` +
      `<text x="${WIDTH - RIGHT + 10}" y="${EDGE + 10 + 18 * i}" fill="${colour}">${escape(name)}</text>`;
  }).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
    `role="img" font-family="system-ui,sans-serif" font-size="12" fill="#555">${grid}${lines}</svg>`;
}

function range(values: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function tick(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
