/**
 * "An input of n bytes takes at most 256 MiB + 32 n bytes of memory and 5 s + 1 s per MB", compressed ones counted unpacked and
 * pictures by their pixels: hostile inputs for every reader. The time is ten times that, for machines that others use too.
 */
import { deepStrictEqual } from "node:assert/strict";
import { withFolder } from "../support/folder.ts";
import { writeFiles } from "./judge.ts";
import { HOSTILE_INPUTS } from "./hostile/inputs.ts";
import { isFault, LIMITS } from "./reader.ts";
import { READERS } from "./readers/registry.ts";
import { judgeFolder, Watched } from "./watched.ts";

const registry = new URL("./readers/registry.ts", import.meta.url).href;
const limits = { ...LIMITS, seconds: 10 * LIMITS.seconds };

Deno.test("every reader has a hostile input", () => {
  const without = READERS.filter(({ name }) => !HOSTILE_INPUTS.some(({ reader }) => reader === name));
  deepStrictEqual(without.map(({ name }) => name), []);
});

for (const part of [0, 1]) {
  Deno.test(`hostile inputs take no more time and memory than their bytes allow, ${part + 1} of 2`, async () => {
    await using watched = new Watched();
    const faults: string[] = [];
    for (const { reader, name, files } of HOSTILE_INPUTS.filter((_, i) => i % 2 === part)) {
      await withFolder(async (folder) => {
        await writeFiles(folder, await files());
        const { outcome, detail } = await judgeFolder(watched, { registry, reader, limits }, folder);
        if (isFault(outcome)) faults.push(`${reader}: ${name}: ${outcome}: ${detail}`);
      });
    }
    deepStrictEqual(faults, []);
  });
}
