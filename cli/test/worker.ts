/** A thread that runs checks in one kernel set, so that both sets are checked at once. */
import type { Coverage } from "../../engine/testing/wgsl/coverage.ts";
import { checkAll, type Checked, type CheckRun } from "./check.ts";
import { coverageOf } from "./coverage.ts";

/** Messages to the thread that asked: the number of reports to come, a report, the end, or the error that ended it. */
export type CheckMessage =
  | { readonly kind: "planned"; readonly count: number }
  | { readonly kind: "report"; readonly report: Checked }
  | { readonly kind: "coverage"; readonly coverage: Coverage }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

const thread = self as unknown as {
  onmessage: (event: MessageEvent<CheckRun>) => void;
  postMessage(message: CheckMessage): void;
};

thread.onmessage = async ({ data }) => {
  try {
    if (data.coverage) thread.postMessage({ kind: "coverage", coverage: await coverageOf(data) });
    else {
      await checkAll(
        data,
        (report) => thread.postMessage({ kind: "report", report }),
        (count) => thread.postMessage({ kind: "planned", count }),
      );
    }
    thread.postMessage({ kind: "done" });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    thread.postMessage({ kind: "failed", name, message });
  }
};
