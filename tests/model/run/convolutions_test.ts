/** Every kind of run names the way of its convolutions, keeps it, and goes on directly where it did not name one. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { UserError } from "../../../engine/base/user_error.ts";
import { CELL_RUNS } from "../../../model/refplus/extractor/cell_config.ts";
import { REFPLUS_RUNS } from "../../../model/refplus/training/config.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { openDevice } from "../../../model/run/run_config.ts";
import type { RunKind } from "../../../model/run/kind.ts";
import type { Json } from "../../../model/run/layers.ts";
import type { RunConfig } from "../../../model/run/run_config.ts";
import { sayArithmetic } from "../../../model/run/version.ts";

const layer = (value: Json) => ({ source: "mine.json", value });

/** Kinds with the least settings that begin a run. */
const KINDS: readonly (readonly [RunKind<RunConfig>, Json])[] = [
  [REGION_RUNS as unknown as RunKind<RunConfig>, {}],
  [REFPLUS_RUNS as unknown as RunKind<RunConfig>, { stage: "pg", data: { trainRefexps: "a", vocabulary: "b" } }],
  [CELL_RUNS as unknown as RunKind<RunConfig>, { data: { pictures: "a", scenes: "b" } }],
];

function withVariable<T>(value: string | undefined, body: () => T): T {
  const before = Deno.env.get("ITERA_WINOGRAD");
  const set = (value: string | undefined): void =>
    value === undefined ? Deno.env.delete("ITERA_WINOGRAD") : Deno.env.set("ITERA_WINOGRAD", value);
  set(value);
  try {
    return body();
  } finally {
    set(before);
  }
}

for (const [kind, least] of KINDS) {
  Deno.test(`a run of ${kind.kind} keeps the convolutions it began with, and one that names none has direct ones`, () => {
    const own = withVariable(undefined, () => kind.begin([layer(least)]));
    strictEqual(own.convolutions, "winograd");
    strictEqual(withVariable("none", () => kind.begin([layer(least)])).convolutions, "direct");
    strictEqual(kind.begin([layer(least), layer({ convolutions: "direct" })]).convolutions, "direct");
    throws(() => kind.begin([layer(least), layer({ convolutions: "fast" })]), UserError);
    const saved: Record<string, Json> = JSON.parse(JSON.stringify(own)), { convolutions: _, ...old } = saved;
    // What is set in the environment begins runs, and changes none.
    strictEqual(withVariable("none", () => kind.resume(layer(saved), [])).convolutions, "winograd");
    strictEqual(withVariable(undefined, () => kind.resume(layer(old), [])).convolutions, "direct");
    throws(() => kind.resume(layer(old), [layer({ convolutions: "winograd" })]), /keeps its settings, "convolutions"/);
  });
}

Deno.test("a run's device computes by its way, and a run that goes on without Winograd's says so in a line", async () => {
  await using winograd = await openDevice({ adapter: "auto", convolutions: "winograd" });
  await using direct = await openDevice({ adapter: "auto", convolutions: "direct" });
  deepStrictEqual([winograd, direct].map(({ title }) => title.includes("Winograd")), [true, false]);
  const said: string[] = [];
  sayArithmetic((text) => said.push(text), "run", { convolutions: "winograd" });
  sayArithmetic((text) => said.push(text), "run", { convolutions: "direct" });
  strictEqual(said.length, 1);
  ok(/^run: goes on with direct convolutions, as it began; its last bits [^\n]*$/.test(said[0]), said[0]);
});
