/** How little must be touched: what is new is written into a copy of the tree, at two places, and runs there. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Ended, ended, ROOT } from "./support/command.ts";
import { withFolder } from "./support/folder.ts";

/** What the command line is made of. */
const PARTS = ["cli", "datasets", "engine", "model", "shaders", "deno.json", "deno.lock", "itera", "mod.ts"];

/** Copies a file, or a folder with all it holds. */
async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

/** Runs `body` in a copy of the tree. */
function withTree(body: (folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    for (const part of PARTS) await copy(join(ROOT, part), join(folder, part));
    await body(folder);
  });
}

/** Writes a row into a registry, before the line that ends it, and the import the row needs. */
async function addRow(path: string, importLine: string, row: string, end: RegExp): Promise<void> {
  const text = await Deno.readTextFile(path);
  const first = text.indexOf("\nimport ") + 1;
  ok(first > 0 && end.test(text), `${path} is not what this test takes it for`);
  const withRow = text.replace(end, (line) => `${row}\n${line}`);
  await Deno.writeTextFile(path, `${withRow.slice(0, first)}${importLine}\n${withRow.slice(first)}`);
}

/** Runs a program of the copy. */
async function run(folder: string, command: string, ...args: string[]): Promise<Ended> {
  const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  // What is run needs no adapter, so that the script need not look for a driver.
  const env = { NO_COLOR: "1", PATH, VK_DRIVER_FILES: "none" };
  const options = { cwd: folder, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return await ended(new Deno.Command(command, { args, ...options, env }).spawn());
}

/** Runs `itera` of the copy. */
function itera(folder: string, ...args: string[]): Promise<Ended> {
  return run(folder, Deno.execPath(), "run", "-A", "--no-check", "cli/main.ts", ...args);
}

const TOY_COMMAND = `/** \`itera toy\`: says that it is there. */
import type { Command } from "@commander-js/extra-typings";
import { line } from "./terminal/output.ts";

/** Adds the command. */
export function addToy(program: Command): void {
  program.command("toy").description("say hello").argument("<name>", "to whom").action((name) => line(\`hello \${name}\`));
}
`;

Deno.test("a command is a file and a row", () =>
  withTree(async (folder) => {
    await Deno.writeTextFile(join(folder, "cli/toy.ts"), TOY_COMMAND);
    await addRow(join(folder, "cli/commands.ts"), `import { addToy } from "./toy.ts";`, "  toy: addToy,", /^\};$/m);
    deepStrictEqual(await itera(folder, "toy", "you"), { code: 0, out: "hello you\n", err: "" });
    const mistyped = await itera(folder, "tyo");
    deepStrictEqual([mistyped.code, mistyped.err], [2, "itera: unknown command 'tyo' (did you mean toy?)\n"]);
    ok(/^ +toy <name> +say hello$/m.test((await itera(folder, "--help")).out));
    // The script knows of it without a row of its own; packages are there already, as this test runs.
    await Deno.mkdir(join(folder, ".deno"));
    await Deno.writeTextFile(join(folder, ".deno/.packages"), "");
    deepStrictEqual(await run(folder, "/bin/sh", "itera", "toy", "you"), { code: 0, out: "hello you\n", err: "" });
    ok(/ toy test bench\n$/.test((await run(folder, "/bin/sh", "itera", "help")).err));
    deepStrictEqual((await run(folder, Deno.execPath(), "task", "--quiet", "itera", "toy", "you")).out, "hello you\n");
  }));
