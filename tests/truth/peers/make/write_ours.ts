/**
 * Writes one file with each of our writers, and what is in it as JSON, for `read_ours.py` to read with the libraries that
 * define the formats: deno run -A write_ours.ts FOLDER
 */
import { join } from "node:path";
import { openContext } from "../../../../datasets/context/dataset.ts";
import { writeAsAde } from "../../../../datasets/drawing/write_ade.ts";
import { writeAsCoco } from "../../../../datasets/drawing/write_coco.ts";
import { writeAsVg } from "../../../../datasets/drawing/write_vg.ts";
import { Hdf5 } from "../../../../datasets/formats/hdf5.ts";
import { openAde } from "../../../../datasets/ade/open.ts";
import { openCoco } from "../../../../datasets/coco/open.ts";
import { openVg } from "../../../../datasets/vg/open.ts";
import { toPng } from "../../../../datasets/images/picture.ts";
import { appendFeatures, createFeatureFile } from "../../../../datasets/refplus/files/feature_file.ts";
import { appendRefexps, createRefexpFile } from "../../../../datasets/refplus/files/refexp_file.ts";
import type { RegionDataset } from "../../../../datasets/types.ts";
import { encodeSafetensors, type SafetensorsTensor } from "../../../../engine/safetensors.ts";
import { EventWriter } from "../../../../model/run/logs/event_file.ts";

const [folder] = Deno.args;
await Deno.mkdir(folder, { recursive: true });
const at = (name: string): string => join(folder, name);
const written: Record<string, unknown> = {};
const values = (size: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: size }, (_, i) => Math.sin(i));

const tensors: Record<string, SafetensorsTensor> = {
  f64: { dtype: "F64", shape: [1, 2], data: Float64Array.of(Math.PI, -0) },
  f32: { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -0, NaN, Infinity, 1e-45, 6) },
  f16: { dtype: "F16", shape: [3], data: Float16Array.of(1, 2.5, 65504) },
  bf16: { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3fc0) },
  i64: { dtype: "I64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) },
  u64: { dtype: "U64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  i32: { dtype: "I32", shape: [], data: Int32Array.of(-7) },
  u32: { dtype: "U32", shape: [1, 1], data: Uint32Array.of(0xffffffff) },
  i16: { dtype: "I16", shape: [1], data: Int16Array.of(-2) },
  u16: { dtype: "U16", shape: [1], data: Uint16Array.of(65535) },
  i8: { dtype: "I8", shape: [1], data: Int8Array.of(-1) },
  u8: { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
  bool: { dtype: "BOOL", shape: [2], data: Uint8Array.of(0, 1) },
  empty: { dtype: "F32", shape: [0, 5], data: new Float32Array(0) },
  'näme "quoted"': { dtype: "F32", shape: [1], data: Float32Array.of(3) },
};
for (const [name, checksum] of [["ours", false], ["checked", true]] as const) {
  Deno.writeFileSync(at(`${name}.safetensors`), encodeSafetensors(tensors, { step: "12", ü: "\n" }, { checksum }));
}

const made = { extractor: "counted ü", shape: [3, 4, 5] } as const, features = values(4 * 60);
await createFeatureFile(at("features.h5"), made);
for (const [from, to] of [[0, 3], [3, 4]]) {
  using file = await Hdf5.open(at("features.h5"), "a");
  appendFeatures(file, features.slice(60 * from, 60 * to), made);
}
written.features = [...features];

const settings = { mode: "chain", width: 11, height: 3, source: "here", vocabulary: "v" };
const rows = [4, 9, 2].map((length, i) => ({
  refexp: Array.from({ length }, (_, k) => k + i),
  program: Array.from({ length: 3 }, (_, k) => 7 * k + i),
  image: i,
  original: 10 + i,
  family: 2 * i,
  category: i - 1,
  mask: Uint8Array.from({ length: 33 }, (_, k) => Number((k * (i + 3)) % 5 < 2)),
}));
await createRefexpFile(at("refexps.h5"), settings);
for (const part of [rows.slice(0, 1), rows.slice(1)]) {
  using file = await Hdf5.open(at("refexps.h5"), "a");
  appendRefexps(file, part, settings);
}
written.refexps = rows.map((row) => ({ ...row, mask: [...row.mask] }));

const png = await toPng(Float32Array.from({ length: 60 }, (_, i) => i * 4 - 120), 5, 4, "caffe");
await Deno.mkdir(at("events"), { recursive: true });
{
  using events = EventWriter.open(at("events"));
  for (let step = 0; step < 300; step += 7) events.scalar("loss/total", Math.fround(1 / (step + 1)), step);
  events.scalar("ünï", -1e-30, 2 ** 40);
  events.image("gallery", { width: 5, height: 4, png }, 3);
}
{
  // A run killed after step 290 and gone on with from step 200: what came later is void.
  using events = EventWriter.open(at("events"), { resumeStep: 200 });
  events.scalar("loss/total", 9, 203);
}

/** Records as our own reader has them. */
function records(set: RegionDataset) {
  const images = Array.from({ length: set.size }, (_, i) => {
    const { width, height, boxes, labels } = set.record(i);
    return {
      width,
      height,
      boxes: Array.from(labels, (_, r) => [...boxes.subarray(4 * r, 4 * r + 4)]),
      labels: [...labels],
    };
  });
  return { classes: set.classes, images };
}

const splits = {
  train: openContext({ split: "train", images: 60 }),
  val: openContext({ split: "test", images: 8 }),
};
await writeAsCoco(at("coco"), splits, () => {}, 2014);
await writeAsVg(at("visual_genome"), splits);
await writeAsAde(at("ADE"), splits);
written.coco = records(await openCoco(at("coco"), "test"));
written.vg = records(await openVg(at("visual_genome"), "val"));
written.ade = records(await openAde(at("ADE"), "val", { referenceNumbers: true }));
Deno.writeTextFileSync(at("written.json"), JSON.stringify(written));
