import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { RandomStream } from "../../../../engine/base/random.ts";
import { Balance } from "../../../../datasets/refplus/language/balance.ts";
import { WORDS } from "../../../../datasets/refplus/scenes/catalogue.ts";
import { Descriptions } from "../../../../datasets/refplus/language/describe.ts";
import { asSet, execute } from "../../../../datasets/refplus/language/execute.ts";
import { flatten, unflatten } from "../../../../datasets/refplus/encoding/programs.ts";
import { makeRefexps } from "../../../../datasets/refplus/language/refexps.ts";
import { makeScene } from "../../../../datasets/refplus/scenes/scene.ts";
import { fillTemplate, isDegenerate } from "../../../../datasets/refplus/language/search.ts";
import { TEMPLATES } from "../../../../datasets/refplus/language/templates.ts";
import { wordsOf } from "../../../../datasets/refplus/encoding/tokens.ts";
import type { ProgramNode, Refexp, Scene } from "../../../../datasets/refplus/files/types.ts";
import { handScene, ROW } from "../../../support/refplus/hand_scene.ts";
import { randomFor, withRandom } from "../../../support/random.ts";
import { understand } from "../../../support/refplus/refexp_grammar.ts";
import { isTowards, refersTo } from "../../../support/refplus/slow_refplus.ts";

type Made = Omit<Refexp, "refexp_index">;

/** Expressions about some pictures, made once for all tests. */
function makeSome(name: string, images: number, falsePremise: boolean): { scene: Scene; made: Made[] }[] {
  const seed = randomFor(name).integer(0, 2 ** 24);
  const balance = new Balance();
  return Array.from({ length: images }, (_, index) => {
    const key = { seed, split: "train", index } as const;
    const scene = makeScene(key);
    return { scene, made: makeRefexps(key, scene, { count: 10, falsePremise }, balance) };
  });
}

const truths = makeSome("true expressions", 24, false);
const lies = makeSome("false premises", 6, true);
const each = function* (pictures: typeof truths): Generator<[Scene, Made]> {
  for (const { scene, made } of pictures) for (const refexp of made) yield [scene, refexp];
};

/** The functions of each template: S scene, F filters, U unique, R relate. */
const [F, O, V] = ["(?:filter_(?:size|color|material|shape) )", "(?:filter_ordinal )", "(?:filter_visible )"];
const FILTER = `(?:${F}+(?:${O}|${V})?|${O}|${V})`, PLAIN = `(?:${F}+${V}?|${V})`;
const MAYBE = `${F}*(?:${O}|${V})?`, MAYBE_PLAIN = `${F}*${V}?`;
const [FU, RF, RFU] = [`${FILTER}unique `, `relate ${MAYBE}`, `relate ${MAYBE_PLAIN}unique `];
const SHAPES: Record<string, string[]> = {
  "zero_hop.json": Array(2).fill(`scene ${FILTER}`),
  "one_hop.json": Array(2).fill(`scene ${FU}${RF}`),
  "two_hop.json": Array(2).fill(`scene ${FU}${RFU}${RF}`),
  "three_hop.json": Array(2).fill(`scene ${FU}${RFU}${RFU}${RF}`),
  "single_and.json": Array(2).fill(`scene ${FU}relate scene ${FU}relate intersect ${FILTER}`),
  "single_or.json": [
    `scene ${FILTER}scene ${FILTER}union `,
    `scene ${FILTER}scene ${FILTER}union filter_size `,
    `scene ${FILTER}scene ${FILTER}union filter_color `,
    `scene ${FU}${RF}scene ${FU}${RF}union `,
    `scene ${FILTER}scene ${FILTER}union filter_material `,
    `scene ${FILTER}scene ${FILTER}union filter_shape `,
    `scene ${FU}${RF}scene ${FILTER}union `,
    `scene ${FILTER}scene ${FU}${RF}union `,
  ],
  "same_relate.json": [
    ...["size", "color", "material", "shape"].map((name) => `scene ${FU}same_${name} `),
    ...["size", "color", "material", "shape"].map((name) => `scene ${FU}same_${name} ${PLAIN}`),
  ],
};

Deno.test("there are 26 templates, of seven categories", () => {
  deepStrictEqual(
    Object.fromEntries(Object.entries(SHAPES).map(([file, shapes]) => [file, shapes.length])),
    Object.fromEntries([...Map.groupBy(TEMPLATES, ({ file }) => file)].map(([file, list]) => [file, list.length])),
  );
  strictEqual(TEMPLATES.length, 26);
  for (const [file, list] of Map.groupBy(TEMPLATES, (t) => t.file)) {
    deepStrictEqual(list.map(({ index }) => index), [...SHAPES[file].keys()]);
  }
});

