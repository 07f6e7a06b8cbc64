import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadHdf5 } from "../../../../engine/base/packages/h5wasm.ts";
import { UserError } from "../../../../engine/base/user_error.ts";
import { flatten } from "../../../../datasets/refplus/encoding/programs.ts";
import { type PreprocessOptions, preprocessRefexps } from "../../../../datasets/refplus/encoding/preprocess.ts";
import { RefexpFile } from "../../../../datasets/refplus/files/refexp_file.ts";
import type { Refexp, Scene } from "../../../../datasets/refplus/files/types.ts";
import { withFolder } from "../../../support/folder.ts";
import { withRandom } from "../../../support/random.ts";
import { readVocabulary } from "../../../../datasets/refplus/encoding/vocabulary_file.ts";
import { Samples } from "../../../../model/refplus/training/samples.ts";
import { pythonJson, realRefexps, realScenes } from "../../../support/refplus/real_refplus.ts";
import { shownPixels } from "../../../support/refplus/slow_refplus.ts";

const h5wasm = await loadHdf5();

/** Writes input files of `count` expressions, the three of the hand-made set over and over. */
async function writeInput(folder: string, count: number, change = (_: Record<string, unknown>) => {}): Promise<void> {
  const list = Array.from({ length: count }, (_, i) => ({ ...realRefexps()[i % 3], refexp_index: i }));
  list.forEach(change);
  await Deno.writeTextFile(join(folder, "scenes.json"), pythonJson("scenes", realScenes()));
  await Deno.writeTextFile(join(folder, "refexps.json"), pythonJson("refexps", list));
}

const optionsIn = (folder: string) => ({
  mode: "prefix",
  refexps: join(folder, "refexps.json"),
  scenes: join(folder, "scenes.json"),
  examples: -1,
  height: 320,
  width: 320,
  output: join(folder, "out.h5"),
  outputVocabulary: join(folder, "vocab.json"),
  expand: false,
  complete: false,
  threshold: 1,
  encodeUnknown: false,
} satisfies PreprocessOptions);

/** All data sets of a file as the library itself reads them. */
function everything(path: string): Record<string, { dtype: unknown; shape: number[]; values: unknown[] }> {
  const file = new h5wasm.File(path, "r");
  const all = Object.fromEntries(
    file.keys().map((name) => {
      const data = file.get(name);
      ok(data instanceof h5wasm.Dataset);
      return [name, { dtype: data.dtype, shape: data.shape!, values: [...data.value as Int32Array] }];
    }),
  );
  file.close();
  return all;
}

const refuses = (run: () => Promise<unknown>, message: RegExp) =>
  rejects(run, (error) => error instanceof UserError && message.test(error.message) && !error.message.includes("\n"));

const VOCABULARY = {
  refexp_token_to_idx: [
    ...["<NULL>", "<START>", "<END>", "<UNK>", ";", "Find", "The", "are", "ball(s)", "big", "either", "from", "it"],
    ...["left", "object(s)", "of", "one", "or", "red", "right", "second", "shiny", "that", "the", "thing(s)", "things"],
  ],
  program_token_to_idx: [
    ...["<NULL>", "<START>", "<END>", "<UNK>", "filter_color[red]", "filter_material[metal]"],
    ...["filter_ordinal[the second one of the,from left]", "filter_shape[sphere]", "filter_size[large]"],
    ...["relate[right]", "scene", "union", "unique"],
  ],
};

