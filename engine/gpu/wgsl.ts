/**
 * Reflection of a kernel's WGSL: the layout of `struct Params` and the bindings each entry point reaches. The shader
 * text is the one source of truth; no layout is written a second time in TypeScript.
 *
 * Convention: `@group(0) @binding(0) var<uniform> params: Params` where there are parameters, storage buffers from 1 up.
 */
import { KernelError } from "../base/errors.ts";

/** One scalar or vector field of `struct Params`, in bytes from its start. */
export interface ParamField {
  /** As in the shader. */
  readonly name: string;
  /** Type of its components. */
  readonly scalar: "u32" | "i32" | "f32";
  /** Number of components, 1 to 4. */
  readonly width: number;
  /** Bytes from the start of the block. */
  readonly offset: number;
}

/** One storage binding an entry point uses. */
export interface StorageBinding {
  /** As in the shader. */
  readonly name: string;
  /** Its `@binding` number. */
  readonly binding: number;
  /** True for `read_write`. */
  readonly writable: boolean;
  /** Type of the numbers it holds, vectors and matrices of them included; undefined where it has a name of its own. */
  readonly element: "f32" | "i32" | "u32" | "f16" | undefined;
}

/** Parameters and bindings of one entry point. */
export interface KernelInterface {
  /** Fields of `Params`, in order. */
  readonly params: readonly ParamField[];
  /** Size of the parameter block; 0 when there is none. */
  readonly paramBytes: number;
  /** Storage variables it reaches. */
  readonly storage: readonly StorageBinding[];
  /** Storage variables that its text declares, whether it reaches them or not. */
  readonly declared: readonly string[];
}

function stripComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/\/\/[^\n]*/g, " ");
}

/** Name → identifiers used in its body, for every function of the module. */
function functionBodies(source: string): Map<string, Set<string>> {
  const bodies = new Map<string, Set<string>>();
  const header = /\bfn\s+(\w+)\s*\(/g;
  for (let match = header.exec(source); match; match = header.exec(source)) {
    let at = source.indexOf("{", match.index);
    const start = at;
    for (let depth = 0; at < source.length; at++) {
      if (source[at] === "{") depth++;
      else if (source[at] === "}" && --depth === 0) break;
    }
    bodies.set(match[1], new Set(source.slice(start, at).match(/(?<![.\w])[A-Za-z_]\w*/g) ?? []));
  }
  return bodies;
}

function parseParams(source: string, file: string): { fields: ParamField[]; bytes: number } {
  const struct = /struct\s+Params\s*\{([^}]*)\}/.exec(source);
  if (!struct) return { fields: [], bytes: 0 };
  const fields: ParamField[] = [];
  let offset = 0;
  let align = 4;
  for (const member of struct[1].split(/,(?![^<]*>)/)) {
    const text = member.trim();
    if (text === "") continue;
    const long = text.replace(
      /\bvec([234])([fiu])$/,
      (_, width, short: keyof typeof SHORT) => `vec${width}<${SHORT[short]}>`,
    );
    const match = /^(\w+)\s*:\s*(?:(u32|i32|f32)|vec([234])<\s*(u32|i32|f32)\s*>)$/.exec(long);
    if (!match) throw new KernelError(`${file}: Params member "${text}" is not a scalar or vector of u32, i32, f32`);
    const width = match[3] ? Number(match[3]) : 1;
    const own = width === 1 ? 4 : width === 2 ? 8 : 16;
    align = Math.max(align, own);
    offset = Math.ceil(offset / own) * own;
    fields.push({ name: match[1], scalar: (match[2] ?? match[4]) as ParamField["scalar"], width, offset });
    offset += width * 4;
  }
  return { fields, bytes: Math.ceil(offset / Math.max(align, 16)) * Math.max(align, 16) };
}

/**
 * Numbers that a WGSL text declares as `const HALF_PIXEL = 1u;`, by what TypeScript calls them (`halfPixel`): what a switch
 * of a shader goes by is numbered there alone.
 */
export function numbered<N extends string>(text: string, ...names: readonly N[]): Readonly<Record<N, number>> {
  const declared = new Map(
    [...stripComments(text).matchAll(/\bconst\s+(\w+)\s*=\s*(\d+)u\s*;/g)].map((
      [, name, value],
    ) => [name, Number(value)]),
  );
  const of = (name: N): number => {
    const constant = name.replace(/[A-Z]/g, "_$&").toUpperCase(), value = declared.get(constant);
    if (value === undefined) throw new KernelError(`there is no "const ${constant}" of a whole number in the shader`);
    return value;
  };
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<N, number>;
}

const ELEMENTS = ["f32", "i32", "u32", "f16"] as const;
const SHORT = { f: "f32", i: "i32", u: "u32", h: "f16" } as const;

/** Type of the numbers in a variable's type: arrays, vectors, matrices and atomics of them, by whatever names. */
function elementOf(type: string, aliases: ReadonlyMap<string, string>): StorageBinding["element"] {
  const text = type.trim();
  const known = ELEMENTS.find((element) => element === text);
  if (known) return known;
  const short = /^(?:vec[234]|mat[234]x[234])([fiuh])$/.exec(text);
  if (short) return SHORT[short[1] as keyof typeof SHORT];
  const inner = /^(?:array|atomic|vec[234]|mat[234]x[234])\s*<([\s\S]*)>$/.exec(text);
  // An array's size stands after its type, and no type here has a comma within.
  if (inner) return elementOf(inner[1].split(",")[0], aliases);
  const alias = aliases.get(text);
  return alias === undefined ? undefined : elementOf(alias, aliases);
}

/** Reads the interface of `entry` from WGSL `text`; `file` names it in errors. */
export function reflect(text: string, entry: string, file: string): KernelInterface {
  const source = stripComments(text);
  const bodies = functionBodies(source);
  if (!bodies.has(entry)) throw new KernelError(`${file}: there is no entry point "${entry}"`);
  const used = new Set<string>();
  const queue = [entry];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    for (const id of bodies.get(name) ?? []) {
      if (used.has(id)) continue;
      used.add(id);
      if (bodies.has(id)) queue.push(id);
    }
  }
  const aliases = new Map(
    [...source.matchAll(/\balias\s+(\w+)\s*=\s*([^;]+);/g)].map(([, name, type]) => [name, type]),
  );
  const storage: StorageBinding[] = [], declared: string[] = [];
  let hasParams = false;
  const binding =
    /((?:@\w+\s*\(\s*\d+\s*\)\s*)+)var\s*<\s*(uniform|storage)\s*(?:,\s*(read|read_write)\s*)?>\s*(\w+)\s*:\s*([^;]+);/g;
  for (const [, attributes, space, access, name, type] of source.matchAll(binding)) {
    if (space === "uniform" && name !== "params") {
      throw new KernelError(`${file}: its uniform variable is "${name}"; parameters are a struct Params named params`);
    }
    if (space === "storage") declared.push(name);
    if (!used.has(name)) continue;
    if (space === "uniform") {
      hasParams = true;
      continue;
    }
    const number = Number(/@binding\s*\(\s*(\d+)/.exec(attributes)?.[1]);
    storage.push({ name, binding: number, writable: access === "read_write", element: elementOf(type, aliases) });
  }
  const params = hasParams ? parseParams(source, file) : { fields: [], bytes: 0 };
  return { params: params.fields, paramBytes: params.bytes, storage, declared };
}
