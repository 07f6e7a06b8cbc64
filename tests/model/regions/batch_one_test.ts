/** Steps on one image have the bits that they had before there were batches, where adapter and driver are those of then. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { trainAll } from "../../fixtures/batch_one.ts";
import { ROOT } from "../../support/command.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

Deno.test("a batch of one image has the bits of a step before there were batches", async () => {
  const before: Awaited<ReturnType<typeof trainAll>> = JSON.parse(
    await Deno.readTextFile(join(ROOT, "tests/fixtures/batch_one.json")),
  );
  const now = await trainAll();
  deepStrictEqual(Object.keys(now.ends), ["adam", "sgd"]);
  for (const [name, ends] of Object.entries(now.ends)) {
    strictEqual(Object.keys(ends).length, Object.keys(before.ends[name]).length, name);
    if (now.adapter === before.adapter && now.rounding === before.rounding) {
      deepStrictEqual(ends, before.ends[name], name);
    }
  }
});
