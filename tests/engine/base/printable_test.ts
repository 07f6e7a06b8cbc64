import { strictEqual } from "node:assert/strict";
import { printable, printableLine } from "../../../engine/base/printable.ts";

Deno.test("control characters are shown as their codes, letters of all scripts as they are", () => {
  strictEqual(printable("\x1b[2J\x07a\rb\x9bc\u202ed"), "\\x1b[2J\\x07a\\x0db\\x9bc\\u202ed");
  strictEqual(printable("é 猫 ×\n\tשלום"), "é 猫 ×\n\tשלום");
  strictEqual(printableLine("a\n\tb\u2028c"), "a\\x0a\\x09b\\u2028c");
});
