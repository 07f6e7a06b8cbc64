/** Branches of kernels that runs reach: each block of a copy marks that it was entered. */
import type { Device } from "../../device.ts";
import { contextOf } from "../../friends.ts";
import type { PoolBuffer } from "../../gpu/buffer_pool.ts";
import type { Run } from "../../gpu/context.ts";
import { declarationOf, type Kernel, type KernelDeclaration, lineOf, variantOf } from "../../gpu/kernel.ts";
import { parseModule, reachedFrom } from "./module.ts";
import { blocksIn } from "./statements.ts";

/** A block in braces, by the file that it stands in. */
export interface Branch {
  readonly file: string;
  readonly line: number;
  /** Characters of its line before it, the spaces at the line's beginning aside. */
  readonly column: number;
  /** The line. */
  readonly text: string;
}

/** Parts of kernels that runs reached. */
export interface Coverage {
  /** Kernels that ran, by name. */
  readonly kernels: Set<string>;
  /** Blocks that were entered, by {@link branchKey}. */
  readonly branches: Set<string>;
  /** Values that each overridable constant of a file was given, by `file NAME`. */
  readonly constants: Map<string, Set<number>>;
  /** Kernels that leave no binding for marks: nothing is known of their branches. */
  readonly unmarked: Set<string>;
}

/** A name for a block that every kernel made with its text has in common. */
export function branchKey({ file, line, column }: Branch): string {
  return `${file}:${line}:${column}`;
}

/** Blocks of the functions that a kernel reaches, its entry point's body first of all where it comes first. */
export function branchesOf(kernel: KernelDeclaration): Branch[] {
  return reachedFrom(parseModule(kernel.code), kernel.entry).flatMap(({ body }) => blocksIn(body)).map(({ open }) => {
    const { file, line, text } = lineOf(kernel, open.line), start = kernel.code.lastIndexOf("\n", open.at) + 1;
    const indent = /^\s*/.exec(kernel.code.slice(start))![0].length;
    return { file, line, column: open.at - start - indent, text };
  });
}

/** Overridable constants that a kernel's text declares, with the file of each. */
export function overridesOf(kernel: KernelDeclaration): { readonly name: string; readonly file: string }[] {
  const prefix = kernel.traits.users ? "" : "shaders/";
  return kernel.parts.flatMap(({ file, text }) =>
    [...text.matchAll(/^\s*override\s+(\w+)/gm)].map(([, name]) => ({ name, file: prefix + file }))
  );
}

const MARKS = "itera_marks", BINDING = 63;

/** The place of marks: a variable, the WGSL expression of its first mark, and what a mark is there. */
interface MarksAt {
  readonly name: string;
  readonly from: string;
  readonly mark: string;
  /** Bytes of a mark. */
  readonly bytes: number;
  /** The declaration that the text lacks. */
  readonly declared: string;
}

const OWN: MarksAt = {
  name: MARKS,
  from: "0u",
  mark: "1u",
  bytes: 4,
  declared: `@group(0) @binding(${BINDING}) var<storage, read_write> ${MARKS}: array<u32>;`,
};

/** The end of a variable that a kernel writes, where it binds as many buffers as the device lets it; null where none will do. */
function behindOne({ code, interface: { storage } }: KernelDeclaration): MarksAt | null {
  const { variables } = parseModule(code);
  for (const { name, writable } of storage) {
    const type = variables.get(name)?.type;
    if (!writable || type?.kind !== "array" || type.length !== null || code.includes(`arrayLength(&${name})`)) continue;
    const [scalar, count] = type.of.kind === "vector" ? [type.of.of, type.of.count] : [type.of, 1];
    if (scalar.kind !== "scalar" || scalar.name === "f16" || count === 3) continue;
    const one = count === 1 ? scalar.name : `vec${count}<${scalar.name}>`;
    return {
      name,
      from: `${MARKS}`,
      mark: `${one}(1)`,
      bytes: 4 * count,
      declared: `override ${MARKS}: u32 = 0u;`,
    };
  }
  return null;
}

/** The kernel's text with a mark at the beginning of each of its blocks, in the order of {@link branchesOf}. */
export function marked({ code, entry }: Pick<KernelDeclaration, "code" | "entry">, at: MarksAt = OWN): string {
  const { name, from, mark, declared } = at;
  const blocks = reachedFrom(parseModule(code), entry).flatMap(({ body }) => blocksIn(body));
  const places = blocks.map(({ open }, i) => ({ at: open.at + 1, text: ` itera_mark(${i}u);` })).sort((
    a,
    b,
  ) => a.at - b.at);
  let text = "", done = 0;
  for (const place of places) {
    text += code.slice(done, place.at) + place.text;
    done = place.at;
  }
  // By a function: a block may have a name of its own that is the variable's.
  return `${text}${
    code.slice(done)
  }\n${declared}\nfn itera_mark(itera_i: u32) { ${name}[${from} + itera_i] = ${mark}; }\n`;
}

