/** Commands in the documentation: each is parsed by the real program, none is cut, and each is run. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { COMMANDS } from "../cli/commands.ts";
import { program } from "../cli/program.ts";
import { itera, ROOT } from "./support/command.ts";
import { commandsIn } from "./support/docs/commands_in.ts";
import { withFolder } from "./support/folder.ts";

const PAGES = ["README.md", "CONTRIBUTING.md", ...pagesIn("docs")];

function pagesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? pagesIn(`${folder}/${name}`) : name.endsWith(".md") ? [`${folder}/${name}`] : []
  ).sort();
}

/** A command and where it stands. */
interface Found {
  readonly place: string;
  readonly words: readonly string[];
  readonly cut: boolean;
}

/** Commands of all pages, without dots for what is left out; words for any command, such as COMMAND, are none. */
const found: readonly Found[] = PAGES.flatMap((page) => {
  const text = Deno.readTextFileSync(join(ROOT, page));
  return [...commandsIn(text), ...page === "README.md" ? inTable(text) : []].flatMap(({ line, words, cut }) => {
    const own = words.filter((word) => word !== "…");
    return own.length === 0 || /^[A-Z]+$/.test(own[0]) ? [] : [{ place: `${page}:${line}`, words: own, cut }];
  });
});

/** Commands of the README's table, whose first column has them without the program's name. */
function inTable(markdown: string): { line: number; words: string[]; cut: boolean }[] {
  return markdown.split("\n").flatMap((row, i) => {
    const [, cell] = /^\| (`[^|]*?) +\| /.exec(row) ?? [];
    if (cell === undefined) return [];
    let group: string[] = [];
    return [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, code]) => {
      let words = code.split(" ");
      // `refplus train`, `import`: the group's name stands once.
      if (group.length > 0 && !(words[0] in COMMANDS)) words = [...group, ...words];
      if (!(words[0] in COMMANDS)) return [];
      group = words.length > 1 && program().commands.some((c) => c.name() === words[0] && c.commands.length > 0)
        ? [words[0]]
        : [];
      return [{ line: i + 1, words, cut: false }];
    });
  });
}

/** The command that words begin with, and the words behind it. */
function commandOf(
  words: readonly string[],
): { readonly command: CommandUnknownOpts; readonly rest: readonly string[] } {
  let command: CommandUnknownOpts = program() as CommandUnknownOpts, rest = words;
  for (;;) {
    const inner = command.commands.find((one) => one.name() === rest[0]);
    if (!inner) return { command, rest };
    [command, rest] = [inner, rest.slice(1)];
  }
}

/** The complaint of the real program about a command's words; null where it would run. Nothing is run. */
async function complaint(words: readonly string[]): Promise<string | null> {
  const itself = program() as CommandUnknownOpts;
  let said = "", ran = false;
  const prepare = (command: CommandUnknownOpts): void => {
    command.exitOverride().configureOutput({
      writeOut: () => {},
      writeErr: (text) => void (said += text),
      outputError: (text) => void (said += text),
    });
    if (command.commands.length === 0) command.action(() => void (ran = true));
    command.commands.forEach(prepare);
  };
  prepare(itself);
  try {
    await itself.parseAsync([...words], { from: "user" });
  } catch (error) {
    if ((error as { code?: string }).code === "commander.helpDisplayed") return null;
    return said.trim() || String(error);
  }
  return ran ? null : said.trim() || "it does nothing";
}

Deno.test("the pages name many commands, and no line's end cuts one", () => {
  ok(found.length > 90, String(found.length));
  deepStrictEqual(found.filter(({ cut }) => cut).map(({ place, words }) => `${place}: ${words.join(" ")}`), []);
});

Deno.test("every command in the documentation is one of the program, with its flags and their values", async () => {
  const wrong: string[] = [];
  for (const { place, words } of found) {
    const { command, rest } = commandOf(words);
    // A name alone speaks of the command.
    const said = rest.length === 0 && command.name() !== "itera" ? null : await complaint(words);
    if (said !== null) wrong.push(`${place}: ${words.join(" ")}: ${said}`);
  }
  deepStrictEqual(wrong, []);
});

Deno.test("wrong commands, and such as a line's end cuts, are found", async () => {
  const page =
    "`itera trian`, `./itera train\n--steps x` and\n\n```sh\nA=1 ./itera data check set \\\n  --data F  # words\nls\n```\n";
  deepStrictEqual(commandsIn(page), [
    { line: 5, words: ["data", "check", "set", "--data", "F"], cut: false },
    { line: 1, words: ["trian"], cut: false },
    { line: 1, words: ["train", "--steps", "x"], cut: true },
  ]);
  ok(/unknown command 'trian'/.test(await complaint(["trian"]) ?? ""));
  ok(/Allowed choices/.test(await complaint(["data", "check", "set"]) ?? ""));
  ok(/not a number/.test(await complaint(["train", "--steps", "x"]) ?? ""));
  ok(/unknown option/.test(await complaint(["train", "--step", "1"]) ?? ""));
  strictEqual(await complaint(["train", "--steps", "1"]), null);
});

/** Commands by their first words, and what makes them small; null for what is not there, which only shows its help. */
const SIZES: readonly (readonly [command: RegExp, appended: readonly string[] | null, reason?: string])[] = [
  [/ --data (ade|coco)( |$)/, null, "sets that are fetched; tests/cli/data/from_nothing_test.ts runs these lists"],
  [
    /^train( --model| --resume|$)/,
    null,
    "tests/cli trains from all of these flags; the default data would take minutes here",
  ],
  [/^train --(preset|weights|graph|help)/, null, "pretrained weights and graphs of real sets"],
  [/^train --dataset/, null, "a real set, or a generated one"],
  [/^train/, null, "a run or a set that the page does not make"],
  [/^data fetch/, null, "a server of archives; tests/cli/data has one"],
  [/^data write/, ["--train", "3", "--val", "2"]],
  [/^data check (ade|coco|vg)/, []],
  [/^data show (ade|coco|vg)/, []],
  [/^graph build --/, []],
  [/^config --run/, null, "a run; tests/cli/config makes one"],
  [/^config/, []],
  [/^doctor$/, ["--brief"]],
  [/^doctor --kernels/, null, "a minute of samples; tests/cli/doctor runs them"],
  [/^tune$/, null, "minutes of measuring; tests/cli/tune_test.ts does it on few sizes"],
  [/^time/, null, "minutes of measuring; tests/cli/time_test.ts does it for a tenth of a second each"],
  [/^profile/, null, "a run; tests/cli/profile_test.ts makes one"],
  [/^weights (import|export)/, null, "weights that are published elsewhere"],
  [
    /^(evaluate|re-evaluate|ensemble|ablate|hops|predict|inspect|compare|view)/,
    null,
    "a trained run; tests/cli makes some",
  ],
  [/^refplus generate/, ["--images", "1", "--refexps-per-image", "1"]],
  [/^refplus/, null, "a set of referring expressions; tests/cli/refplus goes the whole way"],
  [/^(data|graph|refplus|weights)( check| build| show| write)?$/, null, "only named"],
  [/^graph show/, null, "a graph"],
  [/^(test|bench|run|completion)/, null, "a program of its own"],
];

Deno.test("every command in the documentation runs, small, or shows its help where its data is missing", async () => {
  const known = found.filter(({ words }) => commandOf(words).command.name() !== "itera");
  const unlisted = known.filter(({ words }) => !SIZES.some(([command]) => command.test(words.join(" "))));
  deepStrictEqual(unlisted.map(({ place, words }) => `${place}: ${words.join(" ")}`), [], "list it in SIZES");
  const before = Deno.cwd(), failed: string[] = [], done = new Set<string>();
  let ran = 0;
  try {
    for (const page of PAGES) {
      await withFolder(async (folder) => {
        // Paths of the pages are relative to where the reader stands.
        Deno.chdir(folder);
        for (const { place, words } of known.filter(({ place }) => place.startsWith(`${page}:`))) {
          const text = words.join(" ");
          const [, appended] = SIZES.find(([command]) => command.test(text))!;
          const help = appended === null || commandOf(words).rest.length === 0 && appended.length > 1,
            path = words.slice(0, words.length - commandOf(words).rest.length);
          const call = help ? [...path, "--help"] : [...words, ...appended];
          if (text.startsWith("data write")) await Deno.remove("FOLDER", { recursive: true }).catch(() => {});
          // Sets that the pages take as given.
          const [, set] = /\b(ade|coco|vg)\b/.exec(text) ?? [];
          const [, data] = /--data (FOLDER|birds)\b/.exec(text) ?? [];
          if (!help && set && data) await writeSet(set, data);
          // Help is the same everywhere, and tests and benches have none of their own.
          if (help && (done.has(call.join(" ")) || /^(test|bench)/.test(text))) continue;
          done.add(call.join(" "));
          const { code, err } = await itera(...call);
          if (code !== 0) failed.push(`${place}: ${call.join(" ")}: ${err}`);
          if (!help) ran++;
        }
        Deno.chdir(before);
      });
    }
  } finally {
    Deno.chdir(before);
  }
  deepStrictEqual(failed, []);
  ok(ran > 15, `only ${ran} were run`);
});

/** A set in `folder`, in the layout of a real one. */
async function writeSet(set: string, folder: string): Promise<void> {
  if (await Deno.stat(folder).then(() => true, () => false)) return;
  const { code, err } = await itera("data", "write", folder, "--layout", set, "--train", "8", "--val", "24");
  strictEqual(code, 0, err);
}
