/** Runs all checks of an op or a kernel on a device. */
import type { Device } from "../../device.ts";
import { contextOf } from "../../friends.ts";
import { declarationOf, type KernelDeclaration } from "../../gpu/kernel.ts";
import { lintBarriers } from "../wgsl/barriers.ts";
import { faultAt, judge, type KernelFault } from "../wgsl/judge.ts";
import { mostEvents, noted } from "../wgsl/notes.ts";
import { bitsAt, compare, compared, type Differing, differing, type Result } from "./compare.ts";
import { FILLS, folded, inMemory } from "./memory.ts";
import { CHECK_NAMES, type CheckName } from "./names.ts";
import type { CheckFault, CheckReport, SampleReport } from "./report.ts";
import type { Case, Subject } from "./subject.ts";

/**
 * Kernels with the constants that they were asked for, of which `counts` says which tell two apart, as `body` records it; nothing
 * is compiled or run.
 */
export function kernelsOf(
  device: Device,
  body: () => void,
  counts: (kernel: KernelDeclaration, constant: string) => boolean = () => true,
): ReadonlyMap<string, KernelDeclaration> {
  const found = new Map<string, KernelDeclaration>(), gpu = contextOf(device), { run } = gpu;
  gpu.run = (kernel, { constants = {} }) => {
    const declaration = declarationOf(kernel),
      names = Object.keys(constants).filter((name) => counts(declaration, name));
    const set = names.sort().map((name) => `${name}=${constants[name]}`).join(" ");
    found.set(`${kernel.name} ${set}`, declaration);
  };
  try {
    body();
  } finally {
    gpu.run = run;
  }
  return found;
}

/** Collects what the checks of a subject find. */
class Checking {
  readonly faults: CheckFault[] = [];
  readonly samples: SampleReport[] = [];
  readonly remarks: string[] = [];
  readonly ran = new Set<CheckName>();

  constructor(readonly device: Device, readonly subject: Subject) {}

  fault(check: CheckName, text: string, sample: Case | null = null, place: CheckFault["place"] = null): void {
    this.faults.push({ check, text, sample: sample?.title ?? null, place });
  }

  kernelFaults(faults: readonly KernelFault[]): void {
    for (const { check, text, place, kernel } of faults) this.fault(check, `${text} (${kernel})`, null, place);
  }

