/** The memory over the picture: the places where an update wrote. */
import type { App } from "./app.ts";

/** Purple, which neither boxes nor lines have. */
const COLOUR = [204, 102, 204] as const;

/** Paints the map of the answer on show, or nothing. */
export function paintMemory(app: App, canvas: HTMLCanvasElement): void {
  const round = app.stops[app.stop]?.round ?? -1, map = app.memory ? app.current?.answers.written[round] : undefined;
  canvas.hidden = !map;
  if (!map) return;
  const { width, height, magnitude } = map;
  [canvas.width, canvas.height] = [width, height];
  const most = magnitude.reduce((a, b) => Math.max(a, b), 0) || 1;
  const context = canvas.getContext("2d")!, image = context.createImageData(width, height);
  magnitude.forEach((value, i) => image.data.set([...COLOUR, 225 * Math.sqrt(value / most)], 4 * i));
  context.putImageData(image, 0, 0);
}
