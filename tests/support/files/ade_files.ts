/** Small annotations in ADE20K's layouts, written pixel by pixel. */
import { join } from "node:path";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";

const sharp = await loadSharp();

/** Writes blue values [height][width] as a PNG, with something else in red and green. */
export async function writeMap(path: string, rows: readonly (readonly number[])[]): Promise<void> {
  const raw = { width: rows[0].length, height: rows.length, channels: 3 as const };
  await sharp(Uint8Array.from(rows.flat().flatMap((blue) => [0, 7, blue])), { raw }).png().toFile(path);
}

/** Writes a plain picture. */
export async function writePicture(path: string, width: number, height: number): Promise<void> {
  await sharp({ create: { width, height, channels: 3, background: "#808080" } }).jpeg().toFile(path);
}

/** An instance of the release of 2016: number, level, raw name. */
export type Instance = readonly [number: number, level: number, name: string];

/** Writes the text file of the release of 2016. */
export async function writeAttributes(path: string, instances: readonly Instance[]): Promise<void> {
  const lines = instances.map(([number, level, name]) =>
    `${String(number).padStart(3, "0")} # ${level} # 0 # ${name}, something # ${name} # ""\n`
  );
  await Deno.writeTextFile(path, lines.join(""));
}

/** Writes lists with names kept and names too rare, and images by split; `val.txt` is mval.txt and mtest.txt. */
export async function writeLists(
  folder: string,
  images: Readonly<Record<"train" | "mval" | "mtest", readonly string[]>>,
  names: Readonly<Record<string, number>>,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const write = (name: string, lines: readonly (string | number)[], end = ""): Promise<void> =>
    Deno.writeTextFile(join(folder, name), lines.map((line) => `${line}${end}\n`).join(""));
  for (const [name, list] of Object.entries(images)) await write(`${name}.txt`, list);
  await write("val.txt", [...images.mval, ...images.mtest]);
  await write("objectnames.txt", ["-", ...Object.keys(names)], " ");
  await write("objectcounts.txt", [1, ...Object.values(names)]);
}
