import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { allKernels } from "../engine/gpu/kernel.ts";
import "../engine/mod.ts";
import "../engine/ops/mod.ts";
import { lintBarriers } from "../engine/testing/wgsl/barriers.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Imports allowed to each part of the tree; `mod.ts` is a part of its own, and so is the project's configuration. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "engine/base": ["engine/base"],
  shaders: [],
  engine: ["engine", "engine/base", "shaders"],
  datasets: ["datasets", "engine/base"],
  model: ["model", "engine", "engine/base", "datasets", "deno.json"],
  "mod.ts": ["engine", "engine/base", "model", "datasets"],
  cli: ["cli", "model", "engine", "engine/base", "datasets", "mod.ts", "deno.json"],
  bench: ["bench", "cli", "model", "engine", "engine/base", "datasets", "shaders", "mod.ts", "deno.json"],
  tests: [],
};

/** Folders of one kind of file, which may hold more than {@link MOST}. */
const OF_ONE_KIND = ["shaders", "engine/ops"];

/** Files of code in a folder, folders below it aside. */
const MOST = 20;

function partOf(path: string): string {
  return path.startsWith("engine/base/") ? "engine/base" : path.split("/")[0];
}

/** Source files of the parts, relative to the project. */
function sources(extension: string, folder = ""): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = folder ? `${folder}/${name}` : name;
    if (isDirectory) return partOf(path) in MAY_IMPORT && name !== "results" ? sources(extension, path) : [];
    return name.endsWith(extension) && (folder !== "" || path in MAY_IMPORT) ? [path] : [];
  });
}

/** The text with comments blanked, and with `strings` also what stands in quotes. */
function code(text: string, strings: boolean): string {
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g,
    (part) => {
      const comment = part.startsWith("/");
      return comment || strings ? part.replace(/[^\n]/g, " ") : part;
    },
  );
}

