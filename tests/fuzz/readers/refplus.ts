/** Readers of CLEVR-Ref+: scenes, expressions, vocabularies, lists in the making. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { answerOf, encodeRefexp, gatherVocabulary } from "../../../datasets/refplus/encoding/encode.ts";
import { flatten, unflatten } from "../../../datasets/refplus/encoding/programs.ts";
import { tokenList, type Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import { readVocabulary } from "../../../datasets/refplus/encoding/vocabulary_file.ts";
import { GrowingList } from "../../../datasets/refplus/files/growing_list.ts";
import { ownersOf } from "../../../datasets/refplus/files/owners.ts";
import { readRefexps, readScenes } from "../../../datasets/refplus/files/read.ts";
import { SceneMasks } from "../../../datasets/refplus/files/scene_masks.ts";
import { generateRefPlus } from "../../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../../datasets/refplus/files/layout.ts";
import { openRefPlusRegions } from "../../../datasets/refplus/regions.ts";
import { TOY_VOCABULARY } from "../../support/refplus/toy_refplus.ts";
import { JSON_LINES, JSON_MUTATORS } from "../mutate/json.ts";
import { type Bytes, textOf } from "../mutate/mutator.ts";
import { TEXT } from "../mutate/text.ts";
import { elements, independentJson, members, strictText } from "../oracles/json.ts";
import type { FuzzReader } from "../reader.ts";
import { json } from "./samples.ts";

const SCENES = "scenes/clevr_ref+_val_scenes.json";

/** A small generated set. */
let generated: Promise<{ readonly scenes: Bytes; readonly refexps: Bytes }> | null = null;
function set() {
  return generated ??= (async () => {
    const folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" });
    try {
      await generateRefPlus(folder, { split: "val", images: 2, refexpsPerImage: 2, maxObjects: 3 });
      const files = refPlusFiles(folder, "val");
      return { scenes: Deno.readFileSync(files.scenes), refexps: Deno.readFileSync(files.refexps) };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  })();
}

/** Elements of a list as `JSON.parse` finds them; undefined where the file must be refused. */
function listed(bytes: Uint8Array, key: string): Record<string, unknown>[] | undefined {
  const text = strictText(bytes), file = text === undefined ? undefined : independentJson(text, true);
  return file === undefined ? undefined : elements(members(file)[key]).map(members);
}

/** Pixels of runs, one by one. */
function slowMask(runs: string): number[] {
  return runs.split(",").flatMap((run, i) => Array.from({ length: Number(run) }, () => i % 2));
}

const HEAD = { version: "1.0", seed: 3 };

/** The readers. */
export const REFPLUS: readonly FuzzReader[] = [
  {
    name: "scenes",
    samples: async () => [{ [SCENES]: (await set()).scenes }],
    mutators: () => JSON_MUTATORS,
    read: async (folder) => {
      const file = join(folder, SCENES), scenes = await Array.fromAsync(readScenes(file));
      await using masks = new SceneMasks(file, 48, 32);
      const unions: Uint8Array[] = [], owners: Uint8Array[] = [];
      for (const scene of scenes) {
        unions.push(await masks.union(scene.image_index, scene.objects.map((_, i) => i), file));
        owners.push(ownersOf(scene, file));
      }
      const { classes, size, record } = await openRefPlusRegions(folder, "val");
      return {
        scenes,
        unions,
        owners,
        classes: classes.length,
        records: Array.from({ length: size }, (_, i) => record(i)),
      };
    },
    check: (value, files) => {
      const { scenes, owners, classes, records } = value as {
        scenes: { image_index: number; image_filename: string; obj_mask: Record<string, string>; objects: unknown[] }[];
        owners: Uint8Array[];
        classes: number;
        records: { boxes: Float32Array; labels: Int32Array }[];
      };
      const slow = listed(files[SCENES], "scenes");
      if (!slow) return "read what JSON.parse refuses";
      if (slow.length !== scenes.length) return `${scenes.length} scenes, not ${slow.length}`;
      for (const [i, { image_index, image_filename, obj_mask, objects }] of scenes.entries()) {
        if (image_index !== slow[i].image_index || image_filename !== slow[i].image_filename) {
          return `scene ${i}: another picture`;
        }
        for (let object = 0; object < objects.length; object++) {
          const mask = slowMask(obj_mask[String(object + 1)]);
          if (mask.some((set, at) => set === 1 && owners[i][at] < object + 1)) return `scene ${i}: another mask`;
        }
      }
      for (const { boxes, labels } of records) {
        if (boxes.length !== 4 * labels.length || !boxes.every(Number.isFinite)) return "a box that is none";
        if (labels.some((label) => !(label >= 1 && label < classes))) return "a label of no class";
        for (let b = 0; b < boxes.length; b += 4) {
          const [x1, y1, x2, y2] = boxes.subarray(b, b + 4);
          if (!(x1 <= x2 && y1 <= y2)) return `the box ${[x1, y1, x2, y2]}`;
        }
      }
      return null;
    },
  },
  {
    name: "expressions",
    samples: async () => [{ "refexps.json": (await set()).refexps }],
    mutators: () => JSON_MUTATORS,
    read: async (folder) => {
      const file = join(folder, "refexps.json"), refexps = await Array.fromAsync(readRefexps(file));
      const options = {
        mode: "prefix",
        refexps: file,
        expand: false,
        complete: false,
        threshold: 1,
        encodeUnknown: false,
      } as const;
      const { vocabulary, programs } = await gatherVocabulary(options);
      const rows = refexps.map((refexp, i) => ({
        row: encodeRefexp(refexp, vocabulary, options, `${file}: refexps.${i}`),
        answer: programs ? answerOf(refexp, `${file}: refexps.${i}`) : [],
        tree: programs ? unflatten(flatten(refexp.program, "postfix")!, "postfix") : null,
      }));
      return { refexps, vocabulary, rows };
    },
    check: (value, files) => {
      const { refexps, rows, vocabulary } = value as {
        refexps: { refexp: string; image_index: number }[];
        rows: { row: { refexp: number[]; program: number[] } }[];
        vocabulary: Vocabulary;
      };
      const slow = listed(files["refexps.json"], "refexps");
      if (!slow) return "read what JSON.parse refuses";
      if (
        !isDeepStrictEqual(
          refexps.map(({ refexp, image_index }) => [refexp, image_index]),
          slow.map((one) => [one.refexp, one.image_index]),
        )
      ) {
        return "other expressions";
      }
      const tables = [vocabulary.refexp_token_to_idx, vocabulary.program_token_to_idx].map((table) =>
        tokenList(table).length
      );
      const outside = rows.some(({ row }) =>
        row.refexp.some((token) => !(token >= 0 && token < tables[0])) ||
        row.program.some((token) => !(token >= 0 && token < tables[1]))
      );
      return outside ? "a token of no word" : null;
    },
  },
  {
    name: "vocabularies",
    samples: () => [{ "vocab.json": json(TOY_VOCABULARY) }],
    mutators: () => JSON_MUTATORS,
    read: (folder) => readVocabulary(join(folder, "vocab.json")),
    check: (value, files) => {
      const text = strictText(files["vocab.json"]), slow = text === undefined ? undefined : independentJson(text);
      if (slow === undefined) return "read what JSON.parse refuses";
      for (const key of ["refexp_token_to_idx", "program_token_to_idx"] as const) {
        const table = (value as Vocabulary)[key], sorted = Object.values(table).sort((a, b) => a - b);
        if (!isDeepStrictEqual(Object.entries(table), Object.entries(members(members(slow)[key])))) {
          return `${key}: other tokens`;
        }
        if (sorted.some((index, i) => index !== i)) return `${key}: not each index once`;
      }
      return null;
    },
  },
  {
    name: "growing lists",
    samples: async () => {
      const folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" }), path = join(folder, "list.json");
      try {
        {
          using list = await GrowingList.open(path, "items", HEAD);
          list.append([{ image_index: 0, n: 1 }, { image_index: 0, n: 2 }]);
          list.append([{ image_index: 1, n: 3 }]);
        }
        const growing = Deno.readFileSync(GrowingList.growingPath(path));
        using list = await GrowingList.open(path, "items", HEAD);
        await list.finish();
        return [{ ".list.json.growing": growing }, { "list.json": Deno.readFileSync(path) }];
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
    mutators: () => [...TEXT, ...JSON_LINES],
    read: async (folder) => {
      const kept: [unknown, number][] = [], path = join(folder, "list.json");
      using list = await GrowingList.open(path, "items", HEAD, (element, image) => void kept.push([element, image]));
      return { kept, size: list.size, images: list.images };
    },
    check: (value, files) => {
      const { kept, size } = value as { kept: [unknown, number][]; size: number };
      if (size !== kept.length) return `${kept.length} elements, ${size} are counted`;
      const wrong = kept.find(([element, image]) => members(element).image_index !== image);
      if (wrong) return `${JSON.stringify(wrong[0])} of picture ${wrong[1]}`;
      // Whatever follows an end that a kill may have left is begun anew; what stands before it are lines as they were.
      const [stored = []] = Object.values(files).map((bytes) => textOf(bytes).split("\n"));
      const line = ([element]: [unknown, number]): string => JSON.stringify(element);
      const slow = stored.slice(1, 1 + kept.length).map((text) =>
        JSON.stringify(independentJson(text.replace(/^,/, "")))
      );
      return isDeepStrictEqual(kept.map(line), slow) ? null : "other elements";
    },
  },
];
