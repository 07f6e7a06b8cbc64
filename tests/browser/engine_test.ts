/** The engine in a browser, bundled, in headless Chromium; all of this folder is run by `deno task test:browser`. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { encodeSafetensors } from "../../engine/safetensors.ts";
import "../../engine/ops/mod.ts";
import "../../engine/mod.ts";
import { bundle } from "../../cli/test/chromium/bundle.ts";
import { chromiumPath, withPage } from "../../cli/test/chromium/browser.ts";
import type { Page } from "./page.ts";
import { say } from "./samples.ts";

const path = chromiumPath();

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
    await call("open", "gpu");
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
