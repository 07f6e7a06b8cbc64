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
    const match = /^(\w+)\s*:\s*(?:(u32|i32|f32)|vec([234])<(u32|i32|f32)>)$/.exec(text);
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
  const storage: StorageBinding[] = [];
  let hasParams = false;
  const binding =
    /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(uniform|storage)\s*(?:,\s*(read|read_write)\s*)?>\s*(\w+)\s*:\s*(?:array<\s*)?(?:(?:vec[234]|mat\dx\d)<\s*)?(\w+)/g;
  for (let match = binding.exec(source); match; match = binding.exec(source)) {
    if (!used.has(match[4])) continue;
    if (match[2] === "uniform") hasParams = true;
    else {
      const element = ELEMENTS.find((type) => type === match[5]);
      storage.push({ name: match[4], binding: Number(match[1]), writable: match[3] === "read_write", element });
    }
  }
  const params = hasParams ? parseParams(source, file) : { fields: [], bytes: 0 };
  return { params: params.fields, paramBytes: params.bytes, storage };
}
