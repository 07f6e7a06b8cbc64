/** Ops, kernels and shaders by name or pattern, as the checks that they stand for. */
import { UserError } from "../../engine/base/user_error.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { allOps } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import "../../engine/optim/mod.ts";
import { nearest } from "../../model/run/layers.ts";

/** A choice of checks. */
export interface Selection {
  /** Ops that are checked whole, by name. */
  readonly ops: readonly string[];
  /** Kernels by name: of every op the samples that run one of them. */
  readonly kernels: readonly string[];
}

/** Names of all there is: of ops, of kernels by entry and by file and entry, of shader files. */
export interface Names {
  readonly ops: readonly string[];
  readonly kernels: ReadonlyMap<string, readonly string[]>;
  readonly files: ReadonlyMap<string, readonly string[]>;
}

/** All names. */
export function allNames(): Names {
  const kernels = new Map<string, string[]>(), files = new Map<string, string[]>();
  const add = (to: Map<string, string[]>, key: string, kernel: string): void => {
    const own = to.get(key);
    if (!own) to.set(key, [kernel]);
    else if (!own.includes(kernel)) own.push(kernel);
  };
  for (const { name, entry, parts, traits } of allKernels()) {
    if (traits.users) continue;
    for (const key of [name, entry, name.split("+")[0]]) add(kernels, key, name);
    for (const { file } of parts) {
      for (const key of [file, file.split("/").at(-1)!, `shaders/${file}`]) add(files, key, name);
    }
  }
  return { ops: [...allOps().keys()], kernels, files };
}

/** Names that a shell offers: ops, shaders and entry points. */
export function wordsForShells(): readonly string[] {
  const { ops, kernels, files } = allNames(), plain = (name: string): boolean => /^[\w.]+$/.test(name);
  return [...new Set([...ops, ...files.keys(), ...kernels.keys()])].filter(plain);
}

/** True where a name fits a pattern of `*` and `?`. */
export function fits(pattern: string): (name: string) => boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  const expression = new RegExp(`^${escaped}$`);
  return (name) => expression.test(name);
}

/** The ops, else the kernels, else the shaders that each name stands for. Throws {@link UserError} for one that is none. */
export function select(words: readonly string[], names: Names = allNames()): Selection {
  const ops = new Set<string>(), kernels = new Set<string>();
  for (const word of words) {
    const own = fits(word), found = names.ops.filter(own);
    for (const name of found) ops.add(name);
    if (found.length > 0) continue;
    const keyed = [names.kernels, names.files].map((all) => [...all].filter(([key]) => own(key)));
    const chosen = keyed.find((some) => some.length > 0);
    if (!chosen) throw new UserError(unknown(word, names));
    for (const [, some] of chosen) for (const kernel of some) kernels.add(kernel);
  }
  return { ops: [...ops], kernels: [...kernels] };
}

function unknown(word: string, { ops, kernels, files }: Names): string {
  const near = nearest(word, [...ops, ...kernels.keys(), ...files.keys()]);
  return `there is no op, kernel or shader "${word}"${near ? `; did you mean ${near}?` : "; --list names all"}`;
}
