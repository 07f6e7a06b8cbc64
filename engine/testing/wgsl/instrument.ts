/**
 * A copy of a kernel that takes notes of itself: indices out of range, and every access to workgroup memory and to buffers that
 * are written, in turn with barriers. Each invocation has notes of its own in two buffers, whose layout `notes.ts` knows; nothing
 * is atomic, and what the kernel computes stays the same.
 */
import { type Module, parseMembers, parseModule, reachedFrom, scalarsOf } from "./module.ts";
import type { Fn } from "./statements.ts";
import { type Place, placesOf } from "./places.ts";
import { closing, type Token } from "../../gpu/wgsl_tokens.ts";

/** A place in the text that notes speak of. */
export interface Site {
  readonly name: string;
  readonly space: "workgroup" | "private" | "uniform" | "read" | "read_write" | "function";
  readonly kind: Place["kind"];
  /** Line of the text. */
  readonly line: number;
  /** Numbers that it reads or writes at once, as a WGSL expression. */
  readonly size: string;
}

/** The copy, and what its notes mean. */
export interface Instrumented {
  readonly code: string;
  /** Places by number; barriers are numbered after them. */
  readonly sites: readonly Site[];
  /** Barriers: their lines, and whether they order workgroup memory. */
  readonly barriers: readonly { readonly line: number; readonly orders: boolean }[];
  /** Buffers that are written, and watched. */
  readonly written: readonly string[];
  /** Invocations of a workgroup, as a WGSL expression. */
  readonly lanes: string;
  /** Accesses that are not watched, in words. */
  readonly loose: readonly string[];
  /** Values of constants by name, as WGSL expressions. */
  readonly constants: ReadonlyMap<string, string>;
}

/** Names of the notes' variables. */
export const NOTES = "itera_notes", LOG = "itera_log";

/** Words of the notes' head, and of each invocation's notes: its events, and the first index out of range with its place. */
export const HEAD = 4, OWN = 4;

/** Bits of an event that are the address; the others are its place. */
export const ADDRESS_BITS = 21;

/** An event that is none: of an index out of range, which no memory is touched by. */
export const NONE = 2 ** (32 - ADDRESS_BITS) - 1;

interface Edit {
  readonly at: number;
  readonly text: string;
  /** Characters that it replaces. */
  readonly drop?: number;
}

/** The copy of a text that notes what `entry` does. */
export function instrument(source: string, entry: string): Instrumented {
  const module = parseModule(source), reached = reachedFrom(module, entry);
  const start = reached.find(({ name }) => name === entry)!;
  const sites: Site[] = [], barriers: Instrumented["barriers"][number][] = [], loose: string[] = [], edits: Edit[] = [];
  const written = [...module.variables.values()].filter(({ space, type }) =>
    space === "read_write" && !JSON.stringify(type).includes('"atomic"')
  ).map(({ name }) => name);
  let partial = 0;
  for (const fn of reached) {
    for (const place of placesOf(module, fn)) {
      const site = noted(source, place, sites.length, written, () => partial++, edits, loose);
      if (site) sites.push(site);
    }
    for (const { text, line, at } of fn.tokens) {
      if (text === "workgroupUniformLoad") loose.push(`line ${line}: workgroupUniformLoad`);
      if (text !== "workgroupBarrier" && text !== "storageBarrier") continue;
      edits.push({ at, text: `itera_event(ITERA_SITES + ${barriers.length}u, 0u); ` });
      barriers.push({ line, orders: text === "workgroupBarrier" });
    }
  }
  const lanes = lanesOf(start.attributes);
  return {
    code: `${edited(source, [...edits, ...renamed(start)])}\n${entryOf(module, start, lanes)}\n${
      helpers(sites.length, Math.max(1, partial))
    }`,
    sites,
    barriers,
    written,
    lanes,
    loose,
    constants: module.constants,
  };
}

