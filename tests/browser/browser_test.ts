/**
 * The engine in a browser: bundled, in headless Chromium, every op's samples against the float64 references in both kernel
 * sets. Run by `deno task test:browser`.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { allOps, type AnyOp } from "../../engine/op.ts";
import { encodeSafetensors } from "../../engine/safetensors.ts";
import "../../engine/ops/mod.ts";
import "../../engine/mod.ts";
import { compareRuns } from "../../engine/testing/samples/check_sample.ts";
import { type Prepared } from "../../engine/testing/samples/prepare.ts";
import { ownSamples } from "../support/own_samples.ts";
import type { Ran } from "../../engine/testing/samples/run_sample.ts";
import { KERNEL_SETS } from "../support/devices.ts";
import { withRandom } from "../support/random.ts";
import { bundle } from "../../cli/test/chromium/bundle.ts";
import { type Call, chromiumPath, withPage } from "../../cli/test/chromium/browser.ts";
import type { Page } from "./page.ts";
import { fromWire, toWire } from "../../engine/testing/samples/wire.ts";

const path = chromiumPath();

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

const say = (text: string): void => void Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));

if (path === null) {
  say("no Chromium was found: the browser's tests do not run (apt-get install chromium, or set CHROMIUM)");
}

Deno.test({ name: "the engine in a browser", ignore: path === null }, async (t) => {
  const weights = encodeSafetensors([
    ["weight", { dtype: "F32", shape: [2, 1], data: Float32Array.of(10, 100) }],
    ["bias", { dtype: "F32", shape: [1], data: Float32Array.of(1) }],
  ], {});
  const files = { "weights.safetensors": weights, "cut.safetensors": weights.slice(0, -3) };
  await withPage<Page>(path!, { script: await bundle("tests/browser/page.ts"), files }, async (call) => {
    for (const kernels of KERNEL_SETS) {
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
    }
    await t.step("the browser's compiler takes every kernel", async () => {
      const { kernels, found, left } = JSON.parse(await call("compile", "gpu"));
      deepStrictEqual(found, []);
      strictEqual(kernels, allKernels().length);
      ok(left.length < 5, `${left.length} kernels were left out: ${left}`);
    });
    await t.step("fifty flows with scopes of their own keep apart; scopes held over awaits are refused", async () => {
      const { sums, refused, alive } = JSON.parse(await call("flows", 50));
      deepStrictEqual(sums, Array.from({ length: 50 }, (_, i) => 3 * (i + 1)));
      for (const text of refused) match(text, /two scopes of this device are open over an await/);
      strictEqual(alive, 0);
    });
    await t.step("safetensors load from an address; one that is cut or missing is refused in a line", async () => {
      const said = JSON.parse(await call("load", "weights.safetensors", "cut.safetensors", "none.safetensors"));
      strictEqual(said[0], "211");
      match(said[1], /^SafetensorsError: .*cut\.safetensors.*[^\n]$/);
      match(said[2], /none\.safetensors.*404/);
    });
    await t.step("a page without WebGPU, or without an adapter, says so in a sentence", async () => {
      const [none, adapter] = JSON.parse(await call("missing")) as string[];
      match(none, /^NoAdapterError: this browser has no WebGPU.*https or localhost/);
      match(adapter, /^NoAdapterError: no WebGPU adapter was found; .*graphics driver/);
    });
  });
});
