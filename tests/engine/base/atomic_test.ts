import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import {
  explainWriteError,
  removeAbandoned,
  removePartialFiles,
  removePartialsOf,
  writeFileAtomic,
} from "../../../engine/base/atomic.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("a write that fails midway leaves the old content and nothing else", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "data.bin");
    await writeFileAtomic(path, "old");
    const seen: number[] = [];
    const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    const write = writeFileAtomic(path, new Uint8Array(3 << 20), {
      onProgress: (written) => {
        strictEqual(Deno.readTextFileSync(path), "old");
        seen.push(written);
        if (written > 1 << 20) throw full;
      },
    });
    await rejects(write, (error) => error instanceof UserError && /data\.bin: the disk is full/.test(error.message));
    ok(seen.length >= 2 && seen[0] < 3 << 20, `written in pieces: ${seen}`);
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["data.bin"]);
    strictEqual(Deno.readTextFileSync(path), "old");
  });
});

Deno.test("a whole write replaces the old content, and partial files of killed processes can be cleared away", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.txt");
    await writeFileAtomic(path, "old");
    await writeFileAtomic(path, "new");
    strictEqual(Deno.readTextFileSync(path), "new");
    await Deno.writeTextFile(join(folder, ".a.txt.123.partial"), "ne");
    await removePartialFiles(folder);
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.txt"]);
    await removePartialFiles(join(folder, "missing"));
    // Those of one file alone, and of processes that are gone: others may be at work.
    const [gone, alive] = [4_194_305, Deno.pid].map((pid) => `.a.txt.${pid}.partial`);
    for (const name of [gone, alive, ".b.txt.4194305.partial"]) await Deno.writeTextFile(join(folder, name), "");
    await removePartialsOf(path);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    deepStrictEqual(left, [alive, ".b.txt.4194305.partial", "a.txt"]);
    await removePartialsOf(join(folder, "missing", "a"));
    await removeAbandoned(folder);
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [alive, "a.txt"]);
  });
});

Deno.test("no file takes the place of a device or a pipe, nor of a link to what this process writes to", async () => {
  await withFolder(async (folder) => {
    const pipe = join(folder, "pipe"), link = join(folder, "link");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    await Deno.symlink("/proc/self/fd/1", link);
    for (const path of [pipe, link]) {
      await rejects(
        writeFileAtomic(path, "new"),
        (error) => error instanceof UserError && error.message.startsWith(`${path}: is a pipe or a device`),
      );
    }
    ok(Deno.lstatSync(pipe).isFifo && Deno.lstatSync(link).isSymlink);
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["link", "pipe"]);
  });
});

Deno.test("missing folders are made", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "not", "yet", "a.txt");
    await writeFileAtomic(path, "kept");
    strictEqual(Deno.readTextFileSync(path), "kept");
  });
});

Deno.test("what the operating system says of a full disk becomes one line that names the file", async () => {
  const failure = await Deno.writeTextFile("/dev/full", "x").then(() => null, (error: unknown) => error);
  const explained = explainWriteError("runs/a/metrics.jsonl", failure);
  ok(explained instanceof UserError);
  strictEqual(
    explained.message,
    "runs/a/metrics.jsonl: the disk is full; free some space, then run it again, a training with --resume",
  );
  const other = new Error("other");
  strictEqual(explainWriteError("x", other), other);
});

Deno.test("a file where a folder should be is named", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    await rejects(writeFileAtomic(join(file, "x"), "y"), UserError);
  });
});

Deno.test("a folder where the file should be is named, and stays", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "vocab.json");
    await Deno.mkdir(path);
    await rejects(
      writeFileAtomic(path, "y"),
      (error) =>
        error instanceof UserError &&
        error.message === `${path}: a folder is in the way of the file; move it or choose another name`,
    );
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name, isDirectory }) => [name, isDirectory]), [
      ["vocab.json", true],
    ]);
  });
});
