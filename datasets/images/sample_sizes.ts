/** A look at pictures before hours of training: those of a wrong download or of another size than annotated. */
import { availableParallelism } from "node:os";
import { UserError } from "../../engine/base/user_error.ts";
import { forEachAtOnce } from "../../engine/base/files.ts";
import type { RegionDataset } from "../types.ts";
import { sizeComplaint } from "./picture_size.ts";
import { readSize } from "./read_image.ts";

/** Most pictures looked at, spread over the split; reading their beginnings takes a second. */
const MOST = 256;

/**
 * Looks at the sizes of some pictures of a split: of those `order` shows, training passes over pictures without regions.
 *
 * @throws {UserError} naming one that cannot be read or is of another size than its boxes were drawn on.
 */
export async function sampleSizes(set: RegionDataset, order: "all" | "with regions"): Promise<void> {
  const { source, size } = set;
  if (source.kind !== "files") return;
  const shown = Array.from({ length: size }, (_, i) => i)
    .filter((i) => order === "all" || set.record(i).labels.length > 0);
  const count = Math.min(shown.length, MOST), { paths, pictures } = source;
  const sample = Array.from({ length: count }, (_, i) => shown[Math.floor(i * shown.length / count)]);
  await forEachAtOnce(sample, 2 * availableParallelism(), async (i) => {
    const complaint = await readSize(paths[i], pictures).then(
      (found) => sizeComplaint(found, set.record(i)),
      (error: Error) => `cannot be read as an image: ${error.message.split("\n")[0]}`,
    );
    if (complaint) throw new UserError(`${paths[i]}: ${complaint}; --skip-broken leaves it out`, { path: paths[i] });
  });
}
