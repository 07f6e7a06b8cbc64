/** Files of an evaluation that other programs read. */
import { join } from "node:path";
import { writeFileAtomic, writeJsonAtomic } from "../../../engine/base/atomic.ts";
import { cocoAnnotations, cocoDetections, cocoResultsText } from "./coco_results.ts";
import { originalsOf } from "./originals.ts";
import { regionTable } from "./region_table.ts";
import type { ScoredSplit } from "./scored_regions.ts";

/** A file that was written, and what it is. */
export interface WrittenFile {
  readonly what: string;
  readonly path: string;
}

/**
 * Writes the formats into a folder: `coco_results.json`, with `coco_annotations.json` to score it by where the set's own files
 * are of another form, and `regions.csv`.
 */
export async function writeFormats(
  scored: ScoredSplit,
  folder: string,
  { formats, top }: { readonly formats: readonly ("coco" | "csv")[]; readonly top: number },
): Promise<WrittenFile[]> {
  const written: WrittenFile[] = [];
  if (formats.length === 0) return written;
  const originals = await originalsOf(scored.set);
  if (formats.includes("coco")) {
    const path = join(folder, "coco_results.json"), truth = join(folder, "coco_annotations.json");
    await writeFileAtomic(path, cocoResultsText(cocoDetections(scored, originals, top)));
    written.push({ what: "COCO results", path });
    if (!scored.set.originals) {
      await writeJsonAtomic(truth, cocoAnnotations(scored.set, originals));
      written.push({ what: "annotations to score them by", path: truth });
    }
  }
  if (formats.includes("csv")) {
    const path = join(folder, "regions.csv");
    await writeFileAtomic(path, regionTable(scored, originals));
    written.push({ what: "regions", path });
  }
  return written;
}
