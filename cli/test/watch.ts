/** `itera test --watch`: runs again what depends on a shader or an op whenever that is saved. */
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/base/user_error.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { allOps } from "../../engine/op.ts";
import { notice } from "../terminal/output.ts";
import { select } from "./select.ts";

/** Milliseconds in which an editor's several writes count as one. */
const TOGETHER = 150;

/** Watches shaders and ops; `words` are names, `raw` the words with their flags. Ends with the process. */
export async function watch(words: readonly string[], raw: readonly string[]): Promise<void> {
  const url = new URL("../../deno.json", import.meta.url);
  if (url.protocol !== "file:") {
    throw new UserError("--watch needs the project's folder; clone it and call ./itera there");
  }
  const root = `${dirname(fileURLToPath(url))}/`, flags = raw.filter((word) => !words.includes(word));
  if (words.length > 0) {
    select(words);
    await again(root, words, flags);
  }
  notice("watching shaders/ and engine/; Ctrl-C ends it");
  let changed = new Set<string>(), timer: ReturnType<typeof setTimeout> | undefined, running = Promise.resolve();
  for await (const { kind, paths } of Deno.watchFs([`${root}shaders`, `${root}engine`])) {
    if (kind === "access") continue;
    for (const path of paths) if (/\.(wgsl|ts)$/.test(path)) changed.add(relative(root, path));
    clearTimeout(timer);
    timer = setTimeout(() => {
      const files = [...changed];
      changed = new Set();
      running = running.then(async () => {
        const names = dependents(root, files, words);
        if (names.length > 0) await again(root, names, flags);
      });
    }, TOGETHER);
  }
}

/** Names to run again after some files of the project changed: of those that are watched, or of all where none is named. */
export function dependents(root: string, files: readonly string[], words: readonly string[]): string[] {
  if (files.length === 0) return [];
  const shaders = files.filter((file) => file.startsWith("shaders/")).map((file) => file.slice("shaders/".length));
  const code = files.filter((file) => file.startsWith("engine/"));
  if (words.length > 0) {
    const { ops, kernels } = select(words);
    const own = allKernels().filter(({ name }) => ops.length > 0 || kernels.includes(name));
    const depends = code.length > 0 || own.some(({ parts }) => parts.some(({ file }) => shaders.includes(file)));
    return depends ? [...words] : [];
  }
  const known = shaders.filter((shader) => allKernels().some(({ parts }) => parts.some(({ file }) => file === shader)));
  return [...known, ...opsOf(root, code)];
}

/** Ops that a file of code defines. */
function opsOf(root: string, files: readonly string[]): string[] {
  return files.flatMap((file) => {
    let text: string;
    try {
      text = Deno.readTextFileSync(`${root}${file}`);
    } catch {
      return [];
    }
    return [...allOps().keys()].filter((name) => new RegExp(`["']${name}["']`).test(text));
  });
}

/** Runs the checks in a process of its own, which reads the files as they are now. */
async function again(root: string, words: readonly string[], flags: readonly string[]): Promise<void> {
  const args = ["run", "-A", "--no-check", `${root}cli/main.ts`, "test", ...words, ...flags];
  await new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" }).spawn().status;
}
