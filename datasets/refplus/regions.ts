/**
 * Regions for training the feature extractor of the module network: the objects of CLEVR-Ref+'s scenes. A class is an object's
 * size, colour, material and shape together.
 */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { type Findings, noFindings, tally } from "../index/table.ts";
import { Spelling } from "../index/spelling.ts";
import { BACKGROUND, type RegionDataset, type RegionRecord, type Split } from "../types.ts";
import { HEIGHT, WIDTH } from "./scenes/camera.ts";
import { ATTRIBUTE_NAMES, ATTRIBUTES } from "./scenes/catalogue.ts";
import { refPlusFiles } from "./files/layout.ts";
import { readScenes } from "./files/read.ts";
import type { Scene } from "./files/types.ts";

/** Names of all kinds of objects: small gray rubber cube, … */
const KINDS = ATTRIBUTE_NAMES.reduce<string[]>(
  (names, attribute) => names.flatMap((name) => ATTRIBUTES[attribute].map((value) => `${name} ${value}`.trim())),
  [""],
);

/** A split with the faults that were passed over. */
export interface RefPlusRegions extends RegionDataset {
  readonly findings: Findings;
}

/**
 * Opens a split of a set in CLEVR-Ref+'s layout. Boxes are `obj_bbox`, hidden parts included, cut at the picture's border;
 * objects without one, or with one wholly outside, are left out. `test` is the validation split where there are no test scenes, as in the published set.
 *
 * @throws {UserError} when the scenes are missing or broken.
 */
export async function openRefPlusRegions(folder: string, split: Split): Promise<RefPlusRegions> {
  const own = refPlusFiles(folder, split);
  const there = split !== "test" || await Deno.stat(own.scenes).then(() => true, () => false);
  const files = there ? own : refPlusFiles(folder, "val");
  const label = new Map(KINDS.map((name, i) => [name, i + 1]));
  const records: RegionRecord[] = [], findings = noFindings(), spelling = new Spelling(files.images);
  for await (const scene of readScenes(files.scenes)) {
    const { image_filename: name } = scene;
    records.push(recordOf(scene, label, join(files.images, spelling.find(name) ?? name), findings));
  }
  if (records.length === 0) throw new UserError(`${files.scenes}: has no scenes`);
  return {
    name: "refplus",
    split,
    classes: [BACKGROUND, ...KINDS],
    size: records.length,
    record: (index) => records[index],
    findings,
    source: { kind: "files", paths: records.map(({ path }) => path!) },
  };
}

function recordOf(
  scene: Scene,
  label: ReadonlyMap<string, number>,
  path: string,
  findings: Findings,
): RegionRecord {
  const boxes: number[] = [], labels: number[] = [], id = scene.image_filename.replace(/\.\w+$/, "");
  scene.objects.forEach((object, i) => {
    const [x, y, width, height] = scene.obj_bbox[String(i + 1)], [right, lower] = [x + width, y + height];
    if (width < 1 || height < 1) return;
    if (right < 1 || lower < 1 || x > WIDTH - 1 || y > HEIGHT - 1) {
      tally(findings.dropped, id);
      return;
    }
    if (x < 0 || y < 0 || right > WIDTH || lower > HEIGHT) tally(findings.clipped, id);
    boxes.push(Math.max(x, 0), Math.max(y, 0), Math.min(right, WIDTH) - 1, Math.min(lower, HEIGHT) - 1);
    labels.push(label.get(ATTRIBUTE_NAMES.map((name) => object[name]).join(" "))!);
  });
  return {
    id,
    width: WIDTH,
    height: HEIGHT,
    boxes: Float32Array.from(boxes),
    labels: Int32Array.from(labels),
    path,
  };
}
