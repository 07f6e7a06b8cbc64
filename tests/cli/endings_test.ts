/** Ends of commands: closed pipes, full disks, names that lead elsewhere. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../support/folder.ts";
import { itera, ROOT } from "../support/command.ts";

/** Runs a line of bash in which `itera` is the command line; status of the first command, and standard error. */
async function bash(line: string): Promise<{ readonly status: number; readonly err: string }> {
  const own = `itera() { "${Deno.execPath()}" run -A --no-check "${ROOT}/cli/main.ts" "$@"; }`;
  const { stderr, code } = await new Deno.Command("bash", {
    args: ["-c", `${own}\n${line}\nexit \${PIPESTATUS[0]}`],
    env: { NO_COLOR: "1" },
  }).output();
  return { status: code, err: new TextDecoder().decode(stderr) };
}

Deno.test("a closed pipe ends a command quietly, and a full one in one line", async () => {
  deepStrictEqual(await bash("itera graph --help | { exec 0<&-; sleep 2; }"), { status: 0, err: "" });
  const full = await bash("itera graph --help > /dev/full");
  strictEqual(full.status, 2);
  match(full.err, /^itera: standard output: the disk is full[^\n]*\n$/);
});

Deno.test("a set that cannot be written whole leaves nothing", async () => {
  await withFolder(async (folder) => {
    const set = join(folder, "set");
    await Deno.writeTextFile(join(folder, "file"), "");
    const { code, err } = await itera("data", "write", join(folder, "file", "set"), "--train", "2", "--val", "1");
    strictEqual(code, 2);
    match(err, /file\/set: a file is in the way of a folder/);
    strictEqual((await itera("data", "write", `${set}/`, "--train", "2", "--val", "1")).code, 0);
    ok([...Deno.readDirSync(folder)].every(({ name }) => name === "file" || name === "set"));
  });
});
