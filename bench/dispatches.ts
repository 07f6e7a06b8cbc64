/** Dispatches of a training step by kernel, counted without running any: seconds even for the published size. */
import { contextOf } from "../engine/friends.ts";
import type { KernelSet } from "../engine/gpu/adapter.ts";
import { Device } from "../engine/mod.ts";
import { type ModelWork, modelWorks, SIZES } from "./models.ts";

/** Counts of one piece of work. */
export interface Dispatches {
  readonly total: number;
  /** By kernel, the most first. */
  readonly kernels: ReadonlyMap<string, number>;
}

/**
 * Dispatches that a replay of `work` submits, with kernels of one set, chosen by the rules alone. Work runs plainly first, then is
 * recorded, then replayed.
 */
export async function dispatchesOf(
  { prepare }: Pick<ModelWork, "prepare">,
  { kernels = "gpu", winograd = false }: { readonly kernels?: KernelSet; readonly winograd?: boolean } = {},
): Promise<Dispatches> {
  await using device = await Device.open({ kernels, winograd, tuning: null });
  const gpu = contextOf(device);
  let found: ReadonlyMap<string, number> = new Map();
  gpu.count(() => {
    using work = prepare(device);
    for (let i = 0; i < 2; i++) work.run();
    found = gpu.count(() => work.run());
  });
  return {
    total: [...found.values()].reduce((sum, n) => sum + n, 0),
    kernels: new Map([...found].sort(([, a], [, b]) => b - a)),
  };
}

/** Training steps whose dispatches are counted: `final` and the baseline, at the default and at the published size. */
export function stepsCounted(): { readonly name: string; readonly work: ModelWork }[] {
  return SIZES.flatMap((size, i) => {
    const works = modelWorks(size);
    return ["final", "baseline"].map((model) => ({
      name: `${["default", "published"][i]} ${model}`,
      work: works.find(({ name }) => name === `${model}: training step`)!,
    }));
  });
}
