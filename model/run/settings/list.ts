/** Settings of a kind of run as a list, from its schema: each with its meaning, its range and its default. */
import { z } from "../../../engine/base/packages/zod.ts";
import type { RunKind } from "../kind.ts";
import { type Json, lookup } from "../layers.ts";

/** A setting, as `--set` names it. */
export interface Setting {
  /** Its path, such as `optimiser.rate`. */
  readonly name: string;
  /** Its meaning; of a part of a group without words of its own, the group's. */
  readonly meaning: string;
  /** Values it may have, in words. */
  readonly range: string;
  /** Value that it has unless another is given; undefined where a run must be given one. */
  readonly default: Json | undefined;
  /** True where a resumed run may change it. */
  readonly free: boolean;
}

/** The part of JSON Schema that zod writes for settings. */
interface Node {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly Node[];
  readonly items?: Node | false;
  readonly prefixItems?: readonly Node[];
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  /** Only odd numbers: a note of ours. */
  readonly odd?: boolean;
}

/** Facts in a run's settings that nobody sets. */
const FACTS: readonly string[] = ["kind", "version"];

/** Every setting of a kind, in the schema's order; defaults are those where `given` is chosen. */
export function listSettings(kind: RunKind, given: Json = {}): Setting[] {
  const defaults = kind.defaults(given);
  const list = (node: Node, path: readonly string[]): Setting[] => {
    const { properties } = node;
    if (properties) return Object.entries(properties).flatMap(([key, inner]) => list(inner, [...path, key]));
    const name = path.join(".");
    if (FACTS.includes(name)) return [];
    return [{
      name,
      meaning: node.description ?? "",
      range: rangeOf(node),
      default: lookup(defaults, path),
      free: kind.free.test(name),
    }];
  };
  return list(z.toJSONSchema(kind.schema, { io: "output", reused: "inline" }) as Node, []);
}

/** Settings of a run that differ from the defaults of their kind, with both values. */
export function changedSettings(
  kind: RunKind,
  config: Json,
): { readonly name: string; readonly value: Json | undefined; readonly default: Json | undefined }[] {
  return listSettings(kind, config).flatMap(({ name, default: usual }) => {
    const value = lookup(config, name.split("."));
    return JSON.stringify(value) === JSON.stringify(usual) ? [] : [{ name, value, default: usual }];
  });
}

/** The values that a node of a schema allows, in words. */
function rangeOf(node: Node): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(", ");
  if (node.anyOf) return node.anyOf.map(rangeOf).join(" or ");
  const types = typeof node.type === "string" ? [node.type] : node.type ?? [];
  return types.map((type) => typeRange(type, node)).join(" or ") || "any value";
}

function typeRange(type: string, node: Node): string {
  switch (type) {
    case "boolean":
      return "true, false";
    case "string":
      return "text";
    case "integer":
      return `${node.odd ? "odd" : "whole"} number${limits(node)}`;
    case "array":
      return listRange(node);
    case "object": {
      const parts = Object.entries(node.properties ?? {});
      return parts.length === 0
        ? "object"
        : `{ ${parts.map(([key, inner]) => `${key}: ${rangeOf(inner)}`).join("; ")} }`;
    }
    default:
      return `${type}${type === "number" ? limits(node) : ""}`;
  }
}

function listRange({ items, prefixItems, minItems = 0 }: Node): string {
  if (prefixItems) return `[${prefixItems.map(rangeOf).join(", ")}]`;
  return `list${minItems > 0 ? ` of ${minItems} or more` : ""}${items ? `: ${rangeOf(items)}` : ""}`;
}

/** ` from 0 to below 1`; the bounds of whole numbers themselves are none. */
function limits({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Node): string {
  const low = minimum !== undefined
    ? ` from ${minimum}`
    : exclusiveMinimum !== undefined
    ? ` above ${exclusiveMinimum}`
    : "";
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
    ? ` to ${maximum}`
    : exclusiveMaximum !== undefined
    ? ` to below ${exclusiveMaximum}`
    : "";
  return low + high;
}
