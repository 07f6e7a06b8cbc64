/** `itera doctor --kernels`: runs all samples on this device and leaves out the kernels that compute wrong numbers from then on. */
import { writeFileAtomic } from "../../engine/base/atomic.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import type { Device, DeviceOptions } from "../../engine/device.ts";
import { formatTuning, type TuningFile } from "../../engine/tuning/file.ts";
import { readTuning, tuningPath } from "../../engine/tuning/known.ts";
import { driverOf } from "../../engine/tuning/refused.ts";
import { adapterKey } from "../../engine/tuning/table.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { testOf } from "../test/elsewhere.ts";
import { fact, line, member, notice, Progress } from "../terminal/output.ts";
import { type Blamed, Search } from "./blame.ts";
import { examine, type Examined, Ground, isWrong } from "./examine.ts";
import { type Batch, batchesFor } from "./probes.ts";
import { trainingBatch } from "./training.ts";

/** Seconds of running, compiling not counted, after which only samples are left to run. */
const LIMIT = 120;

/** Seed of the samples' numbers: what is found once is found again. */
const SEED = 1;

/** Most wrong samples that are named as they come: a helper of all ops makes hundreds. */
const NAMED = 10;

/** Everything that was run, and how long it took. */
interface Examination {
  readonly examined: readonly Examined[];
  /** Seconds. */
  readonly compiling: number;
  readonly running: number;
  /** Batches that there was no time for. */
  readonly left: readonly Batch[];
}

/** Options of {@link doctorKernels}. */
export interface KernelsOptions {
  /** Ops whose samples run; default all, and what trainings run beside them. */
  readonly ops?: readonly string[];
  /** Seconds of running after which only samples are left to run. */
  readonly limit?: number;
}

/** Checks the kernels of an adapter, prints what is wrong and keeps it. */
export async function doctorKernels(device: DeviceOptions, options: KernelsOptions = {}): Promise<void> {
  const { ops, limit = LIMIT } = options;
  await using ground = new Ground(device);
  const opened = await ground.with(new Set()), { info, kernels } = opened;
  fact("adapter", info.description || info.vendor);
  fact("driver", driverOf(info) || "(unknown)");
  fact("kernels", `${kernels} set`);
  const before = knownBefore(tuningPath()).refused.filter((entry) => entry.adapter === adapterKey(info, kernels));
  if (before.length > 0) fact("left out so far, and run again", before.map(({ kernel }) => kernel).join(", "));
  const examination = await examineAll(ground, [
    ...batchesFor(opened, SEED, ops),
    ...ops ? [] : [trainingBatch(SEED)],
  ], limit);
  report(examination, kernels);
  const start = performance.now(), blamed = await new Search(ground, examination.examined).run();
  await keep(opened, blamed);
  show(blamed, (performance.now() - start) / 1000);
  if (blamed.faults.length > 0 || blamed.unexplained.length > 0) throw new ProgramFailed(1);
}

async function examineAll(ground: Ground, batches: readonly Batch[], limit: number): Promise<Examination> {
  const begin = performance.now(), examined: Examined[] = [], left: Batch[] = [];
  const none = new Set<string>();
  let compiling = 0, wrong = 0;
  const running = (): number => (performance.now() - begin) / 1000 - compiling;
  using progress = new Progress("doctor", "parts");
  for (const [i, batch] of batches.entries()) {
    progress.update(i, batches.length, batch.title);
    if ((batch.kind === "specialisations" || batch.kind === "tilings") && running() > limit) {
      left.push(batch);
      continue;
    }
    const probes = batch.probes(await ground.with(none));
    const runs = await examine(ground, batch, probes, none);
    // What the first run takes longer than another.
    compiling += Math.max(0, runs.first - runs.again) / 1000;
    examined.push(...runs.examined);
    for (const one of runs.examined.filter(isWrong)) if (wrong++ < NAMED) progress.notice(`wrong: ${one.probe.title}`);
  }
  progress.update(batches.length, batches.length);
  if (wrong > NAMED) notice(`${wrong - NAMED} more samples are wrong`);
  return { examined, compiling, running: running(), left };
}

