/** Scripts of completion, asked what they offer by the shells themselves: bash always, zsh and fish where they are. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { completionScript } from "../../../cli/completion/mod.ts";
import { placesOf } from "../../../cli/completion/words.ts";
import { COMMANDS } from "../../../cli/commands.ts";
import { program } from "../../../cli/program.ts";
import { DATASETS } from "../../../datasets/registry.ts";
import { itera } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";

const itself = program() as CommandUnknownOpts;

/** Lines of the command line, the last word being typed, and some of what is offered, or all of it. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["itera tr", ["train"]],
  ["./itera tr", ["train"]],
  ["itera data ", ["check", "fetch", "show", "write"]],
  ["itera data check ", DATASETS],
  ["itera data show context --sp", ["--split"]],
  ["itera train --dataset ", DATASETS],
  ["itera train --model baseline fi", ["final"]],
  ["itera train --steps 5 --json --mo", ["--model"]],
  ["itera refplus train --st", ["--stage"]],
  // A name that a command has is a name here.
  ["itera train --name data --see", ["--seed", "--seeds"]],
];

/** Lines that a shell's script prints where it is run with `input`; null where there is no such shell. */
async function shell(name: string, args: readonly string[]): Promise<string[] | null> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(name, { args: [...args] }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    strictEqual(code, 0, err);
    strictEqual(err, "");
    return out.split("\n").filter(Boolean).map((text) => text.split("\t")[0]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

Deno.test("bash offers commands, flags and values, and leaves names of files to itself", async () => {
  await withFolder(async (folder) => {
    const script = join(folder, "itera.bash");
    await Deno.writeTextFile(script, completionScript(itself, "bash"));
    const offered = async (line: string): Promise<string[]> => {
      const words = line.split(" ").map((word) => `'${word}'`);
      // Twice, as a start-up file that is read again.
      const text =
        `. ${script}; . ${script}; COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _itera; ` +
        'printf "%s\\n" "${COMPREPLY[@]}"';
      return (await shell("bash", ["-u", "-c", text]))!;
    };
    for (const [line, wanted] of CASES) deepStrictEqual((await offered(line)).sort(), [...wanted].sort(), line);
    deepStrictEqual(await offered("itera train --dataset = a"), ["ade"]);
    for (const files of ["itera train --data ", "itera evaluate ", "itera predict --image x"]) {
      deepStrictEqual(await offered(files), [], files);
    }
    const commands = await offered("itera ");
    deepStrictEqual(commands, Object.keys(COMMANDS));
  });
});

Deno.test("fish and zsh read their scripts, and fish offers the same", async () => {
  await withFolder(async (folder) => {
    const [zsh, fish] = ["zsh", "fish"].map((name) => join(folder, `itera.${name}`));
    await Deno.writeTextFile(zsh, completionScript(itself, "zsh"));
    await Deno.writeTextFile(fish, completionScript(itself, "fish"));
    await Deno.writeTextFile(join(folder, "a picture.png"), "");
    await shell("zsh", ["-f", "-n", zsh]);
    for (const [line, wanted] of CASES) {
      const found = await shell("fish", ["-N", "-c", `source ${fish}; complete -C '${line}'`]);
      if (found !== null) deepStrictEqual(found.sort(), [...wanted].sort(), line);
    }
    const files = await shell("fish", [
      "-N",
      "-c",
      `source ${fish}; cd ${folder}; complete -C 'itera predict --image a'`,
    ]);
    if (files !== null) deepStrictEqual(files, ["a picture.png"]);
  });
});

Deno.test("every flag of every command is in every script", async () => {
  const places = placesOf(itself);
  ok(places.length > 30 && places.flatMap(({ flags }) => flags).length > 200);
  for (const name of ["bash", "zsh", "fish"] as const) {
    const printed = await itera("completion", name);
    deepStrictEqual([printed.code, printed.err], [0, ""]);
    strictEqual(printed.out, completionScript(itself, name));
    for (const { flags } of places) {
      for (const { name: flag } of flags) {
        ok(printed.out.includes(name === "fish" ? `-l ${flag.slice(2)} ` : flag), `${name}: ${flag}`);
      }
    }
  }
  const wrong = await itera("completion", "tcsh");
  strictEqual(wrong.code, 2);
  ok(/bash, zsh, fish/.test(wrong.err), wrong.err);
});