/** Adds the notes of one place; its site, or null where there is nothing to note. */
function noted(
  source: string,
  place: Place,
  number: number,
  written: readonly string[],
  newPartial: () => number,
  edits: Edit[],
  loose: string[],
): Site | null {
  const { name, variable, kind, line, steps, offset, type } = place, space = variable?.space ?? "function";
  const shared = space === "workgroup" || (space === "read_write" && written.includes(name));
  const watched = shared && kind !== "atomic";
  if (kind === "pointer") {
    if (shared) loose.push(`line ${line}: a pointer to ${name}`);
    return null;
  }
  const size = scalarsOf(type);
  const known = size !== null && steps.every(({ stride }) => stride !== null);
  if (watched && !known) loose.push(`line ${line}: ${name} as a whole`);
  const watch = watched && known;
  const site: Site = { name, space, kind, line, size: size ?? "0u" };
  if (!watch) {
    let some = false;
    for (const { from, to, literal, length } of steps) {
      if (literal !== null && /^(u32\()?\d+u?\)?$/.test(length) && literal < parseInt(length.replace("u32(", ""))) {
        continue;
      }
      edits.push({ at: from, text: `itera_index(${number}u, u32(` }, { at: to, text: `), ${length})` });
      some = true;
    }
    return some ? site : null;
  }
  const mark = `itera_touch(${number}u, `;
  if (steps.length === 0) {
    const call = `${mark}0u, 1u, ${offset}, 0u)`;
    if (kind === "read" && (type.kind === "scalar" || type.kind === "vector")) {
      const same = source.slice(place.from, place.to);
      edits.push({ at: place.from, text: "select(" }, { at: place.to, text: `, ${same}, ${call} == 0u)` });
    } else if (kind !== "read" && place.leads) edits.push({ at: place.from, text: `${call}; ` });
    else {
      loose.push(`line ${line}: ${name}`);
      return null;
    }
    return site;
  }
  const slot = steps.length > 1 ? newPartial() : 0;
  steps.forEach(({ from, to, length, stride }, i) => {
    const last = i === steps.length - 1;
    const before = i === 0
      ? (last ? offset : "0u")
      : last
      ? `itera_partial[${slot}u] + ${offset}`
      : `itera_partial[${slot}u]`;
    const open = last ? mark : `itera_partly(${number}u, ${slot}u, `;
    edits.push({ at: from, text: `${open}u32(` }, { at: to, text: `), ${length}, ${before}, ${stride})` });
  });
  return site;
}

const BODY = "itera_body";

/** Makes a plain function of the entry point. */
function renamed({ name, attributes, parameters, open }: Fn): Edit[] {
  const edits: Edit[] = attributes.map(({ at, text }) => ({ at, text: "", drop: text.length }));
  edits.push({ at: open - name.length, text: BODY, drop: name.length });
  // Builtin values come as plain parameters.
  for (let i = 0; i < parameters.length; i++) {
    if (parameters[i].text !== "@") continue;
    const stop = closing(parameters, i + 2);
    for (let k = i; k <= stop; k++) edits.push({ at: parameters[k].at, text: "", drop: parameters[k].text.length });
  }
  return edits;
}

/** An entry point that takes notes around what was one. */
function entryOf(module: Module, { name, parameters, attributes }: Fn, lanes: string): string {
  const members = parameters.length === 0 ? [] : parseMembers(parameters, module.types);
  const added: string[] = [];
  const value = (builtin: string, type: string): string => {
    for (const { name, builtin: own, type: declared } of members) {
      if (own === builtin) return name;
      if (declared.kind !== "struct") continue;
      const member = declared.members.find((one) => one.builtin === builtin);
      if (member) return `${name}.${member.name}`;
    }
    added.push(`@builtin(${builtin}) itera_${builtin}: ${type}`);
    return `itera_${builtin}`;
  };
  const group = value("workgroup_id", "vec3<u32>"), groups = value("num_workgroups", "vec3<u32>");
  const lane = value("local_invocation_index", "u32");
  const given = parameters.map(({ text }) => text).join(" ").replace(/,\s*$/, "");
  const all = [...given === "" ? [] : [given], ...added].join(", ");
  return `
${attributes.map(({ text }) => text).join(" ")}
fn ${name}(${all}) {
  itera_begin(${group}, ${groups}, ${lane}, ${lanes});
  ${BODY}(${members.map((member) => member.name).join(", ")});
  itera_end();
}`;
}

