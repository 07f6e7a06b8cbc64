/** Generation of a set in CLEVR-Ref+'s format, which goes on where it stopped and appends to whole files. */
import { join } from "node:path";
import { explainWriteError, removePartialFiles, writeFileAtomic } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Balance } from "./balance.ts";
import { drawMany } from "../scenes/draw_many.ts";
import { GrowingList, wholeList } from "../files/growing_list.ts";
import { readList } from "../files/json_list.ts";
import { refPlusFiles } from "../files/layout.ts";
import { type RefPlusInput, type RefPlusOptions, refPlusOptions } from "./options.ts";
import { PUBLISHED_WORLD, type World } from "../scenes/place.ts";
import { makeRefexps } from "./refexps.ts";
import { PATIENCE } from "./search.ts";
import { imageName, type Refexp, type Scene } from "../files/types.ts";

/** Version of the drawing and writing: files of another one are not appended to. */
const VERSION = "itera-1";

/** Fewer pictures than this are drawn on one thread, before others would have started. */
const FEW = 8;

/** Threads and progress of the generation of a set. */
export interface GenerateHooks {
  /** Threads that draw; default 1. The bytes do not depend on it. */
  readonly threads?: number;
  /** Called with the number of pictures drawn, or with expressions. */
  readonly onProgress?: (stage: "pictures" | "expressions" | "false premises", done: number, of: number) => void;
}

/** Contents of a generated split. */
export interface Generated {
  /** Pictures. */
  readonly images: number;
  /** Expressions. */
  readonly refexps: number;
  /** Expressions that refer to nothing; null where none were asked for. */
  readonly falsePremise: number | null;
}

/**
 * Makes a split under `folder`. Goes on where an interrupted run stopped, and appends to a whole split of fewer images; the
 * bytes are those of one uninterrupted run.
 *
 * ```ts
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const folder = await Deno.makeTempDir(), options = { split: "val", refexpsPerImage: 2, maxObjects: 3 } as const;
 * const made = await refplus.generateRefPlus(folder, { ...options, images: 1 });
 * deepStrictEqual(made, { images: 1, refexps: 2, falsePremise: null });
 * const { scenes } = refplus.refPlusFiles(folder, "val");
 * const [{ objects }] = await Array.fromAsync(refplus.readScenes(scenes));
 * strictEqual(objects.length, 3);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @throws {UserError} when an option is out of range, or `folder` holds a split with other settings or more images.
 */
export async function generateRefPlus(
  folder: string,
  input: RefPlusInput,
  { onProgress, threads = 1 }: GenerateHooks = {},
): Promise<Generated> {
  const parsed = refPlusOptions.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const flag = String(issue.path[0] ?? "options").replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    throw new UserError(`--${flag}: ${issue.message}`);
  }
  const options = parsed.data;
  const files = refPlusFiles(folder, options.split);
  const plans = [
    { path: files.scenes, key: "scenes", info: sceneInfo(options) },
    { path: files.refexps, key: "refexps", info: refexpInfo(options, false) },
    ...options.falsePremise ? [{ path: files.falsePremise, key: "refexps", info: refexpInfo(options, true) }] : [],
  ];
  // Before anything is written: existing files must agree with the options.
  for (const { path, key, info } of plans) {
    const whole = await wholeList(path, key, info);
    notBeyond(path, whole?.images ?? 0, options.images);
  }
  await drawPictures(files.images, files.scenes, options, threads, (done, of) => onProgress?.("pictures", done, of));
  const refexps = await writeRefexps(
    files.refexps,
    files.scenes,
    options,
    false,
    (done, of) => onProgress?.("expressions", done, of),
  );
  const falsePremise = options.falsePremise
    ? await writeRefexps(
      files.falsePremise,
      files.scenes,
      options,
      true,
      (done, of) => onProgress?.("false premises", done, of),
    )
    : null;
  return { images: options.images, refexps, falsePremise };
}

type OnDone = (done: number, of: number) => void;

/** The `info` of a scene file. The date is left empty, so that the same command gives the same bytes on any day. */
function sceneInfo({ split, seed, ...options }: RefPlusOptions): Record<string, unknown> {
  const { mostObjects, zoom } = worldOf(options), published = PUBLISHED_WORLD;
  return {
    date: "",
    version: VERSION,
    split,
    license: "",
    seed,
    ...mostObjects === published.mostObjects ? {} : { max_objects: mostObjects },
    ...zoom === published.zoom ? {} : { zoom },
  };
}

