/** Reading of files that do not name their vocabulary, as the reference's. */
import { rejects } from "node:assert/strict";
import { join } from "node:path";
import { loadHdf5 } from "../../../../engine/base/packages/h5wasm.ts";
import { Samples } from "../../../../model/refplus/training/samples.ts";
import { withFolder } from "../../../support/folder.ts";
import { TOY_VOCABULARY } from "../../../support/refplus/toy_refplus.ts";

const h5wasm = await loadHdf5();

Deno.test("tokens outside the vocabulary are reported, in either sequence", async () => {
  await withFolder(async (folder) => {
    const write = (name: string, word: number, node: number): string => {
      const path = join(folder, name), file = new h5wasm.File(path, "w");
      const add = (name: string, data: Int32Array | BigInt64Array, shape: number[], dtype: string) =>
        file.create_dataset({ name, data: data as Int32Array, shape, dtype });
      add("refexps", Int32Array.of(1, 4, 2, 1, word, 2), [2, 3], "<i");
      add("programs", Int32Array.of(1, 4, 2, 1, node, 2), [2, 3], "<i");
      for (const name of ["image_idxs", "orig_idxs", "refexp_families"]) add(name, BigInt64Array.of(0n, 1n), [2], "<q");
      add("answers", Int32Array.of(0, 1, 1, 1, 0, 0, 0, 1), [2, 2, 2], "<i");
      file.flush();
      file.close();
      return path;
    };
    const words = Object.keys(TOY_VOCABULARY.refexp_token_to_idx).length;
    const nodes = Object.keys(TOY_VOCABULARY.program_token_to_idx).length;
    const open = (path: string) => Samples.open(path, null, TOY_VOCABULARY);
    (await open(write("right.h5", words - 1, nodes - 1)))[Symbol.dispose]();
    await rejects(
      open(write("words.h5", words, nodes - 1)),
      /words\.h5: refexps\.1 has the token 12 of a vocabulary of 12; preprocess it with this one/,
    );
    await rejects(
      open(write("nodes.h5", words - 1, nodes)),
      /nodes\.h5: programs\.1 has the token 9 of a vocabulary of 9/,
    );
    await rejects(open(write("below.h5", -1, 4)), /below\.h5: refexps\.1 has the token -1/);
  });
});
