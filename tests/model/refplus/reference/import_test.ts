/** Checkpoints of the reference, made of the fixture's weights (tests/fixtures/refplus_models.py). */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import type { Vocabulary } from "../../../../datasets/refplus/encoding/tokens.ts";
import { Device } from "../../../../engine/mod.ts";
import { assertSameSpec } from "../../../../model/refplus/data_spec.ts";
import { sameExtractor } from "../../../../model/refplus/extractor/extractor_name.ts";
import { importReference } from "../../../../model/refplus/reference/import_reference.ts";
import { programTokens } from "../../../../model/refplus/build.ts";
import { engineOf, generatorOf, readRefplusCheckpoint } from "../../../../model/refplus/checkpoint.ts";
import { parsePrefix } from "../../../../model/refplus/engine/program_tree.ts";
import { vocabularyIn } from "../../../../model/weights/torch_vocabulary.ts";
import type { WeightFile } from "../../../../model/weights/stored.ts";
import fixture from "../../../fixtures/refplus_models.json" with { type: "json" };
import { withFolder } from "../../../support/folder.ts";
import { numbers } from "../../../support/formula.ts";

const table = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name, i) => [name, i]));

const vocabulary: Vocabulary = {
  refexp_token_to_idx: table(Array.from({ length: fixture.generator.words }, (_, i) => `word${i}`)),
  program_token_to_idx: table(fixture.engine.names),
  answer_token_to_idx: null,
};

/** A checkpoint with these parts, as a reader of PyTorch's files returns it. */
function reference(...parts: readonly ("generator" | "engine")[]): WeightFile {
  const states = { generator: "program_generator_state.", engine: "execution_engine_state." };
  const tensors = parts.flatMap((part) =>
    Object.entries(fixture[part].state).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1), reach = fixture[part].reach;
      return [states[part] + name, { shape, read: () => numbers(`${part} ${name}`, size, -reach, reach) }] as const;
    })
  );
  return { format: "made", metadata: {}, tensors: new Map(tensors) };
}

const { grid, size, features } = fixture.engine;
const options = { vocabulary, grid: [grid, grid], masks: [size, size], extractor: "some" } as const;

Deno.test("a checkpoint of the reference becomes one of ours, with PyTorch's logits and scores", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "both.safetensors"),
      { bytes, config } = await importReference(reference("generator", "engine"), options);
    deepStrictEqual([config.stage, config.generator.layers, config.engine.dim], ["joint", 2, fixture.engine.dim]);
    // Whatever the rule for new models: the file's tensors say how wide its head is.
    strictEqual(config.engine.headWidth, 32);
    await Deno.writeFile(path, bytes);
    const checkpoint = await readRefplusCheckpoint(path);
    deepStrictEqual(checkpoint.spec, { features: [features, grid, grid], extractor: "some", masks: [size, size] });
    await using device = await Device.open();
    using generator = generatorOf(device, checkpoint);
    using engine = engineOf(device, checkpoint);
    const near = (got: ArrayLike<number>, want: readonly number[]): void => {
      strictEqual(got.length, want.length);
      const most = Math.max(...want.map(Math.abs));
      want.forEach((v, i) => ok(Math.abs(got[i] - v) <= 2e-5 * most, `${i}: ${got[i]}, not ${v}`));
    };
    {
      using _scope = device.scope();
      const sequences = (rows: readonly (readonly number[])[]) => ({
        data: Int32Array.from(rows.flat()),
        count: rows.length,
        length: rows[0].length,
      });
      const { x, y, tokens, logits } = fixture.generator;
      const got = generator.logits(generator.encode(sequences(x)), sequences(y.map((row) => row.slice(0, -1))));
      near(await got.reshape([4, 3, tokens]).transpose([1, 0, 2]).data(), logits);
      const { programs, scores } = fixture.engine;
      const image = numbers("features", programs.length * grid * grid * features, -1, 1);
      const trees = programs.map((program) => parsePrefix(program, programTokens(vocabulary)));
      const maps = engine.forward(device.tensor(image, [programs.length, grid, grid, features]), trees);
      near(await engine.scores(maps).data(), scores);
    }
  });
});

