import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import width from "string-width";
import {
  bytes,
  fact,
  gatherJson,
  line,
  notice,
  printJson,
  Progress,
  table,
  wantsColour,
  withTerminal,
} from "../../cli/terminal/output.ts";
import { duration } from "../../engine/base/duration.ts";
import { drawTable } from "../../cli/terminal/table.ts";

/** A terminal that is none. */
const PIPE = { interactive: false, columns: null, colour: false } as const;

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

Deno.test("names from files reach the terminal as text: no escapes, and no line breaks", async () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const evil = "\x1b[2J\x1b]0;owned\x07red\nlines\r\u202e";
  await withTerminal({ ...PIPE, out: write, err: write }, () => {
    line(evil);
    notice(`left out ${evil}`);
    table({ columns: [evil], rows: [[evil], [0.5]] });
    using progress = new Progress(evil, "images");
    progress.update(1, 1, evil);
    return Promise.resolve();
  });
  const text = written.join("");
  // deno-lint-ignore no-control-regex -- none of these may be there.
  ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), JSON.stringify(text));
  ok(text.includes("\\x1b[2J\\x1b]0;owned\\x07red"), text);
  // A name with a line break makes no line of its own, which could pass for one of ours.
  deepStrictEqual(written.slice(0, 2).map((one) => one.split("\n").length), [2, 2]);
  strictEqual(written[2].trimEnd().split("\n").length, 6, written[2]);
});

const RESULTS = {
  columns: ["model", "per-instance AP", "regions", "found in"],
  rows: [
    ["final: global, iteration 2", 0.93849, 1200, "/a/very/long/path/without/any/blank/in/it/report.html"],
    ["漢字漢字漢字 with wide letters", 1, 7, "here"],
    ["–", null, 0, ""],
  ],
  counts: ["regions"],
} as const;

Deno.test("a table has a rule under its head alone; counts are whole, other numbers have three decimals", () => {
  const lines = drawTable(RESULTS, null).split("\n");
  deepStrictEqual(lines.map((text) => text[0]), ["┌", "│", "├", "│", "│", "│", "└"]);
  match(lines[3], /│ final: global, iteration 2 +│ +0\.938 │ +1200 │/);
  match(lines[4], /│ +1\.000 │ +7 │ here +│$/);
  match(lines[5], /│ – +│ +– │ +0 │/);
});

Deno.test("a table fits a terminal of any width, and nothing of it is lost", () => {
  const letters = (text: string): string => text.replace(/[\s┌┬┐├┼┤└┴┘─│]/gu, "");
  const count = (text: string): Map<string, number> =>
    new Map([..."0123456789/漢"].map((c) => [c, text.split(c).length - 1]));
  const whole = drawTable(RESULTS, null);
  for (let columns = 16; columns <= 140; columns++) {
    const drawn = drawTable(RESULTS, columns);
    const widest = Math.max(...drawn.split("\n").map((text) => width(text)));
    ok(widest <= columns, `${widest} of ${columns}:\n${drawn}`);
    if (drawn.startsWith("┌")) strictEqual(letters(drawn).length, letters(whole).length, drawn);
    deepStrictEqual(count(drawn), count(whole), drawn);
    // No number is broken.
    for (const number of ["0.938", "1200", "1.000"]) ok(drawn.includes(number), drawn);
  }
  ok(drawTable(RESULTS, 140) === whole && !drawTable(RESULTS, 30).includes("│"));
});

Deno.test("colours are for terminals, and not where NO_COLOR or a dumb terminal says so", async () => {
  deepStrictEqual(
    [{}, { NO_COLOR: "" }, { NO_COLOR: "1" }, { NO_COLOR: "0" }, { TERM: "dumb" }, { TERM: "xterm" }].map(wantsColour),
    [true, true, false, false, false, true],
  );
  const printed = async (colour: boolean): Promise<string> => {
    let text = "";
    const out = (more: string): void => void (text += more);
    await withTerminal({ ...PIPE, out, err: out, colour }, () => {
      table({ title: "A", columns: ["a"], rows: [["b"]] });
      return Promise.resolve();
    });
    return text;
  };
  ok((await printed(true)).startsWith("\n\x1b[1mA\x1b[22m\n"));
  ok((await printed(false)).startsWith("\nA\n┌"));
});

Deno.test("with --json facts, tables and lines are one object, and names cannot act on a terminal", async () => {
  let text = "", said = "";
  const out = (more: string): void => void (text += more);
  await withTerminal({ ...PIPE, out, err: (more) => void (said += more) }, () => {
    gatherJson();
    fact("run", "runs/a");
    table({
      title: "T",
      columns: ["name", "n"],
      rows: [["\x1b[2J\u202e\x9b", 0.123456], [null as unknown as string, NaN]],
    });
    table(RESULTS);
    line("a line");
    notice("a notice");
    strictEqual(text, "");
    printJson("it failed");
    printJson();
    line("after");
    return Promise.resolve();
  });
  strictEqual(said, "a notice\n");
  const [object, after] = text.split("\n}\n");
  strictEqual(after, "after\n");
  // deno-lint-ignore no-control-regex -- none of these may be there.
  ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), text);
  deepStrictEqual(JSON.parse(`${object}}`), {
    run: "runs/a",
    tables: [
      { title: "T", rows: [{ name: "\x1b[2J\u202e\x9b", n: 0.123456 }, { name: null, n: null }] },
      { rows: RESULTS.rows.map((row) => Object.fromEntries(RESULTS.columns.map((name, i) => [name, row[i]]))) },
    ],
    lines: ["a line"],
    error: "it failed",
  });
});