/** Invocations of a workgroup as a WGSL expression. */
function lanesOf(attributes: readonly Token[]): string {
  const at = attributes.findIndex(({ text }) => text === "workgroup_size");
  const parts: string[][] = [[]];
  for (let i = at + 2, depth = 1; i < attributes.length; i++) {
    const { text } = attributes[i];
    if (text === "(") depth++;
    if (text === ")" && --depth === 0) break;
    if (text === "," && depth === 1) parts.push([]);
    else parts.at(-1)!.push(text);
  }
  return parts.filter((part) => part.length > 0).map((part) => `u32(${part.join(" ")})`).join(" * ");
}

/** The text with insertions; those at one place in the order given. */
function edited(source: string, edits: readonly Edit[]): string {
  const sorted = edits.map((edit, i) => ({ ...edit, i })).sort((a, b) => a.at - b.at || a.i - b.i);
  let text = "", done = 0;
  for (const { at, text: own, drop = 0 } of sorted) {
    text += source.slice(done, at) + own;
    done = at + drop;
  }
  return text + source.slice(done);
}

/**
 * Functions that take the notes. All their names are their own: reflection takes any name that a kernel reaches for its variable of
 * that name.
 */
function helpers(sites: number, partial: number): string {
  return `
@group(0) @binding(62) var<storage, read_write> ${LOG}: array<u32>;
@group(0) @binding(63) var<storage, read_write> ${NOTES}: array<u32>;
const ITERA_SITES = ${sites}u;
var<private> itera_own: u32;
var<private> itera_base: u32;
var<private> itera_most: u32;
var<private> itera_events: u32;
var<private> itera_fault: vec3<u32>;
var<private> itera_partial: array<u32, ${partial}>;

fn itera_begin(itera_group: vec3<u32>, itera_groups: vec3<u32>, itera_lane: u32, itera_lanes: u32) {
  itera_own = (itera_group.x + itera_groups.x * (itera_group.y + itera_groups.y * itera_group.z)) * itera_lanes + itera_lane;
  itera_most = ${NOTES}[0];
  itera_base = itera_own * (itera_most + 1u);
}

fn itera_end() {
  let itera_at = ${HEAD}u + ${OWN}u * itera_own;
  ${NOTES}[itera_at] = itera_events;
  ${NOTES}[itera_at + 1u] = itera_fault.x;
  ${NOTES}[itera_at + 2u] = itera_fault.y;
  ${NOTES}[itera_at + 3u] = itera_fault.z;
}

// An event of this invocation; those for which there is no space share the last word, and are counted.
fn itera_event(itera_site: u32, itera_address: u32) {
  ${LOG}[itera_base + min(itera_events, itera_most)] = (itera_site << ${ADDRESS_BITS}u) | (itera_address & ${
    2 ** ADDRESS_BITS - 1
  }u);
  itera_events += 1u;
}

// Without a branch, which && is where it is compiled for Vulkan: inlined at every index they take a driver minutes, and gigabytes.
fn itera_index(itera_site: u32, itera_i: u32, itera_length: u32) -> u32 {
  let itera_first = (itera_i >= itera_length) & (itera_fault.x == 0u);
  itera_fault = select(itera_fault, vec3<u32>(itera_site + 1u, itera_i, itera_length), itera_first);
  return itera_i;
}

fn itera_partly(itera_site: u32, itera_slot: u32, itera_i: u32, itera_length: u32, itera_before: u32, itera_stride: u32) -> u32 {
  itera_partial[itera_slot] = itera_before + itera_i * itera_stride;
  return itera_index(itera_site, itera_i, itera_length);
}

fn itera_touch(itera_site: u32, itera_i: u32, itera_length: u32, itera_before: u32, itera_stride: u32) -> u32 {
  itera_event(select(itera_site, ${NONE}u, itera_i >= itera_length), itera_before + itera_i * itera_stride);
  return itera_index(itera_site, itera_i, itera_length);
}
`;
}