for (const [name, pictures] of [["true", truths], ["false", lies]] as const) {
  Deno.test(`every template makes ${name} expressions of its shape`, () => {
    const used = new Map(TEMPLATES.map(({ file, index }) => [`${file} ${index}`, 0]));
    for (const [scene, { program, template_filename, refexp_family_index, ...refexp }] of each(pictures)) {
      const key = `${template_filename} ${refexp_family_index}`;
      used.set(key, used.get(key)! + 1);
      const functions = program.map(({ type }) => `${type} `).join("");
      const shape = SHAPES[template_filename][refexp_family_index];
      ok(new RegExp(`^${shape}$`).test(functions), `${key}: ${functions}`);
      ok(program.length <= 27);
      program.forEach(({ inputs }, i) => inputs.forEach((at) => ok(at < i)));
      const consumers = program.flatMap(({ inputs }) => inputs).sort((a, b) => a - b);
      deepStrictEqual(consumers, [...program.keys()].slice(0, -1), "each node is used once");
      strictEqual(refexp.image_filename, scene.image_filename);
      strictEqual(`${refexp.image}.png`, scene.image_filename);
      strictEqual(refexp.image_index, scene.image_index);
    }
    const counts = [...used.values()];
    // 24 pictures with 10 of 26 templates each: evenly shared, that is 9 or 10 a template.
    if (name === "true") ok(Math.max(...counts) <= 14, `${counts}`);
  });

  Deno.test(`each node of ${name} expressions has the output of the slow executor, and the one that is written down`, () => {
    for (const [scene, { program, refexp }] of each(pictures)) {
      program.forEach(({ _output }, at) => {
        const wanted = [...refersTo(scene, program, at)].sort((a, b) => a - b);
        strictEqual(typeof _output, program[at].type === "unique" ? "number" : "object");
        deepStrictEqual([...asSet(_output!)].sort((a, b) => a - b), wanted, `${refexp}, node ${at}`);
      });
      strictEqual(asSet(program.at(-1)!._output!).length === 0, name === "false", refexp);
    }
  });

  Deno.test(`the words of ${name} expressions mean their programs, and are words of the published vocabulary`, () => {
    const known = new Set(WORDS);
    for (const [, { program, refexp }] of each(pictures)) {
      deepStrictEqual(understand(refexp), flatten(program, "prefix"), refexp);
      for (const word of wordsOf(refexp)) ok(known.has(word), `"${word}" of "${refexp}"`);
      ok(/^(The|Any|Find|Look at) /.test(refexp), refexp);
    }
  });

  Deno.test(`${name} programs come back from prefix and postfix order`, () => {
    const bare = (program: readonly ProgramNode[]) => program.map(({ type, value_inputs }) => [type, ...value_inputs]);
    for (const [scene, { program }] of each(pictures)) {
      for (const mode of ["prefix", "postfix"] as const) {
        const back = unflatten(flatten(program, mode)!, mode)!;
        deepStrictEqual(flatten(back, "prefix"), flatten(program, "prefix"));
        deepStrictEqual(execute(scene, back)!.at(-1), program.at(-1)!._output);
        // All templates list the first branch first, as a postfix sequence does.
        if (mode === "postfix") deepStrictEqual(bare(back), bare(program));
      }
    }
  });
}

Deno.test("every template can be filled in, truly and with a false premise", () =>
  withRandom("every template", (random) => {
    const seed = random.integer(0, 2 ** 24);
    for (const falsePremise of [false, true]) {
      const left = new Set(TEMPLATES);
      for (let index = 0; left.size > 0; index++) {
        ok(index < 150, `never filled in: ${[...left].map(({ file, index }) => `${file} ${index}`)}`);
        const scene = makeScene({ seed, split: "test", index });
        const options = {
          random: new RandomStream(seed, index),
          descriptions: new Descriptions(scene, falsePremise),
          falsePremise,
          accept: () => true,
        };
        for (const template of left) if (fillTemplate(scene, template, options)) left.delete(template);
      }
    }
  }));

Deno.test("no relation is used that adds nothing", () => {
  for (const [scene, { program, refexp }] of each(truths)) {
    program.forEach(({ type, inputs, value_inputs }, at) => {
      if (type !== "relate" || program[at + 1]?.type === "scene" || program[at + 1]?.type === "intersect") return;
      // The filters that follow, up to where the object is taken or sets are joined.
      const rest = program.slice(at + 1);
      const filters = rest.slice(0, rest.findIndex(({ type }) => !type.startsWith("filter_")) >>> 0);
      if (filters.some(({ type }) => type === "filter_ordinal")) return;
      const plain = filters.filter(({ type }) => type !== "filter_visible");
      const fits = [...scene.objects.keys()].filter((i) =>
        plain.every(({ type, value_inputs: [value] }) => scene.objects[i][type.split("_")[1] as "size"] === value)
      );
      // By the reference's rule, relation and visibility together must leave out something.
      const left = refersTo(scene, program, at + filters.length);
      ok(fits.some((i) => !left.has(i)), refexp);
      if (plain.length < filters.length) return;
      const [from] = asSet(program[inputs[0]]._output!);
      ok(fits.some((i) => !isTowards(scene, value_inputs[0], from, i)), refexp);
    });
  }
});

