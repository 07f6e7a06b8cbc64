/** Opening a split to look at it. */
import { Option } from "@commander-js/extra-typings";
import { openDataset } from "../../datasets/open.ts";
import type { DatasetName } from "../../datasets/registry.ts";
import type { RegionDataset, Split } from "../../datasets/types.ts";
import { notice, Progress } from "../terminal/output.ts";

/** Flags that say where a set is. */
export interface SetFlags {
  readonly data?: string | undefined;
  readonly lists?: string | undefined;
  readonly profile?: "ignore" | "convert" | undefined;
  readonly orientation?: "apply" | "ignore" | undefined;
}

/** `--profile`, a run's `pictures.profile`. */
export const profileFlag = () =>
  new Option("--profile <what>", "colour profiles of pictures, as pictures.profile of a run").choices(
    ["ignore", "convert"] as const,
  );

/** `--orientation`, a run's `pictures.orientation`. */
export const orientationFlag = () =>
  new Option("--orientation <what>", "marks of how to turn a picture, as pictures.orientation of a run").choices(
    ["apply", "ignore"] as const,
  );

/** Opens a split without its broken images, with a bar while it is read; `onMessage` gets a line on what is left out. */
export async function openShown(
  set: DatasetName,
  split: Split,
  { data, lists, profile, orientation }: SetFlags,
  onMessage: (text: string) => void = notice,
): Promise<RegionDataset> {
  using disposables = new DisposableStack();
  let progress: Progress | undefined;
  return await openDataset({
    dataset: set,
    split,
    skipBroken: true,
    pictures: { profile, orientation },
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