/** Relative imports of a TypeScript text: static, dynamic, re-exports and workers. */
function imports(text: string): string[] {
  const pattern = /(?:\bfrom|\bimport|\bimport\s*\(|\bnew\s+URL\s*\()\s*["'](\.{1,2}\/[^"']+)["']/g;
  return [...code(text, false).matchAll(pattern)].map(([, specifier]) => specifier);
}

function upwardArrows(path: string, text: string): string[] {
  return imports(text).flatMap((specifier) => {
    const target = relative(root, join(root, dirname(path), specifier));
    return MAY_IMPORT[partOf(path)].includes(partOf(target)) ? [] : [`${path} imports ${target}`];
  });
}

/** Lines that touch WebGPU itself. */
function webgpu(path: string, text: string): string[] {
  return code(text, true).split("\n").flatMap((line, i) =>
    /\bnavigator\b|\bGPU[A-Z]\w*/.test(line) ? [`${path}:${i + 1}: ${text.split("\n")[i].trim()}`] : []
  );
}

const read = (path: string): string => Deno.readTextFileSync(join(root, path));

Deno.test("imports point downwards only", () => {
  // Tests may import everything, and hold imports in strings.
  const files = sources(".ts").filter((path) => partOf(path) !== "tests");
  ok(files.length > 30 && files.includes("mod.ts"), `only ${files.length} files were found`);
  deepStrictEqual(files.flatMap((path) => upwardArrows(path, read(path))), []);
});

/** Imports of each file of the parts, relative to the project; without shaders and files elsewhere. */
function importGraph(): Map<string, string[]> {
  const files = sources(".ts").filter((path) => partOf(path) !== "tests");
  const target = (path: string, specifier: string): string => relative(root, join(root, dirname(path), specifier));
  return new Map(files.map((path) => [
    path,
    imports(read(path)).map((specifier) => target(path, specifier)).filter((to) => files.includes(to)),
  ]));
}

/** Groups of nodes that reach each other, of more than one (Tarjan, 1972). */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [], found: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle);
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** Tensors, their tape and their ops are of one mind: methods of a tensor are ops, and ops make tensors. */
const CORE = /^engine\/((ops|autograd)\/|(device|friends|op|scope|sparse|storage|tensor)\.ts$)/;

Deno.test("no files import each other in a circle but tensors, tape and ops", () => {
  const graph = importGraph();
  ok(graph.size > 250, `only ${graph.size} files were found`);
  deepStrictEqual(
    circles(graph).map((circle) => circle.filter((path) => !CORE.test(path))).filter((c) => c.length > 0),
    [],
  );
  const made = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", ["a"]], ["d", ["e"]], ["e", ["d"]], ["f", ["a"]]]);
  deepStrictEqual(circles(made).map((circle) => circle.sort()), [["d", "e"], ["a", "b", "c"]]);
});

/** Specifiers of npm packages that a text names. */
function packagesIn(text: string): string[] {
  const pattern = /(?:\bfrom|\bimport|\bimport\s*\(|\bresolve\s*\()\s*["']((?:npm:)?@?[a-z][^"'.:]*(?:[^"':]*))["']/g;
  return [...code(text, false).matchAll(pattern)].map(([, name]) => name);
}

/** Packages that a text names with their versions, wherever it does. */
function versionsIn(text: string): { readonly name: string; readonly version: string }[] {
  const pattern = /["'`]npm:(@?[^@"'`$]+)@([^/"'`]+)[^"'`]*["'`]/g;
  return [...text.matchAll(pattern)].map(([, name, version]) => ({ name, version }));
}

Deno.test("the version of a package stands in one place, and is one version", () => {
  const named = ["deno.json", ...sources(".ts")].flatMap((path) =>
    versionsIn(path.endsWith(".ts") ? code(read(path), false) : read(path)).map((one) => ({ path, ...one }))
  );
  // Tests hold made specifiers in strings: of packages that there are, they have none.
  const own = named.filter(({ path }) => partOf(path) !== "tests"), names = new Set(own.map(({ name }) => name));
  ok(names.size > 12, [...names].join(", "));
  deepStrictEqual(own.filter(({ version }) => !/^\d+\.\d+\.\d+$/.test(version)), []);
  deepStrictEqual(
    [...names].map((name) => named.filter((one) => one.name === name)).filter((places) => places.length !== 1),
    [],
  );
  const text = 'import("npm:a@^1.2.3/b"); const c = ["npm:@d/e@4.5.6"];';
  deepStrictEqual(versionsIn(text), [{ name: "a", version: "^1.2.3" }, { name: "@d/e", version: "4.5.6" }]);
});

Deno.test("packages are named in files of their own, each version once; those of programs stand in deno.json", () => {
  const inline = sources(".ts").filter((path) => partOf(path) !== "tests").flatMap((path) =>
    packagesIn(read(path)).map((name) => ({ path, name }))
  );
  const own = inline.filter(({ path }) => path.startsWith("engine/base/packages/"));
  const versions = own.map(({ name }) => /^npm:(@?[^@]+)@([^/]+)/.exec(name)!).map(([, name, version]) =>
    `${name} ${version}`
  );
  const names = new Set(versions.map((one) => one.split(" ")[0]));
  ok(names.size > 4 && new Set(versions).size === names.size, versions.join(", "));
  const { imports } = JSON.parse(read("deno.json")) as { imports: Record<string, string> };
  const elsewhere = inline.filter((one) => !own.includes(one));
  deepStrictEqual(elsewhere.filter(({ path, name }) => !/^(cli|bench)\//.test(path) || !(name in imports)), []);
  // The engine alone uses none of them.
  const graph = importGraph(), reached = new Set(["engine/mod.ts", "engine/internal.ts"]);
  for (const path of reached) for (const next of graph.get(path) ?? []) reached.add(next);
  ok(reached.size > 60);
  deepStrictEqual([...reached].filter((path) => path.startsWith("engine/base/packages/")), []);
  deepStrictEqual(packagesIn('import { z } from "zod"; await import("npm:a@1/b"); import "./c.ts";'), [
    "zod",
    "npm:a@1/b",
  ]);
});

Deno.test("what every training shares knows no paper, no image and no program", () => {
  const own = [...importGraph()].filter(([path]) => path.startsWith("model/run/"));
  ok(own.length > 10);
  deepStrictEqual(
    own.flatMap(([path, targets]) =>
      targets.filter((to) => /^(model|datasets)\//.test(to) && !to.startsWith("model/run/")).map((to) =>
        `${path}: ${to}`
      )
    ),
    [],
  );
});

Deno.test("no folder holds more files than one takes in at a glance", () => {
  const folders = Map.groupBy([...sources(".ts"), ...sources(".wgsl")], dirname);
  const full = [...folders].filter(([folder, files]) => files.length > MOST && !OF_ONE_KIND.includes(folder));
  deepStrictEqual(full.map(([folder, files]) => `${folder}: ${files.length}`), []);
  ok(folders.size > 40, `only ${folders.size} folders were found`);
});

Deno.test("an upward arrow of any form is seen", () => {
  for (
    const text of [
      'import { x } from "../model/x.ts";',
      'import type { X } from "../model/x.ts";',
      'export * from "../model/x.ts";',
      'import "../model/x.ts";',
      'const x = await import("../model/x.ts");',
      'new Worker(new URL("../model/x.ts", import.meta.url));',
      'import {\n  a,\n  b,\n} from "../model/x.ts";',
    ]
  ) deepStrictEqual(upwardArrows("engine/y.ts", text), ["engine/y.ts imports model/x.ts"], text);
  deepStrictEqual(upwardArrows("engine/y.ts", '// import { x } from "../model/x.ts";'), []);
  deepStrictEqual(upwardArrows("engine/ops/y.ts", 'import a from "../../shaders/a.wgsl" with { type: "text" };'), []);
});

Deno.test("WebGPU is touched in engine/gpu alone", () => {
  const files = sources(".ts").filter((path) => !/^(engine\/gpu|tests|bench)\//.test(path));
  deepStrictEqual(files.flatMap((path) => webgpu(path, read(path))), []);
  deepStrictEqual(webgpu("a.ts", "let d: GPUDevice;\n// a GPUBuffer\nnavigator.gpu;\n'GPUQueue'; GpuContext"), [
    "a.ts:1: let d: GPUDevice;",
    "a.ts:3: navigator.gpu;",
  ]);
});

/** True where a text touches the runtime: `Deno`, or a module of Node's. */
function runtime(text: string): boolean {
  return /\bDeno\b/.test(code(text, true)) || /\b(from|import)\s*\(?\s*["']node:/.test(code(text, false));
}

Deno.test("of all that the engine's entry reaches, one file touches the runtime, and it has a twin for the browser", async () => {
  const graph = importGraph();
  const reached = new Set(["engine/mod.ts"]);
  for (const path of reached) for (const to of graph.get(path)!) reached.add(to);
  ok(reached.size > 50, `only ${reached.size} files were found`);
  deepStrictEqual([...reached].filter((path) => runtime(read(path))), ["engine/host.ts"]);
  const [deno, page] = await Promise.all([import("../engine/host.ts"), import("../engine/host_browser.ts")]);
  deepStrictEqual(Object.keys(page), Object.keys(deno));
  deepStrictEqual(Object.keys(page.host).sort(), Object.keys(deno.host).sort());
  const touching = ["Deno.exit();", 'import "node:fs";', 'import { join } from "node:path";', 'import("node:os");'];
  deepStrictEqual(touching.filter((text) => !runtime(text)), []);
  ok(!runtime('// Deno.exit()\nconst text = "Deno 2.9"; const from = "node:";'));
});

Deno.test("references and checks are an entry of their own, and references share nothing with what they check", () => {
  const graph = importGraph(), own = "engine/testing/";
  const reached = new Set(["engine/mod.ts", "mod.ts"]);
  for (const path of reached) for (const to of graph.get(path)!) reached.add(to);
  deepStrictEqual([...reached].filter((path) => path.startsWith(own)), []);
  const references = [...graph].filter(([path]) => /^engine\/testing\/(float64|reference|tolerance)\b/.test(path));
  ok(references.length > 15, `only ${references.length} files were found`);
  deepStrictEqual(
    references.flatMap(([path, targets]) =>
      targets.filter((to) => !to.startsWith(own)).map((to) => `${path} imports ${to}`)
    ),
    [],
  );
});

Deno.test("every shader opens with a comment that says what it computes", () => {
  const files = sources(".wgsl");
  ok(files.length > 15, `only ${files.length} shaders were found`);
  for (const path of files) ok(/^\/\/ \S.{20,}/.test(read(path)), `${path} does not open with a comment`);
});

Deno.test("no barrier of a kernel is under divergent control", () => {
  const kernels = Map.groupBy(allKernels(), ({ code }) => code);
  for (const [code, [{ name }]] of kernels) {
    deepStrictEqual(lintBarriers(code).map(({ line, text }) => `${name}, line ${line}: ${text}`), []);
  }
  const used = new Set(allKernels().flatMap(({ parts }) => parts.map(({ file }) => `shaders/${file}`)));
  deepStrictEqual(sources(".wgsl").filter((path) => !used.has(path)), [], "shaders that no kernel is made of");
});

Deno.test("models know the engine by its face, by what it keeps for them, and by the ground floor", () => {
  const doors = /^engine\/(mod\.ts|internal\.ts|base\/)/;
  const graph = importGraph();
  const others = [...graph].filter(([path]) => path.startsWith("model/")).flatMap(([path, targets]) =>
    targets.filter((to) => to.startsWith("engine/") && !doors.test(to)).map((to) => `${path}: ${to}`)
  );
  deepStrictEqual(others, []);
  const faces = graph.get("mod.ts")!.filter((to) => to.startsWith("engine/"));
  deepStrictEqual(faces, ["engine/mod.ts"]);
});

/** A kernel around `body`. */
const kernel = (body: string): string => `
override TILE: u32 = 16u;
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<u32>;
struct Span { first: u32, stop: u32 }
fn meet() { workgroupBarrier(); }
fn span(z: u32) -> Span { let first = x[z] * TILE; return Span(first, min(first + TILE, params.count)); }
fn written(z: u32) -> bool { return y[z] > 0.0; }
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) local: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
${body}
}`;

Deno.test("the barrier lint sees divergence in every form", () => {
  const divergent: Record<string, string> = {
    "a branch": "if (local.x < 4u) { workgroupBarrier(); }",
    "the other arm": "if (local.x < 4u) { y[0] = 1.0; } else { storageBarrier(); }",
    "else if": "if (TILE == 4u) { } else if (local.x == 0u) { workgroupBarrier(); }",
    "a function with a barrier": "if (local.x < 4u) { meet(); }",
    "a loop bound": "for (var i = 0u; i < local.x; i++) { workgroupBarrier(); }",
    "a loop start": "for (var i = local.x; i < 64u; i += 4u) { workgroupBarrier(); }",
    "a while loop": "var i = local.x; while (i > 0u) { i = i / 2u; workgroupBarrier(); }",
    "an early return": "if (local.x > params.count) { return; } workgroupBarrier();",
    "an early break": "for (var i = 0u; i < 4u; i++) { if (local.x == i) { break; } workgroupBarrier(); }",
    "a break after it": "for (var i = 0u; i < 4u; i++) { workgroupBarrier(); if (local.x == i) { break; } }",
    "a return inside a loop": "for (var i = 0u; i < 4u; i++) { if (local.x == i) { return; } } workgroupBarrier();",
    "a derived value": "let a = local.x * 2u; let b = a + 1u; if (b > 3u) { workgroupBarrier(); }",
    "a value set under a branch": "var a = 0u; if (local.x > 1u) { a = 1u; } if (a == 1u) { workgroupBarrier(); }",
    "a value from memory": "if (y[0] > 0.0) { workgroupBarrier(); }",
    "a function of a value that differs": "let s = span(local.x); if (s.first > 1u) { workgroupBarrier(); }",
    "a function that reads what is written": "if (written(group.x)) { workgroupBarrier(); }",
    "read-only memory at places that differ": "if (x[local.x] > 1u) { workgroupBarrier(); }",
    "a switch": "switch (local.x) { case 0u: { workgroupBarrier(); } default: { } }",
    "a bare loop": "loop { if (local.x > 1u) { break; } workgroupBarrier(); }",
  };
  for (const [name, body] of Object.entries(divergent)) ok(lintBarriers(kernel(body)).length > 0, name);
});

Deno.test("the barrier lint lets through what a whole workgroup does together", () => {
  const together: Record<string, string> = {
    "the top level": "y[local.x] = 1.0; workgroupBarrier(); y[0] = 2.0;",
    "a tree": "for (var s = TILE / 2u; s > 0u; s = s / 2u) { workgroupBarrier(); if (local.x < s) { y[s] += 1.0; } }",
    "a loop over parameters": "for (var k = 0u; k < params.count; k += TILE) { workgroupBarrier(); }",
    "a branch on the workgroup": "let g = group.x + 1u; if (g < params.count) { workgroupBarrier(); }",
    "read-only memory": "for (var k = 0u; k < x[group.x]; k++) { workgroupBarrier(); }",
    "a function of the workgroup":
      "let s = span(group.x); for (var k = s.first; k < s.stop; k++) { workgroupBarrier(); }",
    "a divergent loop without one":
      "for (var i = local.x; i < 9u; i++) { if (i == 3u) { break; } } workgroupBarrier();",
    "a comment": "if (local.x < 4u) { /* workgroupBarrier(); */ } // workgroupBarrier();",
    "a function with a barrier": "meet();",
  };
  for (const [name, body] of Object.entries(together)) deepStrictEqual(lintBarriers(kernel(body)), [], name);
});
