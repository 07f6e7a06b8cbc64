/** The checks of a kernel or an op, and what each covers; `docs/shaders.md` has the same list. */

/** The scope of each check in words, by its name. */
export const CHECKS = {
  runs: "it compiles, and runs without an error",
  values: "results against float64, each within a bound that is derived or given; of an op of the engine gradients too",
  "odd sizes": "the same at extents that are odd, where blocks and vectors end early",
  "empty sizes": "the same where an extent is 0",
  "large sizes": "the same bits when workgroups are folded into rows, as those of more than 65,535 are",
  gradients: "gradients of an op against differences of the op itself",
  repeats: "the same bits when it runs again",
  poison: "the same bits whatever memory held beforehand: zeros, NaN, or other numbers",
  guards: "nothing written behind a tensor: guard words inside its binding, from the next multiple of 16 bytes on",
  indices: "no index out of range, negative ones included, counted in an instrumented copy",
  barriers: "barriers that all invocations of a workgroup reach, by the text and by what an instrumented copy notes",
  races:
    "no number of workgroup memory touched by two invocations without a barrier between, one of them writing; no " +
    "number of a buffer written by two invocations of a dispatch, or written by one and read by another",
  specialisations:
    "the same with every set of constants that can be asked for; where tilings are checked, of products in each tiling " +
    "of the samples",
  tilings: "the same in every tiling that the tuner may choose",
} as const;

/** Name of a check. */
export type CheckName = keyof typeof CHECKS;

/** Names of all checks, in the order in which they run. */
export const CHECK_NAMES: readonly CheckName[] = Object.keys(CHECKS) as CheckName[];