Deno.test("the file has the reference's data sets, and the vocabulary its form", async () => {
  await withFolder(async (folder) => {
    await writeInput(folder, 3);
    const made = await preprocessRefexps(optionsIn(folder));
    deepStrictEqual(made, { rows: 3, added: 3, words: 26, programTokens: 13 });
    const table = (tokens: string[]) => Object.fromEntries(tokens.map((token, i) => [token, i]));
    deepStrictEqual(JSON.parse(await Deno.readTextFile(join(folder, "vocab.json"))), {
      refexp_token_to_idx: table(VOCABULARY.refexp_token_to_idx),
      program_token_to_idx: table(VOCABULARY.program_token_to_idx),
      answer_token_to_idx: null,
    });
    const words = (text: string) => text.split(" ").map((word) => VOCABULARY.refexp_token_to_idx.indexOf(word));
    const nodes = (text: string) => text.split(";").map((token) => VOCABULARY.program_token_to_idx.indexOf(token));
    const padded = (rows: number[][], length: number) =>
      rows.flatMap((row) => [1, ...row, 2, ...Array(length - row.length - 2).fill(0)]);
    const { answers, ...rest } = everything(join(folder, "out.h5"));
    deepStrictEqual(rest, {
      refexps: {
        dtype: "<i",
        shape: [3, 19],
        values: padded([
          words("The red thing(s)"),
          words("Find the second one of the object(s) from left ; The ball(s) that are right of it"),
          words("The things that are either big thing(s) or shiny thing(s)"),
        ], 19),
      },
      programs: {
        dtype: "<i",
        shape: [3, 7],
        values: padded([
          nodes("filter_color[red];scene"),
          nodes("filter_shape[sphere];relate[right];unique;filter_ordinal[the second one of the,from left];scene"),
          nodes("union;filter_size[large];scene;filter_material[metal];scene"),
        ], 7),
      },
      image_idxs: { dtype: "<q", shape: [3], values: [0n, 0n, 1n] },
      orig_idxs: { dtype: "<q", shape: [3], values: [0n, 1n, 2n] },
      refexp_families: { dtype: "<q", shape: [3], values: [1n, 0n, 0n] },
      refexp_categories: { dtype: "<q", shape: [3], values: [0n, 1n, 5n] },
    });
    deepStrictEqual([answers.dtype, answers.shape], ["<B", [3, 320, 40]]);
  });
});

/** The mask of a row by the rule for 480 columns to 320, from sets of pixels. */
function slowMask(scene: Scene, objects: readonly number[]): Uint8Array {
  const shown = objects.map((i) => shownPixels(scene, i)).reduce((a, b) => a.union(b), new Set<number>());
  return Uint8Array.from({ length: 320 * 320 }, (_, at) => {
    const [x, y] = [at % 320, Math.floor(at / 320)];
    const first = y * 480 + 3 * (x >> 1) + x % 2;
    return shown.has(first) && shown.has(first + 1) ? 1 : 0;
  });
}

Deno.test("rows read back are what went in: masks, sequences and columns", async () => {
  await withFolder(async (folder) => {
    await writeInput(folder, 7);
    await preprocessRefexps({ ...optionsIn(folder), mode: "postfix" });
    using file = await RefexpFile.open(join(folder, "out.h5"));
    deepStrictEqual([file.size, file.width, file.height, file.refexpLength, file.programLength], [7, 320, 320, 19, 7]);
    const { vocabulary, ...settings } = file.settings!;
    deepStrictEqual(settings, { mode: "postfix", width: 320, height: 320, source: "refexps.json" });
    ok(/^[0-9a-f]{64}$/.test(vocabulary));
    for (let i = 0; i < 7; i++) {
      const refexp = realRefexps()[i % 3] as unknown as Refexp;
      const scene = realScenes()[refexp.image_index] as unknown as Scene;
      const mask = slowMask(scene, refexp.program.at(-1)!._output as number[]);
      ok(mask.includes(1));
      deepStrictEqual(file.mask(i), mask);
      const row = [...file.programs.subarray(7 * i, 7 * i + 7)].filter((token) => token > 2);
      deepStrictEqual(row.map((token) => VOCABULARY.program_token_to_idx[token]), flatten(refexp.program, "postfix"));
      const { template_filename: name, refexp_family_index: family } = refexp;
      const category = { "zero_hop.json": 0, "one_hop.json": 1, "single_or.json": 5 }[name as "zero_hop.json"];
      const { images, originals, families, categories } = file;
      deepStrictEqual([images[i], originals[i], families[i], categories[i]], [refexp.image_index, i, family, category]);
    }
  });
});

