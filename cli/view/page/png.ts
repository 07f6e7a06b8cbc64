/** Pixels of PNG files, exactly: a browser may change what a canvas gives back, to keep its user from being followed. */
import type { RgbImage } from "../../../datasets/images/preprocess.ts";

/** Pixels of a PNG file of 8-bit RGB without interlacing, which is what the page's own are. */
export async function decodePng(file: Uint8Array<ArrayBuffer>): Promise<RgbImage> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength), packed: Uint8Array<ArrayBuffer>[] = [];
  let width = 0, height = 0;
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at), name = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (name === "IHDR") {
      [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      const [depth, colour, , , interlaced] = file.subarray(at + 16, at + 21);
      if (depth !== 8 || colour !== 2 || interlaced !== 0) throw new Error("the picture is no PNG of 8-bit RGB");
    }
    if (name === "IDAT") packed.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const stream = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = new Uint8Array(await new Response(stream).arrayBuffer());
  const row = 3 * width, rgb = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (row + 1)], from = y * (row + 1) + 1, to = y * row;
    for (let i = 0; i < row; i++) {
      const left = i < 3 ? 0 : rgb[to + i - 3], above = y === 0 ? 0 : rgb[to + i - row];
      const corner = i < 3 || y === 0 ? 0 : rgb[to + i - row - 3];
      rgb[to + i] = lines[from + i] + predicted(filter, left, above, corner);
    }
  }
  return { rgb, width, height };
}

/** The byte that a line's filter expects (https://www.w3.org/TR/png-3/#9Filters). */
function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) return 0;
  const [a, b, c] = [left, above, corner].map((one) => Math.abs(left + above - corner - one));
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
