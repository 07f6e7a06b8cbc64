/** Runs the checks of a selection in one kernel set. */
import { Device } from "../../engine/device.ts";
import { allOps, type AnyOp } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import { CHECK_NAMES, type CheckName } from "../../engine/testing/checks/names.ts";
import { opSubject } from "../../engine/testing/checks/op_subject.ts";
import type { CheckReport } from "../../engine/testing/checks/report.ts";
import { checkSubject, kernelsOf } from "../../engine/testing/checks/run.ts";
import type { Case, Subject } from "../../engine/testing/checks/subject.ts";
import type { Selection } from "./select.ts";

/** Settings of a run of checks. */
export interface CheckRun extends Selection {
  readonly kernelSet: "cpu" | "gpu";
  readonly seed: number;
  readonly tilings: boolean;
  /** True for checks of the kernels as they are, on the samples alone. */
  readonly brief?: boolean;
  /** True to mark what samples reach in place of checking them. */
  readonly coverage?: boolean;
  /** True to mark what work beyond the samples reaches too. */
  readonly beyond?: boolean;
}

/** Something that will be checked: an op, or those of its samples that run some kernels. */
export interface Planned {
  readonly subject: Subject;
  /** Kernels that its samples run, as they are named. */
  readonly kernels: readonly string[];
}

/** Names of the kernels that a case runs. */
function namesOf(device: Device, one: Case): string[] {
  return [...new Set([...kernelsOf(device, () => one.record(device)).values()].map(({ name }) => name))];
}

/** All that a selection has checked on a device. */
export function plan(device: Device, { ops, kernels, seed }: CheckRun): Planned[] {
  const planned: Planned[] = [];
  for (const op of allOps().values()) {
    const whole = ops.includes(op.name);
    if (!whole && (kernels.length === 0 || op.samples(() => 0.5).length === 0)) continue;
    const own = planOp(device, op, seed, whole ? null : kernels);
    if (own) planned.push(own);
  }
  return planned;
}

function planOp(device: Device, op: AnyOp, seed: number, wanted: readonly string[] | null): Planned | null {
  const reached = new Set<string>();
  const choose = (one: Case): boolean => {
    const names = namesOf(device, one);
    if (wanted && !names.some((name) => wanted.includes(name))) return false;
    for (const name of names) reached.add(name);
    return true;
  };
  const subject = opSubject(op, { seed, choose });
  if (subject.cases.length === 0) return null;
  // Differences are about an op as a whole, as samples that run a kernel are not.
  const { differences: _, ...part } = subject;
  return { subject: wanted ? part : subject, kernels: [...reached].sort() };
}

/** A report with the kernels that the samples run. */
export interface Checked extends CheckReport {
  /** Their names. */
  readonly ran: readonly string[];
  /** Adapter and kernel set in words. */
  readonly device: string;
}

/** Checks that compile kernels anew or run ops many times: copies that take notes, other constants, differences. */
const LENGTHY: readonly CheckName[] = ["gradients", "indices", "barriers", "races", "specialisations"];

/** Checks all that is planned, one after another; `planned` gets their number first, `report` each as it is done. */
export async function checkAll(
  run: CheckRun,
  report: (report: Checked) => void,
  planned: (count: number) => void = () => {},
): Promise<void> {
  await using device = await Device.open({ kernels: run.kernelSet });
  const checks = CHECK_NAMES.filter((name) =>
    (run.tilings || name !== "tilings") && !(run.brief && LENGTHY.includes(name))
  );
  const all = plan(device, run);
  planned(all.length);
  for (const { subject, kernels } of all) {
    report({ ...await checkSubject(device, subject, { checks }), ran: kernels, device: device.title });
  }
}