  /** The result of `body`; null where it throws, which is a fault of `check`. */
  async attempt<T>(check: CheckName, body: () => Promise<T>): Promise<T | null> {
    this.ran.add(check);
    try {
      return await body();
    } catch (error) {
      this.fault(check, error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  all(cases: readonly Case[] = this.subject.cases): Promise<readonly (readonly Result[])[]> {
    return Promise.all(cases.map((one) => one.run(this.device)));
  }

  /** Holds results against the reference; by the name of another check where one is given. */
  compare(cases: readonly Case[], results: readonly (readonly Result[])[], as?: CheckName, where = ""): void {
    cases.forEach((one, i) => {
      const found = compare(results[i], one.wanted()), check = as ?? one.check;
      this.samples.push({ sample: `${where}${one.title}`, check, compared: found });
      this.ran.add(check);
      if (found.off > 0 || found.differs) this.fault(check, `${where}${compared(found)}`, one);
    });
  }
}

/** Options of {@link checkSubject}. */
export interface CheckOptions {
  /** Checks to run; default all but `tilings`. */
  readonly checks?: readonly CheckName[];
}

/** Runs checks of `subject` on a device. */
export async function checkSubject(device: Device, subject: Subject, options: CheckOptions = {}): Promise<CheckReport> {
  const checks = new Set(options.checks ?? CHECK_NAMES.filter((name) => name !== "tilings"));
  const checking = new Checking(device, subject);
  await runChecks(checking, checks);
  const { samples, remarks, ran } = checking, faults = withoutEchoes(checking);
  return {
    subject: subject.name,
    kernels: device.kernels,
    checks: CHECK_NAMES.filter((name) => checks.has(name) && ran.has(name)),
    samples,
    // What its text alone shows to be wrong was not run: no other check would say so.
    faults: faults.filter(({ check }) => checks.has(check) || check === "runs" || check === "barriers"),
    remarks,
  };
}

/** Checks whose cases are wrong anyhow where values are. */
const ECHOES: readonly CheckName[] = ["odd sizes", "empty sizes", "specialisations", "tilings"];

/** Faults without those of other sizes and constants where values are wrong at any: their samples show them all the same. */
function withoutEchoes({ faults, remarks }: Checking): readonly CheckFault[] {
  if (!faults.some(({ check }) => check === "values")) return faults;
  const own = faults.filter(({ check }) => !ECHOES.includes(check)), echoes = faults.length - own.length;
  if (echoes > 0) remarks.push(`${echoes} samples of other sizes and constants are off too`);
  return own;
}

async function runChecks(checking: Checking, checks: ReadonlySet<CheckName>): Promise<void> {
  const { device, subject: { cases, specialised, tiled, differences } } = checking;
  const asked = (name: CheckName): boolean => checks.has(name);
  // By the text alone, before a device is given what it may hang on.
  const kernels = new Set(kernelsOf(device, () => cases.forEach((one) => one.record(device))).values());
  checking.ran.add("barriers");
  for (const kernel of kernels) {
    checking.kernelFaults(lintBarriers(kernel.code).map(({ line, text }) => faultAt(kernel, "barriers", line, text)));
  }
  if (checking.faults.length > 0) return;

  const first = await checking.attempt("runs", () => inMemory(device, "zeros", () => checking.all()));
  if (!first) return;
  checking.compare(cases, first.result);
  reportGuards(checking, first.guards);
  await checkBits(checking, asked, first.result);
  if (asked("indices") || asked("races") || asked("barriers")) await checkNotes(checking);
  if (asked("specialisations") && specialised) {
    const more = specialised(device, asked("tilings"));
    const results = await checking.attempt(
      "specialisations",
      () => inMemory(device, "zeros", () => checking.all(more)),
    );
    if (results) checking.compare(more, results.result, "specialisations");
  }
  if (asked("tilings") && tiled) {
    const { tilings, cases: own } = tiled(device);
    for (const { title, run } of tilings) {
      const results = await checking.attempt("tilings", () => run(() => checking.all(own)));
      if (results) checking.compare(own, results, "tilings", `${title}: `);
    }
  }
  if (asked("gradients") && differences) {
    const fault = await checking.attempt("gradients", () => differences(device));
    if (fault !== null) checking.fault("gradients", fault);
  }
}

/** Runs that must give the bits of the first: again, in memory that held other things, and folded into rows. */
async function checkBits(
  checking: Checking,
  asked: (name: CheckName) => boolean,
  first: readonly (readonly Result[])[],
): Promise<void> {
  const { device, subject: { cases } } = checking;
  const differ = (
    check: CheckName,
    results: readonly (readonly Result[])[],
    words: (d: Differing, i: number) => string,
  ) =>
    results.forEach((own, i) => {
      const found = differing(first[i], own);
      if (found) checking.fault(check, words(found, i), cases[i]);
    });
  const place = ({ result, index, count, of }: Differing): string =>
    `${result} at [${index.join(", ")}]${count > 1 ? ` (${count} of ${of} numbers)` : ""}`;
  if (asked("repeats")) {
    const again = await checking.attempt("repeats", () => inMemory(device, "zeros", () => checking.all()));
    if (again) {
      differ("repeats", again.result, (d) => `${place(d)} is ${d.values[0]}, and ${d.values[1]} the next time`);
    }
  }
  // What differs by itself says nothing of memory or rows.
  if (checking.faults.some(({ check }) => check === "repeats")) return;
  if (asked("poison") || asked("guards")) {
    await checkPoison(checking, differ, place);
  }
  if (asked("large sizes")) {
    const rows = await checking.attempt(
      "large sizes",
      () => folded(device, () => inMemory(device, "zeros", () => checking.all())),
    );
    if (rows) {
      differ(
        "large sizes",
        rows.result,
        (d) => `${place(d)} is ${d.values[1]} where workgroups are folded into rows, and ${d.values[0]} in one row`,
      );
    }
  }
}

type Results = readonly (readonly Result[])[];

/** Runs in memory that held NaN, and that held other numbers. */
async function checkPoison(
  checking: Checking,
  differ: (check: CheckName, results: Results, words: (d: Differing, i: number) => string) => void,
  place: (d: Differing) => string,
): Promise<void> {
  const { device } = checking;
  const poisoned: Results[] = [];
  for (const fill of ["nan", "number"] as const) {
    const run = await checking.attempt("poison", () => inMemory(device, fill, () => checking.all()));
    if (!run) return;
    poisoned.push(run.result);
    reportGuards(checking, run.guards);
  }
  const [nan, number] = poisoned;
  // NaN that was added to keeps its digits; other numbers do not.
  differ("poison", number, (d, i) => {
    if (bitsAt(number[i], d.result, d.at) === FILLS.number) return `${place(d)} is never written`;
    return `${place(d)} comes from memory never written: ${d.values[0]} where that held zeros, ${
      d.values[1]
    } where it did not`;
  });
  if (checking.faults.some(({ check }) => check === "poison")) return;
  differ("poison", nan, (d) => `${place(d)} comes from memory never written: ${d.values[1]} where that held NaN`);
}

function reportGuards(checking: Checking, guards: readonly { writer: string; words: number; beyond: number }[]): void {
  checking.ran.add("guards");
  for (const { writer, words, beyond } of guards) {
    const text = `${words} guard ${
      words === 1 ? "word" : "words"
    } behind ${writer} written over, ${beyond} bytes beyond its end`;
    if (!checking.faults.some((fault) => fault.check === "guards" && fault.text === text)) {
      checking.fault("guards", text);
    }
  }
}

async function checkNotes(checking: Checking): Promise<void> {
  const { device } = checking;
  for (const name of ["indices", "races"] as const) checking.ran.add(name);
  const unwatched = new Set<string>();
  const dispatches = await checking.attempt(
    "races",
    () => noted(device, () => inMemory(device, "zeros", () => checking.all()), ({ name }) => void unwatched.add(name)),
  );
  if (!dispatches) return;
  checking.kernelFaults(judge(dispatches));
  const cut = dispatches.filter((own) => mostEvents(own) > own.capacity).length;
  if (cut > 0) checking.remarks.push(`${cut} of ${dispatches.length} dispatches touch more memory than was noted`);
  for (const name of unwatched) checking.remarks.push(`indices and races of ${name}: the device binds too few buffers`);
  const loose = new Set(
    dispatches.flatMap(({ kernel, instrumented }) => instrumented.loose.map((text) => `${kernel.name}, ${text}`)),
  );
  for (const text of loose) checking.remarks.push(`not watched for races: ${text}`);
}
