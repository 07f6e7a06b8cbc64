/** Entry points of the library, and what `deno doc` lists of a module. */
import { strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import configuration from "../../deno.json" with { type: "json" };

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A module and those behind its namespaces. */
function withNamespaces(path: string): string[] {
  const text = Deno.readTextFileSync(join(root, path));
  const inner = [...text.matchAll(/^export \* as \w+ from "([^"]+)";$/gm)].map(([, to]) => join(dirname(path), to));
  return [path, ...inner.flatMap(withNamespaces)];
}

/** Modules that users import, and those behind their namespaces. */
export const ENTRIES: readonly string[] = (() => {
  const exported = configuration.exports as string | Readonly<Record<string, string>>;
  const paths = typeof exported === "string" ? [exported] : Object.values(exported);
  return [...new Set([...paths, "engine/mod.ts"].map((path) => join(path)).flatMap(withNamespaces))];
})();

/** A part of `deno doc --json` that has a name. */
export interface Entry {
  readonly name: string;
  /** Of a declaration: `function`, `class`, `variable`, `reference`, … */
  readonly kind?: string;
  readonly accessibility?: "private" | "protected";
  readonly jsDoc?: { readonly doc?: string; readonly tags?: readonly { readonly kind: string }[] };
  readonly declarations?: readonly (Entry & { readonly def?: Readonly<Record<string, unknown>> })[];
}

/** Documentation of a module's exports. */
export async function documentation(path: string): Promise<Entry[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", path],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as { nodes: Record<string, { symbols: Entry[] }> };
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}
