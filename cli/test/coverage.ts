/** `itera test --coverage`: kernels, constants and branches of WGSL that no check's sample reaches. */
import { Device } from "../../engine/device.ts";
import { allKernels, type KernelDeclaration } from "../../engine/gpu/kernel.ts";
import {
  type Branch,
  branchesOf,
  branchKey,
  cover,
  type Coverage,
  noCoverage,
  overridesOf,
} from "../../engine/testing/wgsl/coverage.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { fact, line, member } from "../terminal/output.ts";
import { type CheckRun, plan } from "./check.ts";
import { testOf } from "./elsewhere.ts";
import type { Selection } from "./select.ts";

/** Runs all samples of a selection, those for other constants included, in copies that mark where they come. */
export async function coverageOf(run: CheckRun): Promise<Coverage> {
  await using device = await Device.open({ kernels: run.kernelSet });
  const coverage = noCoverage();
  for (const { subject } of plan(device, run)) {
    const cases = [...subject.cases, ...subject.specialised?.(device) ?? []];
    await cover(device, () => Promise.all(cases.map((one) => one.run(device))), coverage);
  }
  return coverage;
}

/** Coverages of several runs as one. */
export function joined(all: readonly Coverage[]): Coverage {
  const sum = noCoverage();
  for (const { kernels, branches, constants, unmarked } of all) {
    for (const name of kernels) sum.kernels.add(name);
    for (const key of branches) sum.branches.add(key);
    for (const name of unmarked) sum.unmarked.add(name);
    for (const [key, values] of constants) {
      sum.constants.set(key, new Set([...sum.constants.get(key) ?? [], ...values]));
    }
  }
  return sum;
}

/** The reason why no sample runs a kernel; null where there is none. */
function reasonFor({ name, traits }: KernelDeclaration): string | null {
  const test = testOf(name);
  if (test) return `checked by ${test}`;
  return traits.tilings ? "for tilings that the tuner may choose: --tilings" : null;
}

/** Prints what is reached of a selection's kernels and what is not. */
export function showCoverage(selection: Selection, whole: boolean, coverage: Coverage): void {
  const { kernels, branches, constants, unmarked } = coverage;
  const own = allKernels().filter(({ name, traits }) => !traits.users && (whole || kernels.has(name)));
  const idle = own.filter(({ name }) => !kernels.has(name));
  fact("kernels", `${own.length - idle.length} of ${own.length} run`);
  for (const kernel of idle) line(`  ${kernel.name}: ${reasonFor(kernel) ?? "NO SAMPLE AND NO TEST"}`);
  const known = own.filter(({ name }) => kernels.has(name) && !unmarked.has(name));
  const all = new Map(known.flatMap(branchesOf).map((branch) => [branchKey(branch), branch]));
  const missed = [...all].filter(([key]) => !branches.has(key)).map(([, branch]) => branch).sort(byPlace);
  fact("branches", `${all.size - missed.length} of ${all.size} entered`);
  for (const { file, line: number, text } of missed) line(`  ${file}:${number}: ${text}`);
  for (const name of unmarked) line(`  ${name}: the device binds too few buffers to mark its branches`);
  const declared = new Set(known.flatMap(overridesOf).map(({ file, name }) => `${file} ${name}`));
  const given = [...declared].filter((key) => constants.has(key));
  fact("constants", `${given.length} of ${declared.size} given`);
  for (const key of [...declared].sort()) {
    const values = [...constants.get(key) ?? []].sort((a, b) => a - b);
    line(`  ${key}: ${values.length > 0 ? values.join(", ") : "never given, as its text says"}`);
  }
  member("missed", missed);
  member("idle", idle.map((kernel) => ({ kernel: kernel.name, reason: reasonFor(kernel) })));
  member("selection", selection);
  if (idle.some((kernel) => reasonFor(kernel) === null)) throw new ProgramFailed(1);
}

function byPlace(a: Branch, b: Branch): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line;
}
