/** The public face: nothing that is the engine's own stands in what `deno doc` lists of an entry point. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { documentation, ENTRIES, type Entry } from "./support/documentation.ts";
import { withFolder } from "./support/folder.ts";

/** Members that users saw once, by the class that had them. */
const ONCE: Readonly<Record<string, readonly string[]>> = {
  Tensor:
    "storage release moveTo assertAlive alias over gradEntries noteGrad node nodeIndex attach setGrad takeGrad constructor"
      .split(" "),
  Scope: ["own", "disown", "constructor"],
  Device: ["gpu", "registry", "tuning", "constructor"],
  CapturePool: ["arena"],
  Graph: ["forwardTensors", "backwardTensors"],
  StaticGraph: ["tensors"],
  Kernel: ["id", "entry", "parts", "code", "interface", "traits", "constructor"],
};

/** Exports that users saw once. */
const ONCE_EXPORTED = (
  "accumulate affine powScalar unreachable UNUSED ProductShape Tiling Tilings TunedTiling TunedOp SparseParts SparseTensors " +
  "KernelInterface KernelTraits DispatchParams ParamField StorageBinding"
).split(" ");

/** A dotted name, and whether it is tagged `@internal`. */
interface Listed {
  readonly name: string;
  readonly internal: boolean;
}

/** Everything that users see of `entries`: exports, those of namespaces, members; what is private aside. */
function listed(entries: readonly Entry[], prefix = ""): Listed[] {
  return entries.flatMap(({ name, accessibility, jsDoc, declarations = [] }) => {
    if (accessibility === "private" || (name === "constructor" && accessibility)) return [];
    const isInternal = [jsDoc, ...declarations.map(({ jsDoc }) => jsDoc)].some((doc) =>
      doc?.tags?.some(({ kind }) => kind === "internal")
    );
    const inner = declarations.flatMap(({ def = {} }) =>
      ["elements", "constructors", "properties", "methods", "members"].flatMap((kind) => def[kind] as Entry[] ?? [])
    );
    return [{ name: `${prefix}${name}`, internal: isInternal }, ...listed(inner, `${prefix}${name}.`)];
  });
}

/** Names in sight that should not be, given those that the engine keeps to itself. */
function inSight(all: readonly Listed[], own: readonly string[]): string[] {
  const hidden = new Set([...ONCE_EXPORTED, ...own]);
  const members = new Set(Object.entries(ONCE).flatMap(([type, names]) => names.map((name) => `${type}.${name}`)));
  return [
    ...new Set(
      all.filter(({ name, internal }) => {
        const path = name.split(".");
        return internal || members.has(path.slice(-2).join(".")) || hidden.has(path.at(-1)!);
      }).map(({ name }) => name),
    ),
  ];
}

/** Names that modules export. */
async function exportsOf(...paths: readonly string[]): Promise<string[]> {
  return (await Promise.all(paths.map(documentation))).flat().map(({ name }) => name);
}

/** Names of what the engine keeps to itself and to this project's models. */
const own = await exportsOf("engine/internal.ts", "engine/friends.ts");

Deno.test("an entry point shows nothing that is the engine's own", async () => {
  for (const path of ["mod.ts", "model/mod.ts", "datasets/refplus/mod.ts", "engine/ops/mod.ts"]) {
    ok(ENTRIES.includes(path), `${path} is no entry point`);
  }
  ok(own.length > 25 && own.includes("storageOf") && own.includes("bucketSize"), `${own}`);
  for (const entry of ENTRIES) {
    const all = listed(await documentation(entry));
    ok(all.length > 0, `${entry}: no names were found`);
    deepStrictEqual(inSight(all, own), [], entry);
  }
});

Deno.test("the library's face is the engine's and two namespaces more", async () => {
  const [library, engine] = await Promise.all([exportsOf("mod.ts"), exportsOf("engine/mod.ts")]);
  deepStrictEqual(library.filter((name) => !engine.includes(name)), ["datasets", "models"]);
  deepStrictEqual(engine.filter((name) => !library.includes(name)), []);
  for (const name of ["Device", "Tensor", "conv2d", "Linear", "Adam", "ops", "nn", "checkpoint", "kernel"]) {
    ok(engine.includes(name), name);
  }
});

Deno.test("what is the engine's own is found wherever it shows", () =>
  withFolder(async (folder) => {
    const module = `/** A class. */
export class Tensor {
  /** @internal */
  readonly secret = 1;
  #unseen = 2;
  /** Public. */
  constructor() {}
  release(): void {}
  private gone(): void {}
  static { void ((t: Tensor) => t.#unseen); }
}
/** A namespace. */
export namespace inner { export const storageOf = 1; export const fine = 2; }
export interface Kernel { code: string; name: string }
/** @internal */
export const tagged = 1;
`;
    await Deno.writeTextFile(join(folder, "a.ts"), module);
    const all = listed(await documentation(join(folder, "a.ts")));
    deepStrictEqual(inSight(all, own).sort(), [
      "Kernel.code",
      "Tensor.constructor",
      "Tensor.release",
      "Tensor.secret",
      "inner.storageOf",
      "tagged",
    ]);
  }));
