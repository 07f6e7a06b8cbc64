/**
 * COCO's annotations by pycocotools' rules: `createIndex` goes by `id`, `image_id` and `category_id` and looks at nothing
 * that it does not need. Boxes are then cut at the picture as the paper's reference filters them.
 */
import { elements, independentJson, members, NOT_A_NUMBER, strictText } from "./json.ts";

/** A picture with its regions: box in inclusive pixels, then the category's name. */
export type SlowCoco = Record<string, readonly [box: readonly number[], category: string][]>;

const isId = (value: unknown): boolean =>
  typeof value === "string" && value !== NOT_A_NUMBER || typeof value === "number" && Number.isSafeInteger(value);

/** Regions by file name of all pictures that are sound; undefined where the file as a whole must be refused. */
export function slowCoco(bytes: Uint8Array): SlowCoco | undefined {
  const text = strictText(bytes), set = text === undefined ? undefined : independentJson(text, true);
  if (typeof set !== "object" || set === null || Array.isArray(set)) return undefined;
  const { images, annotations, categories } = members(set);
  const named = new Map<string, string>();
  for (const one of elements(categories)) {
    const { id, name } = members(one);
    if (!isId(id) || typeof name !== "string" || name === NOT_A_NUMBER || named.has(String(id))) return undefined;
    named.set(String(id), name.replaceAll(" ", "_"));
  }
  const sound = elements(images).map(members).filter(isPicture);
  const times = Map.groupBy(sound, ({ id }) => String(id));
  const found: SlowCoco = {};
  for (const picture of sound) {
    // Whose annotations they are cannot be said where two have one id.
    if (times.get(String(picture.id))!.length > 1) continue;
    const own = elements(annotations).map(members).filter((one) =>
      isId(one.image_id) && String(one.image_id) === String(picture.id)
    );
    found[`${picture.id} ${picture.file_name}`] = own.flatMap((one) => {
      const box = boxOf(one, Number(picture.width), Number(picture.height));
      const name = isId(one.category_id) ? named.get(String(one.category_id)) : undefined;
      return box && name !== undefined ? [[box, name] as const] : [];
    });
  }
  return found;
}

function isPicture({ id, file_name: name, width, height }: Record<string, unknown>): boolean {
  if (!isId(id) || typeof name !== "string" || name === NOT_A_NUMBER) return false;
  const size = (value: unknown): boolean => typeof value === "number" && value > 0 && value <= 65535;
  return size(width) && size(height) && staysInside(name);
}

/** Steps into folders and out of them: never above the first, and in the end at a file. */
function staysInside(name: string): boolean {
  if (name === "" || name.startsWith("/") || name.endsWith("/") || name.includes("\0")) return false;
  let depth = 0;
  const parts = name.split("/");
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    depth += part === ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return depth > 0;
}

function boxOf(one: Record<string, unknown>, width: number, height: number): number[] | null {
  const box = elements(one.bbox), finite = (value: unknown) => typeof value === "number" && Number.isFinite(value);
  if (box.length !== 4 || !box.every(finite)) return null;
  if (one.area !== undefined && one.area !== null && !finite(one.area)) return null;
  const crowd = one.iscrowd;
  if (crowd !== undefined && crowd !== null && typeof crowd !== "boolean" && !finite(crowd)) return null;
  const [x, y, w, h] = box as number[];
  const area = (one.area as number | null | undefined) ?? null;
  if (w < 0 || h < 0 || area !== null && !(area > 0)) return null;
  // Without an area it is the outline's, which only the project's reader computes here: boxes alone are judged.
  if (area === null && one.segmentation === undefined && !(w * h > 0)) return null;
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  const [right, bottom] = [Math.min(width - 1, x + Math.max(0, w - 1)), Math.min(height - 1, y + Math.max(0, h - 1))];
  return right >= left && bottom >= top ? [left, top, right, bottom].map(Math.trunc) : null;
}
