import { rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { readAttributes } from "../../../datasets/ade/attributes.ts";
import { readAdeJson } from "../../../datasets/ade/json.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import {
  explainReadError,
  openFile,
  readBytes,
  readLines,
  readText,
  readTextSync,
} from "../../../engine/base/files.ts";
import { Hdf5 } from "../../../datasets/formats/hdf5.ts";
import { readAnyText } from "../../../datasets/formats/text.ts";
import { readJsonArrays } from "../../../datasets/formats/json_arrays.ts";
import { readKnowledgeFile } from "../../../datasets/knowledge/knowledge.ts";
import { readVocabulary as readClasses } from "../../../datasets/knowledge/vocabulary.ts";
import { wholeList } from "../../../datasets/refplus/files/growing_list.ts";
import { readRefexps, readScenes } from "../../../datasets/refplus/files/read.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { readVocabulary } from "../../../datasets/refplus/encoding/vocabulary_file.ts";
import { withFolder } from "../../support/folder.ts";

const says = (message: string) => (error: unknown) => error instanceof UserError && error.message === message;

const READERS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  openFile,
  readBytes,
  readLines,
  readAttributes,
  readAdeJson,
  readJsonArrays: (path) => readJsonArrays(path, () => {}),
  readKnowledgeFile,
  readClasses,
  readScenes: (path) => Array.fromAsync(readScenes(path)),
  readRefexps: (path) => Array.fromAsync(readRefexps(path)),
  readVocabulary,
  Hdf5: (path) => Hdf5.open(path),
  RefexpFile: (path) => RefexpFile.open(path),
};

Deno.test("a device, which may have no end, is no file", async () => {
  await rejects(readBytes("/dev/zero"), says("/dev/zero: is a pipe or a device, not a file; store it in one"));
  for (const read of [openFile, readLines, readText, readAnyText, readTextSync]) {
    await rejects(
      async () => void await read("/dev/zero"),
      says("/dev/zero: is a device, not a file; store it in one"),
    );
  }
});

Deno.test("every reader says of a folder that it is no file, and of what is missing that it is", async () => {
  await withFolder(async (folder) => {
    const missing = join(folder, "none");
    for (const [name, read] of Object.entries(READERS)) {
      await rejects(read(folder), says(`${folder}: is a folder, not a file`), name);
      const what = name === "readKnowledgeFile" ? "knowledge graph" : "file";
      await rejects(read(missing), says(`${missing}: there is no such ${what}`), name);
    }
    await rejects(wholeList(folder, "scenes", {}), says(`${folder}: is a folder, not a file`));
    await Deno.writeTextFile(missing, "");
    await rejects(openFile(join(missing, "x")), says(`${join(missing, "x")}: there is no such file`));
  });
});

Deno.test("other reasons are given in one line", () => {
  const reason = (error: Error) => explainReadError("a.json", error).message;
  const denied = Object.assign(new Error("Permission denied (os error 13)"), { code: "EACCES" });
  strictEqual(reason(denied), "a.json: may not be read; change its permissions");
  strictEqual(reason(new Error("the disk is gone\nat last")), "a.json: cannot be read (the disk is gone)");
});
