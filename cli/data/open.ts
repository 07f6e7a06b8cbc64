/** Opening a split to look at it. */
import { openDataset } from "../../datasets/open.ts";
import type { DatasetName } from "../../datasets/registry.ts";
import type { RegionDataset, Split } from "../../datasets/types.ts";
import { notice, Progress } from "../terminal/output.ts";

/** Flags that say where a set is. */
export interface SetFlags {
  readonly data?: string | undefined;
  readonly lists?: string | undefined;
}

/** Opens a split without its broken images, with a bar while it is read; `onMessage` gets a line on what is left out. */
export async function openShown(
  set: DatasetName,
  split: Split,
  { data, lists }: SetFlags,
  onMessage: (text: string) => void = notice,
): Promise<RegionDataset> {
  using disposables = new DisposableStack();
  let progress: Progress | undefined;
  return await openDataset({
    dataset: set,
    split,
    skipBroken: true,
    ...data === undefined ? {} : { data },
    ...lists === undefined ? {} : { lists },
  }, {
    onMessage,
    onProgress: (done, of, unit) => {
      progress ??= disposables.use(new Progress(`reading ${split}`, unit));
      progress.update(done, of);
    },
  });
}
