/** The part of `itera test --drivers` that runs in a page: the engine and its checks, bundled. */
import { checkAll, type Checked, type CheckRun } from "../check.ts";

const page = {
  /** Checks a selection in one kernel set; returns the reports as JSON, numbers that it lacks in words. */
  async check(run: CheckRun): Promise<string> {
    const reports: Checked[] = [];
    await checkAll(run, (report) => void reports.push(report));
    return JSON.stringify(reports, (_, own) => typeof own === "number" && !Number.isFinite(own) ? String(own) : own);
  },
};

/** The page's functions. */
export type CheckPage = typeof page;

Object.assign(globalThis, { itera: page });
