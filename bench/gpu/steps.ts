/** Whole training steps and inference, of the default models and of the published size. */
import { type ModelRow, modelWorks, row, SIZES } from "../models.ts";
import type { Item } from "./schedule.ts";

/** Baseline and full model, small ones first; `quick` leaves the published size out. */
export function stepItems(quick: boolean, found: (row: ModelRow & { readonly size: string }) => void): Item[] {
  return (quick ? SIZES.slice(0, 1) : SIZES).flatMap((size) =>
    modelWorks(size).filter(({ name }) => /^(baseline|final): /.test(name)).map(({ name, prepare }) => ({
      name: `${name}, ${size.name}`,
      run: async () => found({ ...await row(name, prepare), size: size.name }),
    }))
  );
}
