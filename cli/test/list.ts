/** `itera test --list`: what would be checked, and what each check covers. */
import { Device } from "../../engine/device.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import { line } from "../terminal/output.ts";
import { plan } from "./check.ts";
import { testOf } from "./elsewhere.ts";
import { allNames, select } from "./select.ts";
import { showChecks } from "./show.ts";

/** Prints the checks and, for names, each op with its samples and the kernels that they run; without names all there is. */
export async function list(words: readonly string[], sets: readonly KernelSet[], seed: number): Promise<void> {
  showChecks();
  line();
  if (words.length === 0) {
    const { ops, kernels, files } = allNames();
    line(`ops      ${ops.join(" ")}`);
    line(`kernels  ${[...kernels.keys()].filter((name) => name.includes(":") && !name.includes("+")).join(" ")}`);
    line(`shaders  ${[...files.keys()].filter((name) => !name.startsWith("shaders/")).join(" ")}`);
    return;
  }
  const selection = select(words);
  for (const kernelSet of sets) {
    await using device = await Device.open({ kernels: kernelSet });
    for (const { subject, kernels } of plan(device, { ...selection, kernelSet, seed, tilings: false })) {
      const more = subject.specialised?.(device, false).length ?? 0,
        { length: tilings } = subject.tiled?.(device).tilings ?? [];
      const extra = [
        more > 0 ? `${more} for other constants` : [],
        tilings > 0 ? `${tilings} tilings with --tilings` : [],
      ]
        .flat();
      const { length } = subject.cases;
      line(`${subject.name}, ${kernelSet} kernels: ${[`${length} samples`, ...extra].join(", ")}`);
      for (const { check, title } of subject.cases) line(`  ${check}: ${title}`);
      line(`  kernels: ${kernels.join(" ")}`);
    }
  }
  for (const test of new Set(selection.kernels.flatMap((kernel) => testOf(kernel) ?? []))) line(`deno test ${test}`);
}