Deno.test("masks of other sizes, and the reference's own files, are read too", async () => {
  await withFolder(async (folder) => {
    await writeInput(folder, 3);
    await preprocessRefexps({ ...optionsIn(folder), width: 13, height: 20 });
    {
      using file = await RefexpFile.open(join(folder, "out.h5"));
      strictEqual(file.mask(2).length, 260);
      deepStrictEqual([file.width, file.height], [13, 20]);
    }
    // As h5py writes it: interpolated values, which are cut when they are read.
    const path = join(folder, "reference.h5");
    const reference = new h5wasm.File(path, "w");
    const add = (name: string, data: Int32Array | BigInt64Array | Float64Array, shape: number[], dtype: string) =>
      reference.create_dataset({ name, data: data as Int32Array, shape, dtype });
    add("refexps", Int32Array.of(1, 4, 2, 1, 2, 0), [2, 3], "<i");
    add("programs", Int32Array.of(1, 4, 2, 1, 4, 2), [2, 3], "<i");
    for (const name of ["image_idxs", "orig_idxs", "refexp_families"]) add(name, BigInt64Array.of(3n, 4n), [2], "<q");
    add("answers", Float64Array.of(0, 1, 0.75, 1, 0, 0, 0.25, 1), [2, 2, 2], "<d");
    reference.flush();
    reference.close();
    using file = await RefexpFile.open(path);
    deepStrictEqual([[...file.mask(0)], [...file.mask(1)]], [[0, 1, 0, 1], [0, 0, 0, 1]]);
    deepStrictEqual([[...file.images], [...file.categories], file.settings], [[3, 4], [-1, -1], null]);
  });
});

Deno.test("a file is appended to as its expressions become more, and rows become wider", async () => {
  await withFolder(async (folder) => {
    const options = { ...optionsIn(folder), complete: true };
    await writeInput(folder, 8);
    await preprocessRefexps({ ...options, output: join(folder, "once.h5") });
    await preprocessRefexps({ ...options, examples: 1 });
    deepStrictEqual(everything(options.output).refexps.shape, [1, 5]);
    await writeInput(folder, 4);
    deepStrictEqual((await preprocessRefexps(options)).added, 3);
    await writeInput(folder, 8);
    deepStrictEqual(await preprocessRefexps(options), { rows: 8, added: 4, words: 84, programTokens: 60 });
    deepStrictEqual(everything(options.output), everything(join(folder, "once.h5")));
    const before = await Deno.readFile(options.output);
    strictEqual((await preprocessRefexps(options)).added, 0);
    deepStrictEqual(await Deno.readFile(options.output), before);
    deepStrictEqual([...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(".")), []);
  });
});

Deno.test("an interrupted run goes on from what it saved, and a broken working copy does no harm", () =>
  withRandom("preprocess interrupted", (random) =>
    withFolder(async (folder) => {
      await writeInput(folder, 1700);
      const small = { ...optionsIn(folder), width: 32, height: 32 };
      await preprocessRefexps({ ...small, output: join(folder, "once.h5") });
      const stop = 500 * random.integer(2, 4);
      const run = preprocessRefexps({
        ...small,
        saveEvery: 500,
        onProgress: (stage, done) => {
          if (stage === "encoding" && done === stop) throw new Error("killed");
        },
      });
      await rejects(run, /killed/);
      strictEqual(await Deno.stat(small.output).then(() => true, () => false), false);
      await Deno.writeTextFile(join(folder, ".out.h5.working"), "torn");
      let first = Infinity;
      const made = await preprocessRefexps({
        ...small,
        onProgress: (stage, done) => {
          if (stage === "encoding") first = Math.min(first, done);
        },
      });
      deepStrictEqual([made.rows, made.added], [1700, 1700]);
      strictEqual(first, stop, "it went on from the rows before the last batch");
      deepStrictEqual(everything(small.output), everything(join(folder, "once.h5")));
      deepStrictEqual([...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(".")), []);
      // What was saved with other settings is of no use.
      await Deno.copyFile(small.output, join(folder, ".wide.h5.saved"));
      await Deno.writeTextFile(join(folder, ".torn.h5.saved"), "torn");
      strictEqual((await preprocessRefexps({ ...small, output: join(folder, "torn.h5"), examples: 1 })).added, 1);
      const wide = { ...small, width: 40, output: join(folder, "wide.h5"), examples: 2 };
      deepStrictEqual((await preprocessRefexps(wide)).added, 2);
    })));

