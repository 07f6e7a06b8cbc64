import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { loadHdf5 } from "../../../engine/base/packages/h5wasm.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { Hdf5 } from "../../../datasets/formats/hdf5.ts";
import { statedSize, SUPERBLOCK } from "../../../datasets/formats/hdf5_superblock.ts";
import { appendFeatures, createFeatureFile, FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { createRefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";

const h5wasm = await loadHdf5();

const FEATURES = { extractor: "counted", shape: [3, 4, 5] } as const;

/** A file of features, and one of expressions. */
async function writeFiles(folder: string): Promise<string[]> {
  const [features, refexps] = ["features.h5", "refexps.h5"].map((name) => join(folder, name));
  await createFeatureFile(features, FEATURES);
  await createRefexpFile(refexps, { mode: "chain", width: 8, height: 8, source: "here", vocabulary: "0" });
  using file = await Hdf5.open(features, "a");
  appendFeatures(file, new Float32Array(20 * 60), FEATURES);
  return [features, refexps];
}

const says = (path: string, message: string) => (error: unknown) =>
  error instanceof UserError && error.message === `${path}: ${message}`;

Deno.test("files that are cut short, wherever it is, are named", () =>
  withRandom("HDF5 cut short", (random) =>
    withFolder(async (folder) => {
      for (const path of await writeFiles(folder)) {
        const whole = await Deno.readFile(path);
        const lengths = [8, 9, 12, 20, 35, 47, 48, 100, whole.length - 1, ...random.integers(5, 100, whole.length)];
        for (const mode of ["r", "a"] as const) {
          for (const length of lengths) {
            await Deno.writeFile(path, whole.subarray(0, length));
            await rejects(
              Hdf5.open(path, mode),
              says(path, "is not whole; make or copy it again"),
              `${length} of ${whole.length} bytes`,
            );
          }
          await Deno.writeFile(path, whole.subarray(0, 7));
          await rejects(Hdf5.open(path, mode), says(path, "is not an HDF5 file; make or download it again"));
        }
        // What others append to a file does no harm, and what was refused before does not hinder the whole file.
        await Deno.writeFile(path, Uint8Array.of(...whole, 0));
        (await Hdf5.open(path))[Symbol.dispose]();
        await Deno.writeFile(path, whole);
        (await Hdf5.open(path, "a"))[Symbol.dispose]();
      }
    })));

Deno.test("files of all versions say where they end", async () => {
  await withFolder(async (folder) => {
    const versions = [];
    for (const libver of ["earliest", "v108", "v110"] as const) {
      const path = join(folder, `${libver}.h5`);
      const file = new h5wasm.File(path, "w", { libver: [libver, "latest"] });
      file.create_dataset({ name: "numbers", data: Float32Array.of(1, 2, 3) });
      file.flush();
      file.close();
      const bytes = await Deno.readFile(path);
      versions.push(bytes[8]);
      strictEqual(statedSize(bytes.subarray(0, SUPERBLOCK)), bytes.length, libver);
      await Deno.writeFile(path, bytes.subarray(0, bytes.length - 1));
      await rejects(Hdf5.open(path), says(path, "is not whole; make or copy it again"));
    }
    deepStrictEqual(versions, [0, 2, 3]);
    // Version 1, which the library writes only for other settings, has four more bytes before its addresses of, here, four.
    const first = new Uint8Array(64);
    first[8] = 1;
    first[13] = 4;
    first.set([0x10, 0x20, 0x30, 0x00], 36);
    strictEqual(statedSize(first), 0x302010);
    first[8] = 4;
    strictEqual(statedSize(first), null);
  });
});

Deno.test("of a damaged file one line is said, and nothing by the library", async () => {
  await withFolder(async (folder) => {
    const [features, refexps] = await writeFiles(folder);
    const bytes = await Deno.readFile(features);
    await Deno.writeFile(features, bytes.fill(0, 48));
    await Deno.truncate(refexps, 300);
    const program = `
      const { Hdf5 } = await import(${JSON.stringify(import.meta.resolve("../../../datasets/formats/hdf5.ts"))});
      for (const path of Deno.args) await Hdf5.open(path).catch((error) => console.log(error.message));
    `;
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", "--no-check", program, "--", features, refexps] });
    const { stdout, stderr } = await child.output();
    deepStrictEqual([new TextDecoder().decode(stderr), new TextDecoder().decode(stdout).trim().split("\n")], ["", [
      `${features}: is damaged; make or copy it again`,
      `${refexps}: is not whole; make or copy it again`,
    ]]);
    // The library still works after such a failure.
    await rejects(FeatureFile.open(features), says(features, "is damaged; make or copy it again"));
    await createFeatureFile(refexps, FEATURES);
    using file = await FeatureFile.open(refexps);
    deepStrictEqual(file.settings.shape, FEATURES.shape);
  });
});
