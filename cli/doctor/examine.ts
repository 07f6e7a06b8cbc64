/** Runs probes twice and says of each result whether it is right, and which kernels had a part in it. */
import { Device, type DeviceOptions } from "../../engine/device.ts";
import { contextOf, refuse } from "../../engine/friends.ts";
import { RefusedKernelError } from "../../engine/base/errors.ts";
import { differing, type Result } from "../../engine/testing/checks/compare.ts";
import type { Batch, Probe } from "./probes.ts";
import { type Forms, trace } from "./trace.ts";

/** A result of a probe. */
export interface Outcome {
  readonly result: string;
  /** The fault in words; null where it is right. */
  readonly fault: string | null;
  /** True where it is right or wrong by chance. */
  readonly unsteady: boolean;
  /** Kernels that it comes from. */
  readonly forms: Forms;
}

/** All that came of a probe. */
export interface Examined {
  readonly probe: Probe;
  readonly batch: Batch;
  readonly outcomes: readonly Outcome[];
  /** Every kernel that it ran. */
  readonly forms: Forms;
  /** True where a kernel that is left out has no substitute in it. */
  readonly stopped: boolean;
}

/** True where something of it is wrong. */
export function isWrong({ outcomes }: Examined): boolean {
  return outcomes.some(({ fault }) => fault !== null);
}

interface Once {
  readonly results: readonly Result[];
  readonly reads: readonly Forms[];
  readonly all: Forms;
  readonly error: Error | null;
}

/** A device that is opened anew when something has broken it; it leaves out what it is asked to, and nothing else. */
export class Ground implements AsyncDisposable {
  readonly #options: DeviceOptions;
  #device: Device | undefined;

  /** Opens nothing yet. */
  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  /** The device, with kernels of the forms `refused` left out. */
  async with(refused: Forms): Promise<Device> {
    if (this.#device && isBroken(this.#device)) await this[Symbol.asyncDispose]();
    const device = this.#device ??= await Device.open(this.#options);
    if (contextOf(device).refused !== refused) refuse(device, refused);
    return device;
  }

  /** Closes the device. */
  async [Symbol.asyncDispose](): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    await device?.close().catch(() => {});
  }
}

function isBroken(device: Device): boolean {
  try {
    contextOf(device).check();
    return false;
  } catch {
    return true;
  }
}

/** Runs probes of a batch once, all at once; one by one where any of them cannot be run, so that it takes no others with it. */
async function runOnce(ground: Ground, batch: Batch, probes: readonly Probe[], refused: Forms): Promise<Once[]> {
  const device = await ground.with(refused);
  const together = await batch.around(device, () => Promise.all(probes.map((probe) => once(device, probe))));
  if (probes.length === 1 || together.every(({ error }) => error === null)) return together;
  const alone: Once[] = [];
  for (const probe of probes) alone.push(...await runOnce(ground, batch, [probe], refused));
  return alone;
}

async function once(device: Device, probe: Probe): Promise<Once> {
  let reads: readonly Forms[] = [], all: Forms = new Set();
  try {
    const traced = trace(device, () => probe.run(device));
    ({ reads, all } = traced);
    return { results: await traced.value, reads, all, error: null };
  } catch (error) {
    return { results: [], reads, all, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Runs of a batch, with the time that each took. */
export interface Runs {
  readonly examined: readonly Examined[];
  /** Milliseconds of the first run, in which kernels are compiled, and of one more. */
  readonly first: number;
  readonly again: number;
}

/** Runs probes of a batch `times` times, twice at least, without kernels of the forms `refused`. */
export async function examine(
  ground: Ground,
  batch: Batch,
  probes: readonly Probe[],
  refused: Forms,
  times = 2,
): Promise<Runs> {
  const runs: Once[][] = [], took: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    runs.push(await runOnce(ground, batch, probes, refused));
    took.push(performance.now() - start);
  }
  const examined = probes.map((probe, i) => judged(probe, batch, runs.map((run) => run[i])));
  return { examined, first: took[0], again: took.slice(1).reduce((sum, ms) => sum + ms, 0) / (times - 1) };
}

function judged(probe: Probe, batch: Batch, runs: readonly Once[]): Examined {
  const failed = runs.find(({ error }) => error !== null), [{ results, reads, all }] = runs;
  if (failed) {
    const stopped = failed.error instanceof RefusedKernelError;
    const fault = stopped ? null : `cannot be run: ${failed.error!.message.replace(/\s*\n\s*/g, " ")}`;
    return {
      probe,
      batch,
      outcomes: [{ result: "", fault, unsteady: false, forms: failed.all }],
      forms: failed.all,
      stopped,
    };
  }
  const faults = runs.map(({ results }) => probe.faults(results));
  // What is empty is not read.
  const read = reads.values();
  const outcomes = results.map(({ name, values }): Outcome => {
    const forms = values.length > 0 ? read.next().value ?? all : new Set<string>();
    const wrong = faults.map((found) => found.get(name)).find((fault) => fault !== undefined),
      unsteady = unlike(name, runs);
    return { result: name, fault: wrong ?? unsteady, unsteady: unsteady !== null, forms };
  });
  return { probe, batch, outcomes, forms: all, stopped: false };
}

/** The first number of a result whose bits are not those of the first run, in words; null where all are. */
function unlike(name: string, [first, ...others]: readonly Once[]): string | null {
  const own = ({ results }: Once): Result[] => results.filter((result) => result.name === name);
  for (const other of others) {
    const found = differing(own(first), own(other));
    if (!found) continue;
    const { index, values: [a, b], count, of } = found;
    return `${count} of ${of} numbers are not the same twice: ${name} at [${
      index.join(", ")
    }] is ${a}, and ${b} the next time`;
  }
  return null;
}