Deno.test("in a conjunction each relation changes how many are meant", () => {
  let seen = 0;
  for (const [scene, { program, template_filename }] of each([...truths, ...lies])) {
    if (template_filename !== "single_and.json") continue;
    for (const [at, { type }] of program.entries()) {
      if (type !== "relate") continue;
      seen++;
      const loose = program.map((node, i) => i === at ? { type: "scene", inputs: [], value_inputs: [] } : node);
      let count: number | null = null;
      try {
        count = refersTo(scene, loose).size;
      } catch {
        // Without the relation it means nothing at all, which is a change too.
      }
      notStrictEqual(count, asSet(program.at(-1)!._output!).length);
    }
  }
  ok(seen > 10);
  // "Both right of the red cube and behind the red cube", where the second is so of all that are right of it.
  const scene = handScene(ROW);
  const tokens = ["intersect", "relate[right]", "unique", "filter_shape[cube]", "scene"];
  const program = unflatten([...tokens, "relate[behind]", "unique", "filter_shape[cube]", "scene"], "prefix")!;
  deepStrictEqual(execute(scene, program)!.at(-1), [1, 2]);
  strictEqual(isDegenerate(scene, program, 2), true);
  const firm = unflatten([...tokens, "relate[left]", "unique", "filter_color[blue]", "scene"], "prefix")!;
  strictEqual(isDegenerate(scene, firm, execute(scene, firm)!.at(-1) === undefined ? -1 : 0), false);
});

Deno.test("attributes that a template keeps open are not named", () => {
  for (const [, { program, template_filename, refexp_family_index, refexp }] of each([...truths, ...lies])) {
    const narrowed = { 1: "size", 2: "color", 4: "material", 5: "shape" }[refexp_family_index];
    const open = template_filename === "same_relate.json"
      ? ["size", "color", "material", "shape"][refexp_family_index % 4]
      : template_filename === "single_or.json"
      ? narrowed
      : undefined;
    if (!open) continue;
    const named = program.filter(({ type }) => type === `filter_${open}`).length;
    strictEqual(named, template_filename === "single_or.json" ? 1 : 0, refexp);
  }
});

Deno.test("the sides of an alternative differ, and no program is used twice on a picture", () => {
  for (const [, { program, template_filename, refexp_family_index, refexp }] of each(truths)) {
    if (template_filename !== "single_or.json" || ![0, 1, 2, 4, 5].includes(refexp_family_index)) continue;
    const [a, b] = program.find(({ type }) => type === "union")!.inputs.map((i) => asSet(program[i]._output!).join());
    notStrictEqual(a, b, refexp);
  }
  for (const { made } of [...truths, ...lies]) {
    const programs = made.map(({ program }) => flatten(program, "prefix")!.join(";"));
    strictEqual(new Set(programs).size, programs.length);
  }
});

Deno.test("the number of objects referred to stays in balance", () => {
  const tallies = new Map<string, number[]>();
  for (const [, { program, template_filename, refexp_family_index }] of each(truths)) {
    const key = `${template_filename} ${refexp_family_index}`;
    const tally = tallies.get(key) ?? Array<number>(11).fill(0);
    tallies.set(key, tally);
    const count = asSet(program.at(-1)!._output!).length;
    const sorted = [...tally].sort((a, b) => b - a);
    ok(
      tally[count] <= 1.1 * sorted[1] && tally[count] <= 5 * Math.max(sorted[5], 5),
      `${key}: ${tally}, then ${count}`,
    );
    tally[count]++;
  }
  const balance = new Balance();
  const template = TEMPLATES[0];
  const allowed = () => [1, 2, 3].map((count) => balance.allows(template, count));
  const add = (count: number, times = 1) => {
    for (let i = 0; i < times; i++) balance.add(template.file, template.index, count);
  };
  deepStrictEqual(allowed(), [true, true, true]);
  add(1);
  deepStrictEqual(allowed(), [false, true, true]);
  add(2);
  deepStrictEqual(allowed(), [true, true, true]);
  add(1, 10);
  add(2, 9); // 11 and 10: a tenth more
  deepStrictEqual(allowed(), [true, true, true]);
  add(1);
  deepStrictEqual(allowed(), [false, true, true]);
  add(2, 16);
  add(1, 14); // 26 and 26: above five times the median, which counts as 5
  deepStrictEqual(allowed(), [false, false, true]);
});
