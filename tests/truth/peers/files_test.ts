/**
 * Files that PyTorch, TensorFlow, Python's safetensors and h5py wrote, read by our readers, beside what their own readers
 * find in them (`make/files.py`).
 */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { readWeights } from "../../../model/weights/read_weights.ts";
import wanted from "./golden/files/wanted.json" with { type: "json" };

/** An array as its own library reads it; what JSON cannot hold is text. */
interface Described {
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

const at = (name: string): string => fileURLToPath(new URL(`golden/files/${name}`, import.meta.url));
const TEXT: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity };
const numbersOf = ({ data }: Described): number[] => data.map((v) => Math.fround(typeof v === "string" ? TEXT[v] : v));

for (const name of ["archive.pt", "protocol5.pt", "stream.pt", "python.safetensors", "v1.ckpt", "v2"] as const) {
  Deno.test(`${name} holds for us what its own library reads from it`, async () => {
    const want = wanted[name] as unknown as Readonly<Record<string, Described>>;
    const { tensors } = await readWeights(at(name));
    deepStrictEqual([...tensors.keys()].sort(), Object.keys(want).sort());
    ok(tensors.size > 15);
    for (const [key, tensor] of tensors) {
      deepStrictEqual(tensor.shape, want[key].shape, key);
      deepStrictEqual([...tensor.read()], numbersOf(want[key]), key);
    }
  });
}

Deno.test("a TensorFlow variable in parts is refused by its name", async () => {
  for (const name of ["parts_v1.ckpt", "parts_v2.index"]) {
    await rejects(readWeights(at(name)), /tensor "partitioned" is stored in parts, which is not read/);
  }
});

Deno.test("the text that Python's safetensors keeps beside tensors is read", () => {
  const { metadata } = decodeSafetensors(Deno.readFileSync(at("python.safetensors")));
  deepStrictEqual({ ...metadata }, { format: "pt", "ünï": '"quoted"\n' });
});

for (const [name, want] of Object.entries(wanted)) {
  if (!name.startsWith("features_") || name.includes("half")) continue;
  Deno.test(`${name} holds for us what h5py reads from it`, async () => {
    const { extractor, features } = want as unknown as { readonly extractor: string; readonly features: Described };
    using file = await FeatureFile.open(at(name));
    const [rows, ...shape] = features.shape, numbers = numbersOf(features);
    deepStrictEqual([file.size, file.settings], [rows, { extractor, shape }]);
    const [channels, height, width] = shape, plane = height * width;
    for (let row = 0; row < rows; row++) {
      const last = Array.from(
        { length: channels * plane },
        (_, i) => numbers[(row * channels + i % channels) * plane + Math.floor(i / channels)],
      );
      deepStrictEqual([...file.row(row)], last, `row ${row}`);
    }
  });
}

Deno.test("features of 16 bits, which the HDF5 library at hand does not read, are refused by name", () =>
  rejects(
    FeatureFile.open(at("features_half_earliest.h5")),
    /features: has numbers of 16 bits; store them as float32/,
  ));

Deno.test("expressions encoded by the reference's way of writing are read", async () => {
  using file = await RefexpFile.open(at("refexps.h5"));
  const want = wanted["refexps.h5"];
  deepStrictEqual([...file.refexps], want.refexps.flat());
  deepStrictEqual([...file.programs], want.programs.flat());
  deepStrictEqual([[...file.images], [...file.originals], [...file.families]], [
    want.image_idxs,
    want.orig_idxs,
    want.refexp_families,
  ]);
  deepStrictEqual([file.height, file.width], [6, 5]);
  want.answers.forEach((mask, i) => deepStrictEqual([...file.mask(i)], mask.flat()));
});
