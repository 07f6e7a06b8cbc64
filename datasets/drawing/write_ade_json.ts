/** Names and outlines of instances as ADE20K's release of 2021 has them: a JSON file, and a mask for each. */
import { join } from "node:path";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import type { Canvas } from "./canvas.ts";

/** Writes `<stem>.json` and `<stem>/instance_NNN_<stem>.png` for instances named in order of the picture's regions. */
export async function writeAdeJson(
  folder: string,
  stem: string,
  names: readonly string[],
  { width, height, regions }: Canvas,
): Promise<void> {
  await Deno.mkdir(join(folder, stem));
  const object = [];
  for (const [id, name] of names.entries()) {
    const mask = `${stem}/instance_${String(id).padStart(3, "0")}_${stem}.png`;
    const pixels = regions.map((region) => region === id + 1 ? 255 : 0);
    await (await loadSharp())(pixels, { raw: { width, height, channels: 1 } }).png().toFile(join(folder, mask));
    object.push({
      id,
      name,
      raw_name: name,
      attributes: [],
      depth_ordering_rank: id + 1,
      occluded: "no",
      crop: "0",
      parts: { hasparts: [], ispartof: [], part_level: 0 },
      instance_mask: mask,
      polygon: outline(pixels, width),
    });
  }
  const annotation = { filename: `${stem}.jpg`, folder, imsize: [height, width, 3], object };
  await Deno.writeTextFile(join(folder, `${stem}.json`), JSON.stringify({ annotation }));
}

/** Down the left ends of the rows, and up the right ends. */
function outline(pixels: Uint8Array, width: number): { readonly x: number[]; readonly y: number[] } {
  const left: [number, number][] = [], right: [number, number][] = [];
  for (let y = 0; (y + 1) * width <= pixels.length; y++) {
    const row = pixels.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(255);
    if (first < 0) continue;
    const last = row.lastIndexOf(255) + 1;
    left.push([first, y], [first, y + 1]);
    right.push([last, y], [last, y + 1]);
  }
  const corners = [...left, ...right.reverse()];
  return { x: corners.map(([x]) => x), y: corners.map(([, y]) => y) };
}
