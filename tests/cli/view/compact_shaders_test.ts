/** Shaders minified in a page's script: the same tokens, and nothing else of the script touched. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { compactShaders } from "../../../cli/view/compact_shaders.ts";
import { ROOT } from "../../support/command.ts";

/** The part of a bundled script that a shader's text makes. */
const part = (text: string): string => `// shaders/a.wgsl\nvar a_default = ${JSON.stringify(text)};\n`;

const text = (script: string): string => JSON.parse(/ = (".*");\n$/.exec(script)![1]);

function* shadersIn(folder: string): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* shadersIn(join(folder, name));
    else if (name.endsWith(".wgsl")) yield Deno.readTextFileSync(join(folder, name));
  }
}

Deno.test("comments and blanks of shaders go, and other text stays", () => {
  const source = "// What it does.\n@group(0) @binding(1) var<storage, read> x: array<f32>; // [n]\n\n" +
    "/* two\n   lines */ fn f(a: vec2<f32>, b: u32) -> f32 {\n  return a - (-1.0); // b\n}\n";
  strictEqual(
    text(compactShaders(part(source))),
    "@group(0)@binding(1)var<storage,read>x:array<f32>;fn f(a:vec2f,b:u32)->f32{return a-(-1.0);}",
  );
  const other = '// engine/a.ts\nvar a_default = "// no shader\\n  at all";\n';
  strictEqual(compactShaders(other + part("fn f() {}\n")), `${other}${part("fn f(){}")}`);
});

Deno.test("every shader keeps its tokens, but for the short names of vectors", () => {
  const tokens = (source: string): readonly string[] =>
    source.replace(/\/\*[^]*?\*\//g, " ").replace(/\/\/.*/g, " ").match(/\w+(?:\.\w+)*|[^\s\w]/g) ?? [];
  const all = [...shadersIn(join(ROOT, "shaders"))];
  let before = 0, after = 0;
  for (const source of all) {
    const compact = text(compactShaders(part(source)));
    // Vectors of three types have short names.
    deepStrictEqual(tokens(compact), tokens(source.replace(/\bvec(.)<(.)32>/g, "vec$1$2")));
    before += source.length;
    after += compact.length;
  }
  ok(all.length > 100 && after < 0.7 * before, `${all.length} shaders, ${before} → ${after} characters`);
});
