/** `./itera`, the script that sets everything up, and the tasks of `deno.json`. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { COMMANDS } from "../../cli/commands.ts";
import { type Ended, ended, ROOT } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

/** Tasks that are no commands of `cli/main.ts`. */
const TASKS = ["test", "bench"];

/** Runs the script that lies in `folder`. */
async function script(folder: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const options = { cwd: "/", stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command("/bin/sh", { args: [join(folder, "itera"), ...args], ...options, env }).spawn();
  return await ended(child);
}

Deno.test("help sets nothing up and names every command", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "cli"));
    for (const file of ["itera", "cli/commands.ts"]) await Deno.copyFile(join(ROOT, file), join(folder, file));
    const names = [...Object.keys(COMMANDS), ...TASKS].join(" ");
    const usage = `itera: usage: ./itera COMMAND [flags], with COMMAND one of: ${names}\n`;
    for (const args of [[], ["help"], ["-h"], ["--help"]]) {
      // The folder holds nothing that could be set up, and no Deno is found.
      deepStrictEqual(await script(folder, args, { PATH: "/usr/bin:/bin" }), { code: 0, out: "", err: usage });
    }
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["cli", "itera"]);
  }));

Deno.test("what the script does not know itself goes to the command line", async () => {
  const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  const run = (...args: string[]): Promise<Ended> => script(ROOT, args, { PATH });
  deepStrictEqual(await run("doctr"), {
    code: 2,
    out: "",
    err: "itera: unknown command 'doctr' (did you mean doctor?)\n",
  });
  const help = await run("train", "--help");
  strictEqual(help.code, 0);
  ok(help.out.startsWith("Usage: itera train "), help.out);
});

Deno.test("every task that the documentation names is there", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const pagesIn = (folder: string): string[] =>
    [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) =>
      isDirectory ? pagesIn(join(folder, name)) : [join(folder, name)]
    );
  const named = ["README.md", "CONTRIBUTING.md", ...pagesIn("docs")].flatMap((path) =>
    [...Deno.readTextFileSync(join(ROOT, path)).matchAll(/deno task ([a-z][a-z:-]*)/g)].map(([, name]) => name)
  );
  ok(named.length > 10);
  deepStrictEqual(named.filter((name) => !(name in tasks)), []);
  deepStrictEqual(TASKS.filter((name) => !(name in tasks)), []);
});
