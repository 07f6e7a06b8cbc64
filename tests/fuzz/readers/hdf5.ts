/** Readers of HDF5 files: encoded expressions, features, and the journal of features in the making. */
import { join, resolve } from "node:path";
import { FeatureFile, type FeatureSettings } from "../../../datasets/refplus/files/feature_file.ts";
import { FeatureJournal } from "../../../datasets/refplus/files/feature_journal.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { hasFallen, loadHdf5 } from "../../../engine/base/packages/h5wasm.ts";
import { randomFor } from "../../support/random.ts";
import { writeToy } from "../../support/refplus/toy_refplus.ts";
import { BINARY } from "../mutate/bytes.ts";
import type { Bytes } from "../mutate/mutator.ts";
import type { Files, FuzzReader } from "../reader.ts";

/** Both files of the toy task. */
let toy: Promise<{ readonly refexps: Bytes; readonly features: Bytes }> | null = null;
function files() {
  return toy ??= inFolder(async (folder) => {
    const { refexps, features } = await writeToy(folder, "train", 6, randomFor("fuzz", 1));
    return { refexps: Deno.readFileSync(refexps), features: Deno.readFileSync(features) };
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A file as another program may write it: 64-bit numbers, one chunk, no extractor. */
async function foreign(): Promise<Bytes> {
  const { File } = await loadHdf5();
  return await inFolder(async (folder) => {
    const path = resolve(folder, "a.h5"), file = new File(path, "w");
    file.create_dataset({
      name: "features",
      data: Float64Array.from({ length: 24 }, (_, i) => i / 4),
      shape: [2, 3, 2, 2],
    });
    file.close();
    return await Promise.resolve(Deno.readFileSync(path));
  });
}

const SETTINGS: FeatureSettings = { extractor: "toy", shape: [3, 4, 4] };

interface Features {
  readonly size: number;
  readonly settings: FeatureSettings;
  readonly rows: readonly Float32Array[];
}

/** The library keeps some memory of each broken file that it is given. */
const PER_PROCESS = 500;

/** The readers. */
export const HDF5: readonly FuzzReader[] = [
  {
    name: "encoded expressions",
    perProcess: PER_PROCESS,
    spent: hasFallen,
    samples: async () => [{ "a.h5": (await files()).refexps }],
    mutators: () => BINARY,
    read: async (folder) => {
      using file = await RefexpFile.open(join(folder, "a.h5"));
      const { size, refexps, programs, images, originals, families, categories, width, height, settings } = file;
      const masks = Array.from({ length: size }, (_, i) => file.wordsAlone ? null : file.mask(i));
      return { size, refexps, programs, images, originals, families, categories, width, height, settings, masks };
    },
    check: (value) => {
      const { size, images, originals, masks, width, height } = value as {
        size: number;
        images: Int32Array;
        originals: Int32Array;
        masks: (Uint8Array | null)[];
        width: number;
        height: number;
      };
      if (images.length !== size || originals.length !== size) return "columns of other lengths";
      const wrong = masks.findIndex((mask) => mask && (mask.length !== width * height || mask.some((v) => v > 1)));
      return wrong < 0 ? null : `mask ${wrong} is none`;
    },
  },
  {
    name: "features",
    perProcess: PER_PROCESS,
    spent: hasFallen,
    samples: async () => [{ "a.h5": (await files()).features }, { "a.h5": await foreign() }],
    mutators: () => BINARY,
    read: async (folder): Promise<Features> => {
      using file = await FeatureFile.open(join(folder, "a.h5"));
      return {
        size: file.size,
        settings: file.settings,
        // A training reads those it needs.
        rows: Array.from({ length: Math.min(file.size, 100) }, (_, i) => file.row(i)),
      };
    },
    check: (value) => {
      const { rows, settings: { shape } } = value as Features, length = shape.reduce((a, b) => a * b, 1);
      return rows.every((row) => row.length === length) ? null : "rows of other lengths";
    },
  },
  {
    name: "feature journals",
    samples: () =>
      inFolder(async (folder): Promise<Files[]> => {
        const output = join(folder, "a.h5");
        using journal = await FeatureJournal.open(output, SETTINGS);
        journal.append(Float32Array.from({ length: 96 }, (_, i) => i / 8));
        return [{ ".a.h5.rows": Deno.readFileSync(join(folder, ".a.h5.rows")) }];
      }),
    mutators: () => BINARY,
    read: async (folder) => {
      const output = join(folder, "a.h5");
      using journal = await FeatureJournal.open(output, SETTINGS);
      const { rows } = journal;
      if (rows === 0) return { rows, stored: [] };
      await journal.publish();
      using file = await FeatureFile.open(output);
      return { rows, stored: Array.from({ length: file.size }, (_, i) => file.row(i)) };
    },
    check: (value, files) => {
      const { rows, stored } = value as { rows: number; stored: Float32Array[] };
      const held = Math.max(0, Math.floor(((files[".a.h5.rows"]?.length ?? 0) - 512) / (4 * 48)));
      return rows === stored.length && rows <= held ? null : `${rows} rows of ${held}`;
    },
  },
];
