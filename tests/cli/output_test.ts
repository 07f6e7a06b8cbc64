import { strictEqual } from "node:assert/strict";
import { bytes, duration } from "../../cli/terminal/output.ts";

Deno.test("durations and sizes are said in words", () => {
  strictEqual(duration(0.4), "0 s");
  strictEqual(duration(59.4), "59 s");
  strictEqual(duration(59.6), "1 min 00 s");
  strictEqual(duration(3599.6), "1 h 00 min");
  strictEqual(duration(7 * 3600 + 605), "7 h 10 min");
  strictEqual(duration(Infinity), "–");
  strictEqual(bytes(0), "0 B");
  strictEqual(bytes(1023), "1023 B");
  strictEqual(bytes(1536), "1.5 KiB");
  strictEqual(bytes(128 << 20), "128 MiB");
  strictEqual(bytes(3 * 2 ** 40), "3072 GiB");
});
