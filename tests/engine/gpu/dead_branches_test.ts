/** Parts of a kernel's text that its constants leave. */
import { match, ok, strictEqual } from "node:assert/strict";
import { liveText } from "../../../engine/gpu/dead_branches.ts";
import { allKernels } from "../../../engine/gpu/kernel.ts";
import "../../../engine/mod.ts";
import { type Random, withRandom } from "../../support/random.ts";

/** The words of a text. */
const words = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

const HEAD = `override FLAG: bool = false;
override SIZE: u32 = 64u;
override HALF = SIZE / 2u;
const NONE = 0u;
`;

/** The rest of the body of a function, whose lines must stay where they are. */
function left(body: string, constants: Readonly<Record<string, number>> = {}): string {
  const text = `${HEAD}fn f(x: u32) -> u32 {\n${body}\n}`, made = liveText(text, constants);
  strictEqual(made.split("\n").length, text.split("\n").length);
  ok(made.startsWith(HEAD));
  return words(made.slice(HEAD.length)).replace("fn f(x: u32) -> u32 {", "").replace(/\}$/, "").trim();
}

Deno.test("branches that constants decide are left out, and what stands behind a return", () => {
  const body = "if (FLAG) { a(); } else { b(); }\nreturn 1u;";
  strictEqual(left(body), "{ b(); } return 1u;");
  strictEqual(left(body, { FLAG: 1 }), "{ a(); } return 1u;");
  strictEqual(left("if (!FLAG) { return 1u; }\nb();\nreturn 2u;"), "{ return 1u; }");
  strictEqual(
    left("if (x > 1u) { a(); if (!FLAG) { return 1u; } b(); }\nreturn 2u;"),
    "if (x > 1u) { a(); { return 1u; } } return 2u;",
  );
  strictEqual(
    left("if (FLAG) { a(); } else if (x == 2u) { b(); } else { c(); }"),
    "if (x == 2u) { b(); } else { c(); }",
  );
  strictEqual(
    left("if (x == 1u) { a(); } else if (!FLAG) { b(); } else if (x == 2u) { c(); }"),
    "if (x == 1u) { a(); } else { b(); }",
  );
  strictEqual(left("for (var i = 0u; i < SIZE; i++) { if (FLAG) { a(); } }"), "for (var i = 0u; i < SIZE; i++) { }");
  strictEqual(
    left("switch x { case 1u, 2u: { if (FLAG) { a(); } b(); } default: { } }"),
    "switch x { case 1u, 2u: { b(); } default: { } }",
  );
  strictEqual(
    left("loop { if (x > 9u) { break; } if (!FLAG) { return 1u; } continuing { x++; } }"),
    "loop { if (x > 9u) { break; } { return 1u; } continuing { x++; } }",
  );
});

Deno.test("conditions are known where constants alone decide them", () => {
  const known = (condition: string, constants = {}): string => {
    const text = left(`if (${condition}) { a(); } else { b(); }`, constants);
    return text === "{ a(); }" ? "true" : text === "{ b(); }" ? "false" : (match(text, /^if/), "unknown");
  };
  for (
    const [condition, value, constants = {}] of [
      ["SIZE > 64u", "false"],
      ["SIZE > 64u", "true", { SIZE: 128 }],
      ["HALF == 32u && !FLAG", "true"],
      ["HALF == 32u && !FLAG", "false", { SIZE: 32 }],
      ["x == 1u && FLAG", "false"],
      ["x == 1u || !FLAG", "true"],
      ["x == 1u && !FLAG", "unknown"],
      ["(SIZE + 2u) * 3u >= 198u", "true"],
      ["2u + 3u * SIZE % 5u == 4u", "true"],
      ["SIZE - 65u > 0u", "unknown"],
      ["NONE != 0u", "false"],
      ["FLAG != (SIZE == 64u)", "true"],
      ["x.SIZE == 64u", "unknown"],
      ["SIZE(1u) == 64u", "unknown"],
      ["f(FLAG) || x > 2u", "unknown"],
      ["vec2<u32>(SIZE, SIZE).x == 64u", "unknown"],
      ["(SIZE & 64u) == 64u", "unknown"],
      ["-1i < 2i", "unknown"],
      ["SIZE / 0u == 1u", "unknown"],
      ["SIZE == 64.0", "unknown"],
    ] as const
  ) strictEqual(known(condition, constants), value, condition);
  // A name that a function gives to something of its own says nothing.
  strictEqual(left("let SIZE = x; if (SIZE > 64u) { a(); }"), "let SIZE = x; if (SIZE > 64u) { a(); }");
});

