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
import { runBeyond } from "../../engine/testing/samples/beyond.ts";
import { type Reasons, UNREACHED } from "../../engine/testing/samples/unreached.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { fact, line, member } from "../terminal/output.ts";
import { type CheckRun, plan } from "./check.ts";
import type { Selection } from "./select.ts";

/** Runs all samples of a selection, those for other constants included, in copies that mark where they come. */
export async function coverageOf(run: CheckRun): Promise<Coverage> {
  await using device = await Device.open({ kernels: run.kernelSet });
  const coverage = noCoverage();
  for (const { subject } of plan(device, run)) {
    const cases = [...subject.cases, ...subject.specialised?.(device, run.tilings) ?? []];
    // One by one: what the first of them enter whole, the others need no copies of.
    for (const one of cases) await cover(device, () => one.run(device), coverage);
    if (!run.tilings || !subject.tiled) continue;
    const { tilings, cases: products } = subject.tiled(device);
    for (const tiling of tilings) {
      await cover(device, () => tiling.run(() => Promise.all(products.map((one) => one.run(device)))), coverage);
    }
  }
  if (run.beyond) await cover(device, () => runBeyond(device), coverage);
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

/** A judgement of what was reached: of what there is, and of the reasons that are given. */
export interface Judged {
  readonly kernels: number;
  /** Kernels that nothing runs. */
  readonly idle: readonly string[];
  readonly branches: number;
  /** Branches that nothing enters, with the reason where one is given. */
  readonly missed: readonly (Branch & { readonly reason: string | null })[];
  /** Constants by `file NAME`, with the values that they were given; none where the reason is given, or nothing. */
  readonly constants: readonly {
    readonly name: string;
    readonly values: readonly number[];
    readonly reason: string | null;
  }[];
  /** Reasons that speak of what is reached, or of nothing there is. */
  readonly stale: readonly string[];
}

/** Compares what was reached with what some kernels have, and with the reasons for what is not. */
export function judgeCoverage(
  own: readonly KernelDeclaration[],
  { kernels, branches, constants, unmarked }: Coverage,
  reasons: Reasons = UNREACHED,
): Judged {
  const known = own.filter(({ name }) => kernels.has(name) && !unmarked.has(name));
  const all = new Map(known.flatMap(branchesOf).map((branch) => [branchKey(branch), branch]));
  const used = new Set<string>();
  const reasonFor = (key: string): string | null => {
    const reason = reasons[key] ?? null;
    if (reason !== null) used.add(key);
    return reason;
  };
  const missed = [...all].filter(([key]) => !branches.has(key)).map(([, branch]) => branch).sort(byPlace);
  const declared = [...new Set(known.flatMap(overridesOf).map(({ file, name }) => `${file} ${name}`))].sort();
  const judged = {
    kernels: own.length,
    idle: own.filter(({ name }) => !kernels.has(name)).map(({ name }) => name),
    branches: all.size,
    missed: missed.map((branch) => ({ ...branch, reason: reasonFor(`${branch.file}: ${branch.text}`) })),
    constants: declared.map((name) => {
      const values = [...constants.get(name) ?? []].sort((a, b) => a - b);
      return { name, values, reason: values.length > 0 ? null : reasonFor(name) };
    }),
  };
  return { ...judged, stale: Object.keys(reasons).filter((key) => !used.has(key)) };
}

/**
 * Prints what is reached of a selection's kernels and what is not. Of `whole`, all that there is, what no reason is given for fails,
 * and so does a reason for what is reached.
 */
export function showCoverage(selection: Selection, whole: boolean, coverage: Coverage): void {
  const own = allKernels().filter(({ name, traits }) => !traits.users && (whole || coverage.kernels.has(name)));
  const { idle, missed, constants, stale, ...counts } = judgeCoverage(own, coverage);
  fact("kernels", `${counts.kernels - idle.length} of ${counts.kernels} run`);
  for (const kernel of idle) line(`  ${kernel}: NOTHING RUNS IT`);
  fact("branches", `${counts.branches - missed.length} of ${counts.branches} entered`);
  for (const { file, line: number, text, reason } of missed) {
    line(`  ${file}:${number}: ${text}${reason ? `\n    ${reason}` : ""}`);
  }
  for (const name of coverage.unmarked) line(`  ${name}: the device binds too few buffers to mark its branches`);
  fact("constants", `${constants.filter(({ values }) => values.length > 0).length} of ${constants.length} given`);
  for (const { name, values, reason } of constants) {
    line(`  ${name}: ${values.length > 0 ? values.join(", ") : reason ?? "never given, as its text says"}`);
  }
  member("missed", missed);
  member("idle", idle);
  member("selection", selection);
  if (!whole) return;
  const open = [
    ...missed.filter(({ reason }) => reason === null).map(({ file, text }) => `${file}: ${text}`),
    ...constants.filter(({ values, reason }) => values.length === 0 && reason === null).map(({ name }) => name),
  ];
  for (const key of open) line(`NO REASON in engine/testing/samples/unreached.ts: ${key}`);
  for (const key of stale) {
    line(`A REASON for what is reached, or not there, in engine/testing/samples/unreached.ts: ${key}`);
  }
  if (idle.length + open.length + stale.length > 0) throw new ProgramFailed(1);
}

function byPlace(a: Branch, b: Branch): number {
  return a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line;
}
