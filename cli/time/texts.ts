/** Other texts of shaders: those of a commit, renames followed, or one from a file; and which kernels they make another of. */
import { basename } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { allKernels, type KernelDeclaration, type ShaderText } from "../../engine/gpu/kernel.ts";
import { reflect } from "../../engine/gpu/wgsl.ts";

/** Output of git in a folder; null where it fails. */
export async function git(folder: string, ...args: string[]): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const { code, stdout } = await new Deno.Command("git", { args: ["-C", folder, ...args], stderr: "null" }).output();
    return code === 0 ? stdout as Uint8Array<ArrayBuffer> : null;
  } catch {
    throw new UserError("git was not found; it has the texts of other commits. Give a file: --against other.wgsl");
  }
}

const words = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A commit by any of its names, in full. Throws {@link UserError} where there is none. */
export async function commitOf(folder: string, name: string): Promise<string> {
  const found = name.startsWith("-") ? null : await git(folder, "rev-parse", "--verify", "--quiet", `${name}^{commit}`);
  if (found) return words(found).trim();
  throw new UserError(`--against: "${name}" is neither a file nor a commit of the project`);
}

/** Text of a shader as it was, by its name of today below `shaders/`; null where it was not there. */
export type Earlier = (file: string) => string | null;

/** Texts of all of today's shaders at a commit of the project in `folder`. */
export async function textsAt(folder: string, commit: string): Promise<Earlier> {
  const changed = await git(folder, "diff", "--relative", "--name-status", "-z", "--find-renames", commit);
  if (!changed) throw new UserError(`git cannot compare ${folder} with ${commit}`);
  const texts = new Map<string, string | null>(), fields = words(changed).split("\0").filter((field) => field !== "");
  while (fields.length > 0) {
    const status = fields.shift()!, before = fields.shift()!;
    const now = /^[RC]/.test(status) ? fields.shift()! : before;
    if (!now.startsWith("shaders/") || status === "D") continue;
    const text = status === "A" ? null : await git(folder, "show", `${commit}:./${before}`);
    texts.set(now.slice("shaders/".length), text && words(text));
  }
  // What git does not know yet was not there.
  const unknown = await git(folder, "ls-files", "--others", "--exclude-standard", "-z", "shaders");
  for (const path of words(unknown ?? new Uint8Array()).split("\0")) texts.set(path.slice("shaders/".length), null);
  return (file) => texts.has(file) ? texts.get(file)! : textOfToday(file);
}

function textOfToday(file: string): string | null {
  for (const { parts } of allKernels()) for (const part of parts) if (part.file === file) return part.text;
  return null;
}

/** The text of a file in the place of the one shader that the chosen kernels are made of. */
export async function textIn(path: string, kernels: readonly KernelDeclaration[]): Promise<Earlier> {
  // A shader that all of them are made of, though some have another one on top of it.
  const files = kernels.map(({ parts }) => parts.map(({ file }) => file).filter((file) => !file.startsWith("lib/")));
  const shared = (files[0] ?? []).filter((file) => files.every((all) => all.includes(file)));
  const own = shared.length === 1 ? shared : [...new Set(kernels.map(({ parts }) => parts.at(-1)!.file))];
  const named = [...new Set(kernels.flatMap(({ parts }) => parts.map(({ file }) => file)))].filter((file) =>
    basename(file) === basename(path)
  );
  const [file] = named.length === 1 ? named : own;
  if (named.length !== 1 && own.length !== 1) {
    throw new UserError(`--against ${path}: name the one shader that it stands for, not ${own.length} of them`);
  }
  const text = await Deno.readTextFile(path);
  return (other) => other === file ? text : textOfToday(other);
}

/** Kernels made of other texts. */
export interface Others {
  /** Texts of each kernel that they change, by its id. */
  readonly parts: ReadonlyMap<number, readonly ShaderText[]>;
  /** The reason why today's host code cannot run them; null where it can. */
  readonly misfit: string | null;
}

/** Those of some kernels that other texts make another of. */
export function othersBy(earlier: Earlier, kernels: readonly KernelDeclaration[]): Others {
  const parts = new Map<number, readonly ShaderText[]>();
  let misfit: string | null = null;
  for (const kernel of kernels) {
    const missing = kernel.parts.find(({ file }) => earlier(file) === null);
    if (missing) {
      misfit ??= `${missing.file} was not there`;
      continue;
    }
    const own = kernel.parts.map((part) => ({ ...part, text: earlier(part.file)! }));
    if (own.every(({ text }, i) => text === kernel.parts[i].text)) continue;
    misfit ??= misfitOf(kernel, own.map(({ text }) => text).join("\n"));
    parts.set(kernel.id, own);
  }
  return { parts, misfit };
}

/** The reason why a text cannot stand in a kernel's place; null where it can. */
function misfitOf({ entry, name, code, interface: now }: KernelDeclaration, other: string): string | null {
  let then: typeof now;
  try {
    then = reflect(other, entry, name);
  } catch (error) {
    return (error as Error).message;
  }
  const face = ({ params, storage }: typeof now): string =>
    JSON.stringify([params, storage.map(({ name, binding, writable, element }) => [name, binding, writable, element])]);
  if (face(now) !== face(then)) return `${name} has other bindings`;
  const given = constantsOf(code), known = constantsOf(other);
  const lost = given.find((constant) => !known.includes(constant));
  return lost === undefined ? null : `${name} has no constant ${lost}`;
}

function constantsOf(code: string): string[] {
  return [...code.matchAll(/^\s*override\s+(\w+)/gm)].map(([, name]) => name);
}