/** A body of random statements that mark where they come to, valid as WGSL and, without the letters of its numbers, as JavaScript. */
function randomBody(random: Random, depth: number): string {
  let marks = 0;
  const integer = (n: number): number => random.integer(0, n), mark = (): string => `mark(${marks++}u);`;
  const term = (): string =>
    [
      "FLAG",
      "!FLAG",
      "SIZE > 64u",
      "SIZE / 2u == 32u",
      "x == 1u",
      "x < 2u",
      "SIZE + x > 65u",
      "NONE == 0u",
    ][integer(8)];
  const condition = (): string =>
    [
      term(),
      `${term()} && ${term()}`,
      `${term()} || ${term()} && ${term()}`,
      `(${term()} || ${term()}) && ${term()}`,
    ][integer(4)];
  const block = (left: number): string =>
    `{\n${Array.from({ length: 1 + integer(3) }, () => statement(left - 1)).join("\n")}\n}`;
  const statement = (left: number): string => {
    if (left === 0) return mark();
    switch (integer(6)) {
      case 0:
        return `if (${condition()}) ${block(left)}`;
      case 1:
        return `if (${condition()}) ${block(left)} else ${block(left)}`;
      case 2:
        return `if (${condition()}) ${block(left)} else if (${condition()}) ${block(left)} else ${block(left)}`;
      case 3:
        return `for (var i = 0u; i < 2u; i++) ${block(left)}`;
      case 4:
        return `${mark()} return;`;
      default:
        return mark();
    }
  };
  return Array.from({ length: 4 }, () => statement(depth)).join("\n");
}

/** The marks that a body comes to. */
function marksOf(body: string, { FLAG, SIZE, x }: Readonly<Record<string, number>>): string {
  const code = body.replaceAll(/\b(\d+)u\b/g, "$1").replaceAll("SIZE / 2", "Math.trunc(SIZE / 2)");
  const marks: number[] = [];
  new Function("mark", "FLAG", "SIZE", "NONE", "x", code)((at: number) => marks.push(at), FLAG === 1, SIZE, 0, x);
  return marks.join(" ");
}

Deno.test("what is left comes to the same places as the whole", () =>
  withRandom("dead branches", (random) => {
    let shorter = 0;
    for (let i = 0; i < 400; i++) {
      const body = randomBody(random, 4), head = `${HEAD}fn f(x: u32) {`, text = `${head}${body}\n}`;
      for (const FLAG of [0, 1]) {
        for (const SIZE of [63, 64, 65]) {
          const made = liveText(text, { FLAG, SIZE }).slice(head.length).replace(/\n\}$/, "");
          shorter += Number(made.length < body.length);
          for (const x of [0, 1, 2, 3]) {
            strictEqual(marksOf(made, { FLAG, SIZE, x }), marksOf(body, { FLAG, SIZE, x }), `${body}\n----\n${made}`);
          }
        }
      }
    }
    ok(shorter > 400, `only ${shorter} of 2400 got shorter`);
  }));

Deno.test("a text that is no WGSL stops nothing; where brackets do not match it is left as it is", () => {
  const { code } = allKernels().find(({ name }) => name === "matmul_tiles.wgsl:tiles")!;
  const bare = code.replaceAll(/\/\/.*/g, ""), signs = [...bare.matchAll(/\b(if|else|fn|for|loop|return)\b|[;(){}]/g)];
  for (const { index, 0: sign } of signs) {
    liveText(bare.slice(0, index) + bare.slice(index + sign.length), { UNROLLED: 0, TILE_ROWS: 64 });
  }
  for (
    const text of [
      "fn f() { if (true) { a(); }",
      "fn f() { if (true { a(); } }",
      "fn",
      "fn f() }",
      "override",
      "const X =",
    ]
  ) {
    strictEqual(liveText(text, {}), text);
  }
});

Deno.test("kernels by tiles lose most of their text to their constants", () => {
  const kernel = allKernels().find(({ name }) => name === "matmul_tiles.wgsl:tiles")!;
  const text = liveText(kernel.code, { UNROLLED: 0, TILE_ROWS: 64, TILE_COLUMNS: 64 });
  ok(!text.includes("steps(24u"));
  ok(liveText(kernel.code, { UNROLLED: 1 }).includes("steps(24u"));
});
