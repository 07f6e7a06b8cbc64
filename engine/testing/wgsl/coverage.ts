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

/** The kernel's text with a mark at the beginning of each of its blocks, in the order of {@link branchesOf}. */
export function marked({ code, entry }: Pick<KernelDeclaration, "code" | "entry">): string {
  const blocks = reachedFrom(parseModule(code), entry).flatMap(({ body }) => blocksIn(body));
  const places = blocks.map(({ open }, i) => ({ at: open.at + 1, text: ` ${MARKS}[${i}] = 1u;` })).sort((a, b) =>
    a.at - b.at
  );
  let text = "", done = 0;
  for (const place of places) {
    text += code.slice(done, place.at) + place.text;
    done = place.at;
  }
  return `${text}${code.slice(done)}\n@group(0) @binding(${BINDING}) var<storage, read_write> ${MARKS}: array<u32>;\n`;
}

/** Nothing reached yet. */
export function noCoverage(): Coverage {
  return { kernels: new Set(), branches: new Set(), constants: new Map(), unmarked: new Set() };
}

/** Runs `body` with every kernel in a marked copy, and adds what it reaches. */
export async function cover(device: Device, body: () => Promise<unknown>, coverage: Coverage): Promise<void> {
  const gpu = contextOf(device), { run, pool } = gpu, { current } = pool;
  const copies = new Map<
    KernelDeclaration,
    { readonly copy: Kernel; readonly branches: Branch[]; readonly marks: PoolBuffer }
  >();
  gpu.run = (kernel: Kernel, options: Run): void => {
    const declaration = declarationOf(kernel), { interface: { storage }, name } = declaration;
    if (options.grid.includes(0)) return;
    coverage.kernels.add(name);
    for (const { name, file } of overridesOf(declaration)) {
      const value = options.constants?.[name];
      if (value === undefined) continue;
      const key = `${file} ${name}`, own = coverage.constants.get(key);
      if (own) own.add(value);
      else coverage.constants.set(key, new Set([value]));
    }
    if (storage.length + 1 > device.info.limits.maxStorageBuffersPerShaderStage) {
      coverage.unmarked.add(name);
      return run.call(gpu, kernel, options);
    }
    let own = copies.get(declaration);
    if (!own) {
      const branches = branchesOf(declaration), marks = pool.acquire(4 * Math.max(4, branches.length));
      gpu.upload(marks, new Uint32Array(branches.length));
      copies.set(declaration, own = { copy: variantOf(kernel, marked(declaration)), branches, marks });
    }
    run.call(gpu, own.copy, { ...options, bind: { ...options.bind, [MARKS]: own.marks } });
  };
  try {
    await body();
    await Promise.all([...copies.values()].map(async ({ branches, marks }) => {
      const words = new Uint32Array(await gpu.read(marks, 4 * branches.length));
      branches.forEach((branch, i) => words[i] === 1 && coverage.branches.add(branchKey(branch)));
    }));
  } finally {
    gpu.run = run;
    for (const { marks } of copies.values()) pool.release(marks, current);
  }
}
