/** Opening a split to look at it. */
import { type DatasetName, openDataset } from "../datasets/open.ts";
import type { RegionDataset, Split } from "../datasets/types.ts";
import { Progress } from "./output.ts";

/** Flags that say where a set is. */
export interface SetFlags {
  readonly data?: string | undefined;
  readonly lists?: string | undefined;
}

/** Opens what can be opened of a split, with a bar while it is read; `onMessage` defaults to a line above the bar. */
export async function openShown(
  set: string,
  split: Split,
  { data, lists }: SetFlags,
  onMessage?: (text: string) => void,
): Promise<RegionDataset> {
  using progress = new Progress(`reading ${split}`, "annotations");
  return await openDataset({
    dataset: set as DatasetName,
    split,
    skipBroken: true,
    ...data === undefined ? {} : { data },
    ...lists === undefined ? {} : { lists },
  }, {
    onMessage: onMessage ?? ((text) => progress.notice(text)),
    onProgress: (done, of) => {
      if (of > 0) progress.update(done, of);
    },
  });
}