Deno.test("vocabularies are built, read, expanded and cut by the flags", async () => {
  await withFolder(async (folder) => {
    const options = { ...optionsIn(folder), width: 8, height: 8 };
    const words = async () => {
      const table = JSON.parse(await Deno.readTextFile(options.outputVocabulary!)).refexp_token_to_idx;
      return Object.keys(table).filter((word) => !word.startsWith("<"));
    };
    const rows = () => everything(options.output).refexps.values;
    const again = () => Deno.remove(options.output);
    await writeInput(folder, 2);
    // On all expressions, also those that are not encoded.
    await preprocessRefexps({ ...options, examples: 1 });
    ok((await words()).includes("second"));
    await again();
    await preprocessRefexps({ ...options, threshold: 2, encodeUnknown: true });
    deepStrictEqual(await words(), ["The", "of", "the"]);
    deepStrictEqual((rows()).slice(0, 5), [1, 4, 3, 3, 2]);
    await again();
    await Deno.rename(options.outputVocabulary!, join(folder, "small.json"));
    const small = { ...options, inputVocabulary: join(folder, "small.json") };
    await preprocessRefexps({ ...small, encodeUnknown: true, examples: 1 });
    deepStrictEqual(await words(), ["The", "of", "the"]);
    await again();
    await preprocessRefexps({ ...small, expand: true });
    deepStrictEqual((await words()).slice(0, 6), ["The", "of", "the", ";", "Find", "are"]);
    await again();
    await refuses(() => preprocessRefexps(small), /refexps\.0: the word "red" is not in the vocabulary; give --encode/);
    const lacking = { refexp_token_to_idx: {}, program_token_to_idx: {} } as Record<string, Record<string, number>>;
    for (const table of Object.values(lacking)) ["<NULL>", "<START>", "<END>", "<UNK>"].forEach((t, i) => table[t] = i);
    await Deno.writeTextFile(join(folder, "small.json"), JSON.stringify(lacking));
    await refuses(
      () => preprocessRefexps({ ...small, encodeUnknown: true }),
      /refexps\.0: the program token filter_color\[red\] is not in the vocabulary; build one/,
    );
    deepStrictEqual([...Deno.readDirSync(folder)].filter(({ name }) => /h5/.test(name)), []);
  });
});

Deno.test("what cannot be encoded is refused in one line, and the output stays as it was", async () => {
  await withFolder(async (folder) => {
    const options = { ...optionsIn(folder), width: 8, height: 8 };
    const broken = async (change: (refexp: Record<string, unknown>, i: number) => void, message: RegExp) => {
      await writeInput(folder, 3, change as (r: Record<string, unknown>) => void);
      await refuses(() => preprocessRefexps(options), message);
      strictEqual(await Deno.stat(options.output).then(() => true, () => false), false);
    };
    await broken((r, i) => i === 1 && (r.image_index = 7), /refexps\.1: picture 7 is not in .*scenes\.json/);
    await broken((r) => (r.program as { _output: unknown }[]).at(-1)!._output = [9], /refexps\.0: object 9 is not in/);
    await broken(
      (r) => (r.program as { _output: unknown }[]).at(-1)!._output = undefined,
      /refexps\.0: program\.1\._output: is missing/,
    );
    await writeInput(folder, 0);
    await refuses(() => preprocessRefexps(options), /refexps\.json: has no expressions/);
    await writeInput(folder, 3);
    await refuses(
      () => preprocessRefexps({ ...options, mode: "chain" }),
      /refexps\.2: its program is no chain; give --mode prefix or postfix/,
    );
    const scenes = realScenes();
    (scenes[0].obj_mask as Record<string, string>)["1"] = "5,6";
    await Deno.writeTextFile(options.scenes, pythonJson("scenes", scenes));
    await refuses(() => preprocessRefexps(options), /scenes\.json: image_index 0: obj_mask\.1: runs of 11 pixels/);
    // A second scene of a picture, behind all that expressions ask for.
    const again = realScenes();
    await Deno.writeTextFile(
      options.scenes,
      pythonJson("scenes", [...again, { ...again[0], image_filename: "x.png" }]),
    );
    await refuses(() => preprocessRefexps(options), /scenes\.2: is of the picture of scenes\.0 too; leave one out/);
    await writeInput(folder, 3);
    const { outputVocabulary: _, ...homeless } = options;
    await refuses(() => preprocessRefexps(homeless), /give --input_vocab_json or --output_vocab_json/);
    await preprocessRefexps(options);
    const inputVocabulary = join(folder, "vocab.json");
    await refuses(() => preprocessRefexps({ ...homeless, inputVocabulary, expand: true }), /--expand_vocab 1 needs/);
    await refuses(
      () => preprocessRefexps({ ...options, mode: "postfix" }),
      /out\.h5: was made with mode prefix, not post/,
    );
    await refuses(() => preprocessRefexps({ ...options, width: 9 }), /out\.h5: was made with width 8, not 9/);
    await refuses(() => preprocessRefexps({ ...options, complete: true }), /out\.h5: was made with another vocabulary/);
    await refuses(() => preprocessRefexps({ ...options, examples: 2 }), /out\.h5: has 3 rows already, 2 are asked for/);
    await writeInput(folder, 6, (r) => r.image_index = 0);
    await refuses(() => preprocessRefexps(options), /refexps\.2: is not what .*out\.h5 holds there; remove that file/);
    const write = (answers: number, settings: Record<string, string | number> = {}) => {
      const file = new h5wasm.File(options.output, "w");
      for (const name of ["refexps", "programs"]) {
        file.create_dataset({ name, data: Int32Array.of(1, 2), shape: [1, 2], dtype: "<i" });
      }
      for (const name of ["image_idxs", "orig_idxs", "refexp_families"]) {
        file.create_dataset({ name, data: new BigInt64Array(1) as unknown as Int32Array, shape: [1], dtype: "<q" });
      }
      if (answers > 0) {
        file.create_dataset({ name: "answers", data: new Float64Array(answers), shape: [answers, 1, 1] });
      }
      for (const [name, value] of Object.entries(settings)) file.create_attribute(name, value);
      file.flush();
      file.close();
    };
    write(2);
    await refuses(() => RefexpFile.open(options.output), /out\.h5: answers: has 2 rows, refexps 1/);
    write(0);
    await refuses(() => RefexpFile.open(options.output), /out\.h5: answers: there is no such data set/);
    await refuses(() => preprocessRefexps(options), /out\.h5: was made with another program; remove it/);
    await Deno.writeTextFile(options.output, "not HDF5 at all");
    await refuses(() => preprocessRefexps(options), /out\.h5: is not an HDF5 file/);
    await refuses(() => RefexpFile.open(join(folder, "none.h5")), /none\.h5: there is no such file/);
  });
});