function worldOf({ maxObjects, zoom }: Pick<RefPlusOptions, "maxObjects" | "zoom">): World {
  return { mostObjects: maxObjects, zoom };
}

/** The `info` of a file of expressions. */
function refexpInfo(options: RefPlusOptions, falsePremise: boolean): Record<string, unknown> {
  return {
    ...sceneInfo(options),
    refexps_per_image: options.refexpsPerImage,
    ...options.balanceCounts ? {} : { balance_counts: false },
    ...options.patience === PATIENCE ? {} : { patience: options.patience },
    reset_counts_every: options.resetCountsEvery,
    false_premise: falsePremise,
  };
}

async function drawPictures(
  folder: string,
  path: string,
  options: RefPlusOptions,
  threads: number,
  onDone: OnDone,
): Promise<void> {
  const { seed, split, images } = options;
  const whole = (await wholeList(path, "scenes", sceneInfo(options)))?.images === images;
  using list = whole ? null : await GrowingList.open(path, "scenes", sceneInfo(options));
  const described = list?.images ?? images;
  notBeyond(path, described, images);
  try {
    await Deno.mkdir(folder, { recursive: true });
    await removePartialFiles(folder);
  } catch (error) {
    throw explainWriteError(folder, error);
  }
  // Pictures that went missing are drawn again.
  const there = new Set(Array.from(Deno.readDirSync(folder), ({ name }) => name));
  const keys = Array.from({ length: images }, (_, index) => ({ seed, split, index, world: worldOf(options) }))
    .filter(({ index }) => index >= described || !there.has(imageName(split, index)));
  let done = images - keys.length;
  onDone(done, images);
  for await (const { scene, png } of drawMany(keys, keys.length < FEW ? 1 : threads)) {
    await writeFileAtomic(join(folder, scene.image_filename), png);
    if (scene.image_index >= described) list!.append([scene]);
    onDone(++done, images);
  }
  await list?.finish();
}

/** Writes the expressions of all pictures; returns how many there are. */
async function writeRefexps(
  path: string,
  scenes: string,
  options: RefPlusOptions,
  falsePremise: boolean,
  onDone: OnDone,
): Promise<number> {
  const { seed, split, images, refexpsPerImage: count, resetCountsEvery, balanceCounts, patience } = options;
  const info = refexpInfo(options, falsePremise);
  const whole = await wholeList(path, "refexps", info);
  if (whole?.images === images) {
    onDone(images, images);
    return whole.size;
  }
  let balance = new Balance(), block = 0;
  /** The tallies to which picture `image` is added. */
  const balanceOf = (image: number): Balance => {
    const now = Math.floor(image / resetCountsEvery);
    if (now !== block) balance = new Balance();
    block = now;
    return balance;
  };
  const tally = (element: unknown, image: number): void => {
    const { template_filename, refexp_family_index, program } = element as Refexp;
    const answer = program?.at(-1)?._output;
    if (!Array.isArray(answer)) {
      throw new UserError(`${path}: holds what is no expression; remove it, then make it anew`);
    }
    balanceOf(image).add(template_filename, refexp_family_index, answer.length);
  };
  using list = await GrowingList.open(path, "refexps", info, tally);
  notBeyond(path, list.images, images);
  if (list.images < images) {
    for await (const { index, value } of readList(scenes, "scenes")) {
      if (index < list.images) continue;
      onDone(index, images);
      const made = makeRefexps(
        { seed, split, index },
        value as Scene,
        { count, falsePremise, balanceCounts, patience },
        balanceOf(index),
      );
      list.append(made.map((refexp, i) => ({ ...refexp, refexp_index: list.size + i })));
    }
  }
  await list.finish();
  onDone(images, images);
  return list.size;
}

/** Throws {@link UserError} where there are more pictures than wanted: none are ever removed. */
function notBeyond(path: string, there: number, images: number): void {
  if (there > images) throw new UserError(`${path}: has ${there} pictures already; give --images ${there} or more`);
}
