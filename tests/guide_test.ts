/** The engine's guide, docs/engine.md: its blocks are run, and print what the comments behind them say. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { ended, ROOT } from "./support/command.ts";
import { linesOf } from "./support/console.ts";
import { withFolder } from "./support/folder.ts";
import { shareDevices } from "./support/share_devices.ts";

shareDevices();

/** The scripts of a page: a block that imports begins one, others go on with it. */
function scriptsOf(markdown: string): string[] {
  const scripts: string[] = [];
  for (const [, code] of markdown.matchAll(/^```ts\n([^]*?)^```$/gm)) {
    if (/^import /m.test(code)) scripts.push(code);
    else scripts.push(`${scripts.pop() ?? ""}\n${code}`);
  }
  return scripts;
}

/** Lines that a script says it prints: the comments behind calls of `console.log`; `…` stands for anything. */
function promised(script: string): string[] {
  return [...script.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].flatMap(([, text]) => text.split("\\n"));
}

/** Promised lines that are not among those printed, in their order. */
function missing(promises: readonly string[], printed: readonly string[]): string[] {
  let at = 0;
  return promises.filter((promise) => {
    const parts = promise.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const form = new RegExp(`^${parts.join(".*")}$`);
    const found = printed.findIndex((line, i) => i >= at && form.test(line));
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

const guide = scriptsOf(await Deno.readTextFile(join(ROOT, "docs/engine.md")));

/** Runs `body` with the guide's scripts as files that import this tree. */
const withScripts = (body: (files: readonly string[], folder: string) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    const files = guide.map((_, i) => join(folder, `${i + 1}.ts`));
    for (const [i, script] of guide.entries()) {
      await Deno.writeTextFile(files[i], script.replaceAll('"./itera/', `"file://${ROOT}/`));
    }
    await body(files, folder);
  });

Deno.test("the guide's blocks run and print what they say", () =>
  withScripts(async (files) => {
    ok(files.length >= 7, `${files.length} scripts`);
    for (const [i, file] of files.entries()) {
      const printed = await linesOf(() => import(`file://${file}`));
      const promises = promised(guide[i]);
      ok(promises.length > 0, guide[i]);
      deepStrictEqual(missing(promises, printed), [], `printed:\n${printed.join("\n")}`);
    }
  }));

Deno.test("the guide's blocks type-check", () =>
  withScripts(async (files) => {
    const args = ["check", "--config", join(ROOT, "deno.json"), ...files];
    const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "piped", env: { NO_COLOR: "1" } });
    const { code, err } = await ended(child.spawn());
    deepStrictEqual(code, 0, err);
  }));

Deno.test("the guide lists every example", async () => {
  const text = await Deno.readTextFile(join(ROOT, "docs/engine.md"));
  const names = [...Deno.readDirSync(join(ROOT, "examples"))].map(({ name }) => name);
  ok(names.length >= 12, names.join(", "));
  deepStrictEqual(names.filter((name) => !new RegExp(`^\\| \\[${name}`, "m").test(text)), []);
});

Deno.test("blocks go on, and broken promises are found", () => {
  const page =
    '```ts\nimport "a";\nconst x = 1;\n```\n```sh\nls\n```\n```ts\nconsole.log(x); // 1\n```\n```ts\nimport "b";\n```\n';
  deepStrictEqual(scriptsOf(page), ['import "a";\nconst x = 1;\n\nconsole.log(x); // 1\n', 'import "b";\n']);
  deepStrictEqual(promised("console.log(a); // 1 …\n  console.log(b, c(d)); // [2]\\n [3]\nf(); // 4\n"), [
    "1 …",
    "[2]",
    " [3]",
  ]);
  deepStrictEqual(missing(["1 …", "[2]"], ["0", "1 a", "[2]"]), []);
  deepStrictEqual(missing(["1 …", "[2]"], ["[2]", "1 a", "[22]"]), ["[2]"]);
  deepStrictEqual(missing(["a.c"], ["abc"]), ["a.c"]);
});