/** Prints what ran, and what did not. */
function report({ examined, compiling, running, left }: Examination, kernelSet: string): void {
  const of = (kind: Batch["kind"]): number => examined.filter(({ batch }) => batch.kind === kind).length;
  const ops = new Set(examined.filter(({ batch }) => batch.kind === "samples").map(({ batch }) => batch.title)).size;
  fact(
    "run",
    `${of("samples")} samples of ${ops} ops, ${of("training")} of optimisers and the like, ${
      of("specialisations")
    } with other constants, ${of("tilings")} in other tilings; each twice`,
  );
  if (left.length > 0) fact("left out for time", left.map(({ title }) => title).join(", "));
  fact("compiling", `${compiling.toFixed(1)} s`);
  fact("running", `${running.toFixed(1)} s`);
  const ran = new Set(examined.flatMap(({ forms }) => [...forms].map((form) => form.split(" ")[0])));
  const others = allKernels().filter(({ name, traits }) =>
    !traits.users && (traits.kernelSet ?? kernelSet) === kernelSet && !ran.has(name)
  );
  // Those that an op has are there for others of this set.
  const idle = [...new Set(others.filter(({ name }) => testOf(name) !== undefined).map(({ name }) => name))];
  if (idle.length > 0) fact("not run", idle.join(", "));
  member("seconds", { compiling, running });
}

/** Keeps what was found in the place of all that was known of this adapter. */
async function keep(device: Device, { faults }: Blamed): Promise<void> {
  const path = tuningPath(), adapter = adapterKey(device.info, device.kernels), driver = driverOf(device.info);
  if (path === null) {
    if (faults.length > 0) notice("nothing is kept: ITERA_TUNING is none, or there is no folder for a user's files");
    return;
  }
  const { winners, refused: known } = knownBefore(path);
  const own = known.filter((entry) => entry.adapter === adapter);
  if (faults.length === 0 && own.length === 0) return;
  const found = faults.map(({ kernel, sample, fault }) => ({ adapter, driver, kernel, sample, fault }));
  const refused = [...known.filter((entry) => entry.adapter !== adapter), ...found];
  await writeFileAtomic(path, formatTuning({ winners, refused }));
  const lifted = own.filter(({ kernel }) => !faults.some((fault) => fault.kernel === kernel));
  if (lifted.length > 0) fact("right again", lifted.map(({ kernel }) => kernel).join(", "));
  fact("kept", path);
}

/** All that a file already holds; a broken one is written anew. */
function knownBefore(path: string | null): TuningFile {
  try {
    return path === null ? { winners: [], refused: [] } : readTuning(path);
  } catch (error) {
    notice(`${(error as Error).message}; it is written anew`);
    return { winners: [], refused: [] };
  }
}

/** Prints what is at fault. */
function show({ faults, unexplained, stopped }: Blamed, seconds: number): void {
  member("refused", faults);
  member("unexplained", unexplained.map(({ probe, outcomes }) => ({ sample: probe.title, faults: outcomes })));
  if (faults.length === 0 && unexplained.length === 0) {
    return line("all that ran is right, and the same bits twice");
  }
  for (const { kernel, sample, fault, instead } of faults) {
    line(`wrong: ${kernel}: ${fault} (${sample})`);
    line(`  in its place: ${instead.length > 0 ? instead.join(", ") : "nothing; a run that needs it stops"}`);
  }
  for (const { probe, outcomes } of unexplained) {
    line(`wrong: ${probe.title}: ${outcomes.find(({ fault }) => fault)!.fault}; no kernel was found that is at fault`);
  }
  const ops = [...new Set(stopped.map(({ batch }) => batch.title))];
  if (ops.length > 0) line(`cannot be computed here in full: ${ops.join(", ")}`);
  fact("searched", `${seconds.toFixed(1)} s`);
  line(
    `${faults.length} ${
      faults.length === 1 ? "kernel is" : "kernels are"
    } left out on this adapter from now on, as long ` +
      "as its driver stays the same: after an update run `itera doctor --kernels` again",
  );
}
