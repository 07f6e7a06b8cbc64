/** Examples: every function and class of an entry point has one in its doc comment, and `deno task test:docs` runs it. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import configuration from "../deno.json" with { type: "json" };
import { documentation, ENTRIES, type Entry } from "./support/documentation.ts";
import { withFolder } from "./support/folder.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Files and folders whose examples the task runs. */
const RUN = configuration.tasks["test:docs"].command.split(" --doc ")[1].split(" ").filter((word) => word[0] !== "-");

/** A base class whose example stands for the errors that extend it: the only exports that need none of their own. */
const FAMILY = "EngineError";

/** True for a declaration that is to have an example: a function, a constant that is one, or a class. */
function isShown({ kind, def = {} }: NonNullable<Entry["declarations"]>[number]): boolean {
  if (kind === "variable") return (def.tsType as { readonly kind?: string } | undefined)?.kind === "fnOrConstructor";
  return kind === "function" || (kind === "class" && def.extends !== FAMILY);
}

/** Exports without an example, or with none that asserts its result. */
function lacking(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ name, declarations = [] }) => {
    const shown = declarations.filter(isShown);
    if (shown.length === 0) return [];
    const examples = shown.flatMap(({ jsDoc }) => [...jsDoc?.doc?.matchAll(/^```ts\n([^]*?)^```$/gm) ?? []]);
    if (examples.length === 0) return [`${name} has no example`];
    const asserts = examples.some(([, code]) => /^import \{.*\} from "node:assert\/strict";$/m.test(code));
    return asserts ? [] : [`no example of ${name} asserts its result`];
  });
}

/** Lines of a text where a doc comment opens an example that is not run. */
function passedOver(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, i) => /^\s*\*\s*```.*\bignore\b/.test(line) ? [`${path}:${i + 1}`] : []);
}

/** TypeScript files at or below a path, relative to the project. */
function sources(path: string): string[] {
  if (path.endsWith(".ts")) return [path];
  return [...Deno.readDirSync(join(root, path))].flatMap(({ name, isDirectory }) =>
    isDirectory || name.endsWith(".ts") ? sources(`${path}/${name}`) : []
  );
}

for (const entry of ENTRIES) {
  Deno.test(`every function and class of ${entry} is shown by an example`, async () => {
    ok(
      RUN.some((path) => entry === path || entry.startsWith(`${path}/`)),
      `test:docs does not run ${entry}'s examples`,
    );
    deepStrictEqual(lacking(await documentation(entry)), []);
  });
}

Deno.test("no example is passed over", () => {
  const files = RUN.flatMap(sources);
  ok(files.length > 200, `${files.length} files`);
  deepStrictEqual(files.flatMap((path) => passedOver(path, Deno.readTextFileSync(join(root, path)))), []);
});

Deno.test("missing, idle and ignored examples are found", () =>
  withFolder(async (folder) => {
    const example = (...code: string[]): string => ["```ts", ...code, "```"].map((line) => ` * ${line}`).join("\n");
    const good = example('import { ok } from "node:assert/strict";', "", "ok(true);");
    const module = `/** Bare. */
export function bare(): void {}
/**
 * Idle.
 *
${example("console.log(1);")}
 */
export function idle(): void {}
/**
 * Good.
 *
${good}
 */
export const good: () => void = () => {};
/** An op. */
export const op: (x: number) => number = (x) => x;
/** A base. */
export class EngineError extends Error {}
/** One of the family. */
export class ShapeError extends EngineError {}
/** Another error. */
export class OtherError extends Error {}
/** No function. */
export const none: number = 0;
/** A type. */
export interface Some { readonly one: 1 }
`;
    await Deno.writeTextFile(join(folder, "a.ts"), module);
    deepStrictEqual(lacking(await documentation(join(folder, "a.ts"))).sort(), [
      "EngineError has no example",
      "OtherError has no example",
      "bare has no example",
      "no example of idle asserts its result",
      "op has no example",
    ]);
    deepStrictEqual(passedOver("a.ts", `/**\n${good.replace("```ts", "```ts ignore")}\n */`), ["a.ts:2"]);
    deepStrictEqual(passedOver("a.ts", `/**\n${good}\n */`), []);
  }));