Deno.test("of expressions without programs the words alone are encoded; all have one or none has", async () => {
  await withFolder(async (folder) => {
    const options = optionsIn(folder);
    await writeInput(folder, 4);
    await preprocessRefexps({ ...options, output: join(folder, "whole.h5") });
    const whole = everything(join(folder, "whole.h5"));
    await writeInput(folder, 3, (refexp) => void delete refexp.program);
    await preprocessRefexps(options);
    // Rows are added to words alone too.
    await writeInput(folder, 4, (refexp) => void delete refexp.program);
    deepStrictEqual((await preprocessRefexps({ ...options, scenes: undefined })).added, 1);
    const { programs: _programs, answers: _answers, ...words } = whole;
    deepStrictEqual(everything(options.output), words);
    const vocabulary = await readVocabulary(join(folder, "vocab.json"));
    deepStrictEqual(Object.keys(vocabulary.program_token_to_idx), ["<NULL>", "<START>", "<END>", "<UNK>"]);
    {
      using file = await RefexpFile.open(options.output);
      deepStrictEqual([file.wordsAlone, file.size, file.programLength, file.width], [true, 4, 0, 320]);
    }
    await refuses(() => Samples.open(options.output, null, vocabulary), /out\.h5: holds words alone/);
    await writeInput(
      folder,
      4,
      ((refexp: Record<string, unknown>, i: number) => {
        if (i === 2) delete refexp.program;
      }) as never,
    );
    await refuses(
      () => preprocessRefexps(options),
      /refexps\.json: refexps\.2\.program: is missing, those before have one/,
    );
    await writeInput(folder, 5);
    await refuses(
      () => preprocessRefexps({ ...options, output: join(folder, "none.h5"), scenes: undefined }),
      /refexps\.json: has programs, .*--input_scenes_json/,
    );
    const given = { ...options, inputVocabulary: join(folder, "all.json"), outputVocabulary: undefined };
    await Deno.writeTextFile(given.inputVocabulary, await Deno.readTextFile(join(folder, "vocab.json")));
    await refuses(() => preprocessRefexps(given), /out\.h5: holds words alone, .*refexps\.json has programs; choose/);
  });
});
