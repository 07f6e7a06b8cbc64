import { deepStrictEqual } from "node:assert/strict";
import { renamed } from "../../../model/run/renamed.ts";

const RENAMES = [
  { old: "room", now: "bucket" },
  { old: "bucket.most", now: "bucket.limit" },
  { old: "passes", now: "model.message", values: { maps: "features", true: "attention" } },
];

Deno.test("settings of before are read by their old names and values, those of today as they are", () => {
  deepStrictEqual(renamed({ room: { most: 3, size: null }, passes: "maps", seed: 1 }, RENAMES), {
    bucket: { limit: 3, size: null },
    model: { message: "features" },
    seed: 1,
  });
  const today = { bucket: { limit: 3 }, model: { message: "attention", dim: 4 } };
  deepStrictEqual(renamed(today, RENAMES), today);
  deepStrictEqual(renamed({}, RENAMES), {});
});

Deno.test("old values are read under the new name too, whether they are texts or not; a new name wins over an old one", () => {
  deepStrictEqual(renamed({ model: { message: true } }, RENAMES), { model: { message: "attention" } });
  deepStrictEqual(renamed({ room: { most: 3, size: 1 }, bucket: { limit: 5 } }, RENAMES), {
    bucket: { limit: 5, size: 1 },
  });
});
