/** All that `itera doctor --kernels` runs: samples of ops as they are, with other constants, and in every tiling there is. */
import type { Device } from "../../engine/device.ts";
import { allOps } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import { compare, compared, type Result, type Wanted } from "../../engine/testing/checks/compare.ts";
import { opSubject } from "../../engine/testing/checks/op_subject.ts";
import type { Case } from "../../engine/testing/checks/subject.ts";
import { withTiling } from "../../engine/testing/checks/tilings.ts";
import { caseName, problemOf, type TuneCase } from "../../engine/tuning/problem.ts";
import { WINOGRAD_FORMS } from "../../engine/tuning/table.ts";

/** One thing that is run and compared. */
export interface Probe {
  /** Op, inputs and attributes in words. */
  readonly title: string;
  /** Runs it: all is recorded when this returns, results follow. */
  run(device: Device): Promise<readonly Result[]>;
  /** Faults in words of the results that have one, by the names of these. */
  faults(results: readonly Result[]): ReadonlyMap<string, string>;
}

/** Probes that are run together. */
export interface Batch {
  /** Op, and the way in which its samples are run. */
  readonly title: string;
  readonly kind: "samples" | "training" | "specialisations" | "tilings";
  /** Made when its turn comes: specialisations are found by looking which kernels run. */
  readonly probes: (device: Device) => readonly Probe[];
  /** Runs what records and reads probes. */
  readonly around: <T>(device: Device, body: () => Promise<T>) => Promise<T>;
}

/** Nothing around a batch. */
export const plainly = <T>(_: Device, body: () => Promise<T>): Promise<T> => body();

/** Faults of results in words, by the names of these. */
export function faultsOf(results: readonly Result[], wanted: readonly Wanted[]): ReadonlyMap<string, string> {
  return new Map(wanted.flatMap((one): [string, string][] => {
    const found = compare(results, [one]);
    return found.off > 0 || found.differs !== null ? [[one.name, compared(found)]] : [];
  }));
}

function probeOf(one: Case, way = ""): Probe {
  return {
    title: `${one.title}${way}`,
    run: (device) => one.run(device),
    faults: (results) => faultsOf(results, one.wanted()),
  };
}

/** A convolution in some form of Winograd's, which samples are too small for; its operands are whole numbers. */
function winogradProbe(one: TuneCase, form: string): Probe {
  let isRight = (_: ArrayLike<number>, _nearly?: boolean): boolean => false;
  const read = (device: Device): Promise<ArrayLike<number>> => {
    using problem = problemOf(device, one), _scope = device.scope();
    ({ isRight } = problem);
    return problem.run().data();
  };
  return {
    title: `${one.op} ${caseName(one)} by ${form}`,
    run: async (device) => [{ name: "result", shape: [], values: await read(device) }],
    faults: ([{ name, values }]) =>
      new Map(isRight(values, true) ? [] : [[name, "whole numbers times whole numbers give others than they must"]]),
  };
}

const CONV = { images: 2, height: 9, width: 7, inputs: 8, outputs: 12, kernel: 3, stride: 1, padding: 1 };

/** Tiles of the product between Winograd's transforms. */
const TILES = { gpu: { rows: 64, columns: 64 }, cpu: { rows: 16, columns: 8 } } as const;

function winograd(): Batch[] {
  return WINOGRAD_FORMS.map((form): Batch => ({
    title: `convolutions by F${form}`,
    kind: "tilings",
    probes: () =>
      (["conv2d forward", "conv2d data gradient", "conv2d weight gradient"] as const).map((op) =>
        winogradProbe({ op, conv: CONV }, `F${form}`)
      ),
    around: (device, body) => withTiling(device, { ...TILES[device.kernels], splitK: 1, winograd: form }, body),
  }));
}

/** All batches of a device, or those of some ops; samples come first. */
export function batchesFor(device: Device, seed: number, ops?: readonly string[]): Batch[] {
  const chosen = [...allOps().values()].filter((op) => op.family !== "own" && (ops?.includes(op.name) ?? true));
  const subjects = chosen.map((op) => opSubject(op, { seed }));
  const samples = subjects.map(({ name, cases }): Batch => ({
    title: name,
    kind: "samples",
    probes: () => cases.map((one) => probeOf(one)),
    around: plainly,
  }));
  const specialised = subjects.map(({ name, specialised }): Batch => ({
    title: `${name} with other constants`,
    kind: "specialisations",
    probes: (device) => specialised?.(device, false).map((one) => probeOf(one)) ?? [],
    around: plainly,
  }));
  const tiled = subjects.flatMap(({ name, tiled }) => {
    const { tilings, cases } = tiled?.(device) ?? { tilings: [], cases: [] };
    return tilings.map(({ title, run }): Batch => ({
      title: `${name} in ${title}`,
      kind: "tilings",
      probes: () => cases.map((one) => probeOf(one, ` in ${title}`)),
      around: (device, body) => run(body, device),
    }));
  });
  return [...samples, ...specialised, ...tiled, ...ops && !ops.includes("conv2d") ? [] : winograd()];
}
