import { strictEqual } from "node:assert/strict";
import { printable, printableLine, shortened } from "../../../engine/base/printable.ts";

Deno.test("control characters are shown as their codes, letters of all scripts as they are", () => {
  strictEqual(printable("\x1b[2J\x07a\rb\x9bc\u202ed\u061c"), "\\x1b[2J\\x07a\\x0db\\x9bc\\u202ed\\u061c");
  strictEqual(printable("é 猫 ×\n\tשלום"), "é 猫 ×\n\tשלום");
  strictEqual(printableLine("a\n\tb\u2028c"), "a\\x0a\\x09b\\u2028c");
});

Deno.test("a message is as long as a person reads, with its beginning and its end", () => {
  strictEqual(shortened("a".repeat(1500)), "a".repeat(1500));
  strictEqual(shortened(`a${"b".repeat(5000)}c`), `a${"b".repeat(1196)} … ${"b".repeat(299)}c`);
});
