/** Every op's samples in headless Chromium, where the engine's bundle runs, against the float64 references. */
import { strictEqual } from "node:assert/strict";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import { allOps, type AnyOp } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import "../../engine/mod.ts";
import { compareRuns } from "../../engine/testing/samples/check_sample.ts";
import { type Prepared } from "../../engine/testing/samples/prepare.ts";
import type { Ran } from "../../engine/testing/samples/run_sample.ts";
import { fromWire, toWire } from "../../engine/testing/samples/wire.ts";
import { bundle } from "../../cli/test/chromium/bundle.ts";
import { type Call, chromiumPath, withPage } from "../../cli/test/chromium/browser.ts";
import { ownSamples } from "../support/own_samples.ts";
import { withRandom } from "../support/random.ts";
import type { Page } from "./page.ts";

/** Says a line beside the tests' own. */
export const say = (text: string): void => void Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));

/** True where a sample computes in 16 bits, which not every adapter has. */
function inHalf({ sample }: Prepared): boolean {
  return sample.inputs.some((x) => x?.data instanceof Float16Array) ||
    (sample.attrs as { dtype?: string }).dtype === "f16";
}

async function checkOp(call: Call<Page>, kernels: string, op: AnyOp, features: readonly string[]): Promise<string[]> {
  const all = ownSamples(op), left = features.includes("shader-f16") ? [] : all.filter(inHalf);
  const samples = all.filter((one) => !left.includes(one));
  const answer = await call(
    "run",
    kernels,
    op.name,
    toWire(samples.map(({ sample, options }) => ({ sample, options }))),
  );
  const { runs, alive } = fromWire(answer) as { readonly runs: Ran[]; readonly alive: number };
  compareRuns(op, samples, runs);
  strictEqual(alive, 0, `${op.name}: tensors are alive after the samples`);
  return left.map(({ title }) => title);
}

/** Adds the test of a kernel set. Each has a file, so that they run beside each other. */
export function testKernels(kernels: KernelSet): void {
  const path = chromiumPath();
  Deno.test({ name: `${kernels} kernels in a browser`, ignore: path === null }, async (t) => {
    await withPage<Page>(path!, { script: await bundle("tests/browser/page.ts") }, async (call) => {
      const { title, features } = JSON.parse(await call("open", kernels)) as { title: string; features: string[] };
      const left: string[] = [];
      for (const op of allOps().values()) {
        await t.step(
          `${op.name} (${kernels} kernels) agrees with its float64 reference, gradients included`,
          () => withRandom(op.name, async () => void left.push(...await checkOp(call, kernels, op, features))),
        );
      }
      say(
        `${title}: ${left.length} samples left out for want of shader-f16${left.length ? `: ${left.join("; ")}` : ""}`,
      );
    });
  });
}
