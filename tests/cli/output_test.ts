import { ok, strictEqual } from "node:assert/strict";
import { bytes, duration, line, notice, Progress, table, withTerminal } from "../../cli/terminal/output.ts";

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

Deno.test("names from files reach the terminal as text: no escapes, and no line breaks in tables", async () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const evil = "\x1b[2J\x1b]0;owned\x07red\nlines\r\u202e";
  await withTerminal({ out: write, err: write, interactive: false }, () => {
    line(evil);
    notice(`left out ${evil}`);
    table([evil], [[evil], [0.5]]);
    using progress = new Progress(evil, "images");
    progress.update(1, 1, evil);
    return Promise.resolve();
  });
  const text = written.join("");
  // deno-lint-ignore no-control-regex -- none of these may be there.
  ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), JSON.stringify(text));
  ok(text.includes("\\x1b[2J\\x1b]0;owned\\x07red"), text);
  strictEqual(written[2].trimEnd().split("\n").length, 7, written[2]);
});
