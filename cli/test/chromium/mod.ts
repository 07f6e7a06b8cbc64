/** Checks in headless Chromium, whose compiler of WGSL is Tint. */
import type { KernelSet } from "../../../engine/gpu/adapter.ts";
import type { Checked, CheckRun } from "../check.ts";
import type { Selection } from "../select.ts";
import { chromiumPath, withPage } from "./browser.ts";
import { bundle } from "./bundle.ts";
import type { CheckPage } from "./page.ts";

/** Reports of a selection's checks in some kernel sets; null where there is no Chromium. */
export async function checkInChromium(
  selection: Selection,
  sets: readonly KernelSet[],
  options: Pick<CheckRun, "seed" | "brief">,
): Promise<Checked[] | null> {
  const path = chromiumPath(), reports: Checked[] = [];
  if (path === null) return null;
  await withPage<CheckPage>(path, { script: await bundle("cli/test/chromium/page.ts") }, async (call) => {
    for (const kernelSet of sets) {
      reports.push(...JSON.parse(await call("check", { ...selection, ...options, kernelSet, tilings: false })));
    }
  });
  return reports;
}
