/** Reads scenes and expressions of CLEVR-Ref+ 1.0 and of generated sets, one at a time. */
import { z } from "../../../engine/base/packages/zod.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { ATTRIBUTES, MOST_OBJECTS } from "../scenes/catalogue.ts";
import { isInside, OUTSIDE } from "../../index/inside.ts";
import { readList } from "./json_list.ts";
import type { Refexp, Scene } from "./types.ts";

const numbers = (length: number) => z.array(z.number()).length(length);
const object = z.int().min(0).max(MOST_OBJECTS - 1);
// A name inside the folder of pictures, which is joined to it.
const fileName = z.string().refine(isInside, OUTSIDE);
const related = z.array(z.array(object));

// Fields that nothing here uses may be missing, and any others may be there.
const sceneSchema = z.object({
  split: z.string().default(""),
  image_index: z.int().min(0),
  image_filename: fileName,
  objects: z.array(z.object({
    size: z.enum(ATTRIBUTES.size),
    color: z.enum(ATTRIBUTES.color),
    material: z.enum(ATTRIBUTES.material),
    shape: z.enum(ATTRIBUTES.shape),
    "3d_coords": numbers(3),
    rotation: z.number().default(0),
    pixel_coords: numbers(3),
    idx: z.int().optional(),
  })).max(MOST_OBJECTS),
  directions: z.record(z.string(), numbers(3)).default({}),
  relationships: z.object({ left: related, right: related, behind: related, front: related }),
  obj_mask: z.record(z.string(), z.string()),
  obj_bbox: z.record(z.string(), numbers(4)),
}).superRefine(({ objects, relationships, obj_mask, obj_bbox }, context) => {
  const wrong = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  objects.forEach((_, i) => {
    for (const [name, table] of Object.entries({ obj_mask, obj_bbox })) {
      if (table[String(i + 1)] === undefined) wrong(name, `has nothing for object ${i + 1}`);
    }
  });
  for (const [name, lists] of Object.entries(relationships)) {
    if (lists.length !== objects.length) {
      wrong(`relationships.${name}`, `has ${lists.length} lists, not ${objects.length}`);
    }
    if (lists.flat().some((i) => i >= objects.length)) {
      wrong(`relationships.${name}`, "names an object that is not there");
    }
  }
});

/** Steps of a program written out as a tree; those of the published set have at most some 40. */
const MOST_STEPS = 1000;

const refexpSchema = z.object({
  split: z.string().default(""),
  image_filename: fileName.default(""),
  image_index: z.int().min(0),
  image: z.string().default(""),
  refexp: z.string(),
  program: z.array(z.object({
    type: z.string(),
    inputs: z.array(z.int().min(0)).max(2),
    value_inputs: z.array(z.string()).default([]),
    _output: z.union([object, z.array(object)]).optional(),
  })).min(1).optional().transform((program) => program ?? []),
  template_filename: z.string().default(""),
  refexp_family_index: z.int().min(0).default(0),
  refexp_index: z.int().min(0).default(0),
}).superRefine(({ program }, context) => {
  const wrong = (i: number, message: string) =>
    context.addIssue({ code: "custom", path: ["program", i, "inputs"], message });
  // Steps of the tree below each node: nodes that are used twice double it, however few they are.
  const steps: number[] = [];
  program.forEach(({ inputs }, i) => {
    if (inputs.some((at) => at >= i)) wrong(i, "names a node that is not earlier");
    steps.push(inputs.reduce((sum, at) => sum + (steps[at] ?? 0), 1));
  });
  const long = steps.findIndex((count) => count > MOST_STEPS);
  if (long >= 0) wrong(long, `makes a program of more than ${MOST_STEPS} steps`);
});

/**
 * The scenes of a scene file, in its order.
 *
 * ```ts
 * import { rejects, strictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const place = { "3d_coords": [0, 0, 0.7], pixel_coords: [240, 160, 9] };
 * const scene = {
 *   image_index: 0,
 *   image_filename: "a.png",
 *   objects: [{ size: "large", color: "red", material: "metal", shape: "cube", ...place }],
 *   relationships: { left: [[]], right: [[]], behind: [[]], front: [[]] },
 *   obj_mask: { 1: "76800,76800" },
 *   obj_bbox: { 1: [0, 160, 480, 160] },
 * };
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, JSON.stringify({ info: {}, scenes: [scene] }));
 * const [{ objects }] = await Array.fromAsync(refplus.readScenes(file));
 * strictEqual(objects[0].color, "red");
 * // A mistake is named by its place.
 * await Deno.writeTextFile(file, JSON.stringify({ info: {}, scenes: [{ ...scene, obj_bbox: {} }] }));
 * await rejects(refplus.readScenes(file).next(), /scenes\.0\.obj_bbox/);
 * await Deno.remove(file);
 * ```
 *
 * @throws {UserError} naming the file and the field that is wrong.
 */
export async function* readScenes(file: string): AsyncGenerator<Scene> {
  const numbers = new Map<number, number>(), names = new Map<string, number>();
  let at = 0;
  for await (const scene of readChecked(file, "scenes", sceneSchema)) {
    const { image_index, image_filename } = scene;
    const before = numbers.get(image_index) ?? names.get(image_filename);
    if (before !== undefined) {
      throw new UserError(`${file}: scenes.${at}: is of the picture of scenes.${before} too; leave one out`, {
        path: file,
      });
    }
    numbers.set(image_index, at);
    names.set(image_filename, at++);
    yield scene;
  }
}

/**
 * The expressions of a file of expressions, in its order. A file of any size takes no more memory than one of them.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { refplus } from "@itera/itera/datasets";
 *
 * const program = [{ type: "scene", inputs: [], _output: [0, 1] }];
 * const refexps = [{ image_index: 0, refexp: "Any thing.", program }];
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, JSON.stringify({ info: {}, refexps }));
 * const read = await Array.fromAsync(refplus.readRefexps(file));
 * deepStrictEqual(read.map(({ refexp }) => refexp), ["Any thing."]);
 * await Deno.remove(file);
 * ```
 *
 * @throws {UserError} naming the file and the field that is wrong.
 */
export async function* readRefexps(file: string): AsyncGenerator<Refexp> {
  yield* readChecked(file, "refexps", refexpSchema);
}

async function* readChecked<T>(file: string, key: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  for await (const { index, value } of readList(file, key)) {
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new UserError(`${file}: ${[key, index, ...issue.path].join(".")}: ${issue.message}`, { path: file });
    }
    yield parsed.data;
  }
}