/** Nothing reached yet. */
export function noCoverage(): Coverage {
  return { kernels: new Set(), branches: new Set(), constants: new Map(), unmarked: new Set() };
}

/** A kernel's copy, and the buffers that its marks come to lie in. */
interface Copy {
  readonly copy: Kernel;
  readonly at: MarksAt;
  readonly branches: readonly Branch[];
  readonly marks: PoolBuffer[];
}

/** Blocks of kernels that were looked at: their texts are parsed once. */
const known = new WeakMap<KernelDeclaration, readonly Branch[]>();

function knownBranches(kernel: KernelDeclaration): readonly Branch[] {
  const found = known.get(kernel) ?? branchesOf(kernel);
  known.set(kernel, found);
  return found;
}

/** Marked copies by the kernel and the place of its marks: what is compiled of one serves every later run on a device. */
const markedCopies = new WeakMap<KernelDeclaration, Map<string, Kernel>>();

function markedCopy(kernel: Kernel, declaration: KernelDeclaration, at: MarksAt): Kernel {
  const copies = markedCopies.get(declaration) ?? new Map<string, Kernel>();
  markedCopies.set(declaration, copies);
  const copy = copies.get(at.name) ?? variantOf(kernel, marked(declaration, at));
  copies.set(at.name, copy);
  return copy;
}

/**
 * Runs `body` with every kernel in a marked copy, which binds `most` buffers at most, and adds what it reaches. A kernel of which
 * every block was entered before runs as it is: its copies would be compiled for nothing.
 */
export async function cover(
  device: Device,
  body: () => Promise<unknown>,
  coverage: Coverage,
  most: number = device.info.limits.maxStorageBuffersPerShaderStage,
): Promise<void> {
  const gpu = contextOf(device), { run, pool } = gpu, { current, acquire } = pool;
  const copies = new Map<KernelDeclaration, Copy>(), held: PoolBuffer[] = [];
  const before = new Set(coverage.branches);
  const isWhole = (kernel: KernelDeclaration): boolean =>
    knownBranches(kernel).every((branch) => before.has(branchKey(branch)));
  const hold = (bytes: number): PoolBuffer => {
    const buffer = acquire.call(pool, bytes);
    held.push(buffer);
    return buffer;
  };
  const copyOf = (kernel: Kernel, declaration: KernelDeclaration): Copy | null => {
    const full = declaration.interface.storage.length + 1 > most;
    const at = full ? behindOne(declaration) : OWN;
    if (!at) return null;
    const branches = knownBranches(declaration),
      own: Copy = {
        copy: markedCopy(kernel, declaration, at),
        at,
        branches,
        marks: full ? [] : [hold(4 * Math.max(4, branches.length))],
      };
    if (!full) gpu.upload(own.marks[0], new Uint32Array(branches.length));
    copies.set(declaration, own);
    return own;
  };
  gpu.run = (kernel: Kernel, options: Run): void => {
    const declaration = declarationOf(kernel), { name } = declaration;
    if (options.grid.includes(0)) return;
    coverage.kernels.add(name);
    for (const { name, file } of overridesOf(declaration)) {
      const value = options.constants?.[name];
      if (value === undefined) continue;
      const key = `${file} ${name}`, own = coverage.constants.get(key);
      if (own) own.add(value);
      else coverage.constants.set(key, new Set([value]));
    }
    if (isWhole(declaration)) return run.call(gpu, kernel, options);
    const own = copies.get(declaration) ?? copyOf(kernel, declaration);
    if (!own) {
      coverage.unmarked.add(name);
      return run.call(gpu, kernel, options);
    }
    const { copy, at, branches, marks } = own;
    if (at === OWN) return run.call(gpu, copy, { ...options, bind: { ...options.bind, [MARKS]: marks[0] } });
    // In a larger buffer than the kernel's, with its numbers, which go back afterwards.
    const buffer = options.bind[at.name]!, from = Math.ceil(buffer.bytes / at.bytes), size = at.bytes * branches.length;
    const larger = hold(at.bytes * from + size), kept = hold(size);
    gpu.upload(larger, new Uint32Array(larger.bytes / 4));
    gpu.copy(buffer, 0, larger, 0, buffer.bytes);
    const constants = { ...options.constants, [MARKS]: from };
    run.call(gpu, copy, { ...options, bind: { ...options.bind, [at.name]: larger }, constants });
    gpu.copy(larger, 0, buffer, 0, buffer.bytes);
    gpu.copy(larger, at.bytes * from, kept, 0, size);
    marks.push(kept);
  };
  try {
    await body();
    await Promise.all(
      [...copies.values()].flatMap(({ branches, marks, at }) =>
        marks.map(async (buffer) => {
          const words = new Uint32Array(await gpu.read(buffer, at.bytes * branches.length));
          branches.forEach((branch, i) => words[i * at.bytes / 4] !== 0 && coverage.branches.add(branchKey(branch)));
        })
      ),
    );
  } finally {
    gpu.run = run;
    for (const buffer of held) pool.release(buffer, current);
  }
}