Deno.test("tensors without a place in the models are reported: a network with batch normalisation would be another one", async () => {
  for (const [part, name] of [["engine", "unique.bn1.weight"], ["generator", "encoder_rnn.extra"]] as const) {
    const file = reference("generator", "engine"),
      prefix = { engine: "execution_engine", generator: "program_generator" };
    const tensors = new Map(file.tensors).set(`${prefix[part]}_state.${name}`, {
      shape: [1],
      read: () => Float32Array.of(1),
    });
    await rejects(
      importReference({ ...file, tensors }, options),
      new RegExp(`tensor "${prefix[part]}_state\\.${name}" has no place in these models`),
    );
  }
});

Deno.test("features match by what is known of their extractor: a name without its weights' digest, or nothing", () => {
  const network = "resnet101 stage 3 320x320", shapes = { features: [3, 4, 5], masks: [8, 8] } as const;
  for (const [a, b] of [[network, `${network} 0123abcd`], ["unknown", network], ["unknown", "pixels 8x8 cell 2"]]) {
    ok(sameExtractor(a, b) && sameExtractor(b, a), `${a}; ${b}`);
    assertSameSpec({ ...shapes, extractor: a }, { spec: { ...shapes, extractor: b }, path: "x" });
    const other = { ...shapes, features: [3, 4, 6] as const, extractor: b };
    throws(
      () => assertSameSpec({ ...shapes, extractor: a }, { spec: other, path: "x" }),
      /x: was made for features of 3 × 4 × 6/,
    );
  }
  for (const b of ["resnet101 stage 3 320x3200", "resnet50 stage 3 320x320", `${network}1`]) {
    ok(!sameExtractor(network, b) && !sameExtractor(b, network), b);
  }
  ok(!sameExtractor(`${network} 0123abcd`, `${network} 0123abce`));
});

Deno.test("a model alone is imported; a vocabulary that does not fit is reported", async () => {
  const { config, generator, engine } = await importReference(reference("generator"), options);
  deepStrictEqual([config.stage, generator, engine], ["pg", true, false]);
  await rejects(
    importReference({ format: "made", metadata: {}, tensors: new Map() }, options),
    /neither program_generator/,
  );
  const fewer = { ...vocabulary, refexp_token_to_idx: table(["a", "b"]) };
  await rejects(
    importReference(reference("generator"), { ...options, vocabulary: fewer }),
    /knows 11 words and 9 program tokens, the vocabulary has 2 and 9/,
  );
  const other = { ...vocabulary, program_token_to_idx: table([...fixture.engine.names.slice(0, -1), "unique"]) };
  await rejects(importReference(reference("engine"), { ...options, vocabulary: other }), /has no module for "unique"/);
});

Deno.test("a checkpoint that has its vocabulary is imported with this one alone", async () => {
  const tables = (words: Readonly<Record<string, number>>): Map<string, unknown> =>
    new Map<string, unknown>([
      ["refexp_token_to_idx", new Map(Object.entries(words))],
      ["program_token_to_idx", new Map(Object.entries(vocabulary.program_token_to_idx))],
      ["refexp_idx_to_token", new Map([[0, "word0"]])],
    ]);
  const stored = (words: Readonly<Record<string, number>>): WeightFile => ({
    ...reference("generator"),
    metadata: vocabularyIn(new Map<string, unknown>([["vocab", tables(words)], ["model_t", 3]])),
  });
  const words = vocabulary.refexp_token_to_idx;
  ok((await importReference(stored(words), options)).generator);
  await rejects(
    importReference(stored({ ...words, word4: 5, word5: 4 }), options),
    /was trained with another vocabulary: "word4" is number 5 there, and number 4 in --vocab_json/,
  );
  const { word4: _, ...fewer } = words;
  await rejects(importReference(stored({ ...fewer, red: 4 }), options), /"red" is number 4 there, and nowhere in/);
  deepStrictEqual([vocabularyIn(new Map()), vocabularyIn(new Map([["vocab", new Map()]])), vocabularyIn(1)], [
    {},
    {},
    {},
  ]);
});
