/** Reading of files that do not name their vocabulary, as the reference's. */
import { rejects } from "node:assert/strict";
import { join } from "node:path";
import { loadHdf5 } from "../../../../engine/base/packages/h5wasm.ts";
import { Samples } from "../../../../model/refplus/training/samples.ts";
import { randomFor } from "../../../support/random.ts";
import { withFolder } from "../../../support/folder.ts";
import { TOY_VOCABULARY, writeToy } from "../../../support/refplus/toy_refplus.ts";

const h5wasm = await loadHdf5();

const SCENE = TOY_VOCABULARY.program_token_to_idx.scene;

Deno.test("tokens outside the vocabulary are reported, in either sequence", async () => {
  await withFolder(async (folder) => {
    const write = (name: string, word: number, node: number): string => {
      const path = join(folder, name), file = new h5wasm.File(path, "w");
      const add = (name: string, data: Int32Array | BigInt64Array, shape: number[], dtype: string) =>
        file.create_dataset({ name, data: data as Int32Array, shape, dtype });
      add("refexps", Int32Array.of(1, 4, 2, 1, word, 2), [2, 3], "<i");
      add("programs", Int32Array.of(1, SCENE, 2, 1, node, 2), [2, 3], "<i");
      for (const name of ["image_idxs", "orig_idxs", "refexp_families"]) add(name, BigInt64Array.of(0n, 1n), [2], "<q");
      add("answers", Int32Array.of(0, 1, 1, 1, 0, 0, 0, 1), [2, 2, 2], "<i");
      file.flush();
      file.close();
      return path;
    };
    const words = Object.keys(TOY_VOCABULARY.refexp_token_to_idx).length;
    const nodes = Object.keys(TOY_VOCABULARY.program_token_to_idx).length;
    const open = (path: string) => Samples.open(path, null, TOY_VOCABULARY);
    (await open(write("right.h5", words - 1, SCENE)))[Symbol.dispose]();
    await rejects(
      open(write("words.h5", words, SCENE)),
      /words\.h5: refexps\.1 has the token 12 of a vocabulary of 12; preprocess it with this one/,
    );
    await rejects(
      open(write("nodes.h5", words - 1, nodes)),
      /nodes\.h5: programs\.1 has the token 9 of a vocabulary of 9/,
    );
    await rejects(open(write("below.h5", -1, 4)), /below\.h5: refexps\.1 has the token -1/);
    // A union of nothing, as programs in another order look.
    await rejects(
      open(write("postfix.h5", words - 1, nodes - 1)),
      /postfix\.h5: programs\.1 is no program in prefix order; preprocess the expressions with --mode prefix/,
    );
  });
});

Deno.test("features of fewer pictures than the expressions are about are refused before anything is computed", async () => {
  await withFolder(async (folder) => {
    const train = await writeToy(folder, "train", 12, randomFor("samples", 1));
    const val = await writeToy(folder, "val", 4, randomFor("samples", 2));
    (await Samples.open(train.refexps, train.features, TOY_VOCABULARY))[Symbol.dispose]();
    (await Samples.open(train.refexps, val.features, TOY_VOCABULARY, 4))[Symbol.dispose]();
    await rejects(
      Samples.open(train.refexps, val.features, TOY_VOCABULARY),
      /val_features\.h5: has features of 1 pictures, .*train\.h5 asks for picture 1; extract them all/,
    );
  });
});
