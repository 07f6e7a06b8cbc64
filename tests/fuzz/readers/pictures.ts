/** Readers of pictures, and of folders of pictures. */
import { join } from "node:path";
import { readSize } from "../../../datasets/images/read_image.ts";
import { readPicture } from "../../../datasets/images/read_picture.ts";
import { listPictures } from "../../../datasets/refplus/files/pictures.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { BINARY } from "../mutate/bytes.ts";
import { NUMBERS } from "../mutate/hostile.ts";
import { type Bytes, type Mutator, pick, textOf, utf8 } from "../mutate/mutator.ts";
import { JPEG, PNG } from "../mutate/pictures.ts";
import type { Files, FuzzReader } from "../reader.ts";
import { plainPng } from "./samples.ts";

const [WIDTH, HEIGHT] = [19, 13];

async function sample(
  format: "png" | "jpeg" | "webp" | "gif" | "tiff",
  channels: 1 | 3 | 4,
  orientation?: number,
): Promise<Files> {
  const sharp = await loadSharp(), data = Uint8Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => i * 37);
  const plain = sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
  const marked = orientation === undefined ? plain : plain.withMetadata({ orientation });
  return { [`a.${format}`]: new Uint8Array(await marked.toFormat(format).toBuffer()) };
}

const MUTATORS: Readonly<Record<string, readonly Mutator[]>> = { png: PNG, jpeg: JPEG };

/** Width and height that the head of a PNG or JPEG file states; null for others. */
function statedSize(bytes: Bytes): readonly [number, number] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length > 24 && view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
  // From segment to segment: the same two bytes may stand in one.
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const kind = bytes[at + 1];
    if (kind >= 0xc0 && kind <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(kind)) {
      return [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
  }
  return null;
}

/** Most pixels of a picture that is read; those that claim more are refused before a pixel is read. */
const MOST_PIXELS = 2 ** 28;

/** Bytes of the pixels that pictures of an input say they have. */
export function pixelBytes(files: Files): number {
  return Object.values(files).reduce((sum, bytes) => {
    const [width, height] = statedSize(bytes) ?? [0, 0], pixels = width * height;
    return sum + bytes.length + (pixels <= MOST_PIXELS ? 3 * pixels : 0);
  }, 0);
}

const nameAt = (text: string): string => text.split("\n").filter(Boolean).join("\n");

/** The readers. */
export const PICTURES: readonly FuzzReader[] = [
  {
    name: "pictures",
    samples: async () => [
      await sample("png", 3),
      await sample("png", 1),
      await sample("png", 4),
      await sample("jpeg", 3),
      await sample("jpeg", 3, 6),
      await sample("jpeg", 1, 3),
      await sample("webp", 3),
      await sample("gif", 3),
      await sample("tiff", 3),
    ],
    mutators: (file) => MUTATORS[file.split(".").at(-1)!] ?? BINARY,
    read: async (folder) => {
      const [{ name }] = [...Deno.readDirSync(folder), { name: "a.png" }], path = join(folder, name);
      const picture = await readPicture(path);
      return { ...picture, rgb: new Uint8Array(picture.rgb), size: await readSize(path) };
    },
    check: (value, files) => {
      const { rgb, width, height, size } = value as {
        rgb: Uint8Array;
        width: number;
        height: number;
        size: { width: number; height: number };
      };
      if (rgb.length !== 3 * width * height) return `${rgb.length} bytes for ${width}×${height}`;
      if (size.width !== width || size.height !== height) {
        return `${width}×${height}, before ${size.width}×${size.height}`;
      }
      const [w, h] = statedSize(Object.values(files)[0]) ?? [width, height];
      return w === width && h === height || w === height && h === width
        ? null
        : `${width}×${height}, its head says ${w}×${h}`;
    },
    unpacked: pixelBytes,
  },
  {
    // Names alone: the list of them stands in a file here.
    name: "picture names",
    samples: async () => [{ "names.txt": utf8("a_0.png\na_1.png\na_2.png\n"), "a.png": await plainPng() }],
    mutators: (file) =>
      file === "names.txt"
        ? [...BINARY, {
          kind: "numbers",
          apply: (bytes, random) => utf8(textOf(bytes).replace(/\d(?=\.png)/, () => pick(random, NUMBERS))),
        }]
        : [],
    read: async (folder) => {
      const inside = join(folder, "pictures");
      await Deno.mkdir(inside);
      for (
        const name of nameAt(textOf(await Deno.readFile(join(folder, "names.txt")).catch(() => new Uint8Array())))
          .split("\n")
      ) {
        const plain = name.replaceAll(/[/\0]/g, "").slice(0, 50);
        if (!["", ".", ".."].includes(plain)) await Deno.writeTextFile(join(inside, plain), "");
      }
      return await listPictures(inside);
    },
    check: (value) => {
      const wrong = (value as string[]).findIndex((path, i) => Number(/_(\d+)\.png$/.exec(path)?.[1]) !== i);
      return wrong < 0 ? null : `picture ${wrong} is ${(value as string[])[wrong]}`;
    },
  },
];
