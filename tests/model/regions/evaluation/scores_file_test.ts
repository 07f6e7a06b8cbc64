/** Saved scores: read back as they were, and anything else refused by file and tensor. */
import { deepStrictEqual, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { openContext } from "../../../../datasets/context/dataset.ts";
import { UserError } from "../../../../engine/base/user_error.ts";
import { encodeSafetensors, type SafetensorsTensor } from "../../../../engine/safetensors.ts";
import { readScores, saveScores } from "../../../../model/regions/evaluation/scores_file.ts";
import { scoredSet } from "../../../../model/regions/evaluation/results.ts";
import { withFolder } from "../../../support/folder.ts";

const METADATA = { model: "m", split: "coco val", images: "1", classes: '["__background__","a"]', outputs: '["o"]' };
const LABELS: SafetensorsTensor = { dtype: "I32", shape: [2], data: Int32Array.of(1, 1) };

function rows(...data: number[]): SafetensorsTensor {
  return { dtype: "F32", shape: [data.length / 2, 2], data: Float32Array.from(data) };
}

/** Refuses a file of these tensors and metadata with this reason. */
async function refused(tensors: Record<string, SafetensorsTensor>, metadata: object, reason: RegExp): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "scores.safetensors");
    await Deno.writeFile(path, encodeSafetensors(tensors, { ...METADATA, ...metadata }));
    await rejects(readScores(path), (error: Error) => {
      match(error.message, /^[^ ]*scores\.safetensors: holds no scores of an evaluation/);
      match(error.message, reason);
      return error instanceof UserError;
    });
  });
}

Deno.test("scores come back, and one changed bit is found", async () => {
  await withFolder(async (folder) => {
    const set = openContext({ split: "test", images: 2 }), path = join(folder, "scores.safetensors");
    const labels = Int32Array.from([0, 1].flatMap((i) => [...set.record(i).labels])), classes = set.classes.length;
    const probabilities = Float32Array.from({ length: labels.length * classes }, (_, i) => 1 / (1 + i));
    const scores = { outputs: [{ name: "o", probabilities }], labels, classes };
    await saveScores(path, "m", scores, scoredSet(set));
    const { scores: back, set: found } = await readScores(path);
    deepStrictEqual([back, found.images, found.classes], [scores, 2, set.classes]);
    const bytes = await Deno.readFile(path);
    bytes[bytes.length - 9] ^= 4;
    await Deno.writeFile(path, bytes);
    await rejects(readScores(path), /scores\.safetensors: holds no scores .*do not fit its checksum/);
  });
});

Deno.test("scores that contradict themselves are refused by name", async () => {
  const whole = { labels: LABELS, "probabilities.o": rows(0, 1, 1, 0) };
  await refused({ ...whole, "probabilities.o": rows(0, 1) }, {}, /"probabilities\.o" is \[1,2\], \[2,2\] is wanted/);
  await refused({ labels: LABELS }, {}, /"probabilities\.o" is \[missing\]/);
  await refused({ ...whole, "probabilities.o": rows(0, 1, NaN, 0) }, {}, /"probabilities\.o" holds NaN/);
  await refused(
    { ...whole, labels: { ...LABELS, data: Int32Array.of(1, 2) } as SafetensorsTensor },
    {},
    /a label is 2/,
  );
  await refused({ ...whole, labels: rows(1, 1) }, {}, /"labels" is no list/);
  await refused(whole, { images: "many" }, /images: /);
  await refused(whole, { classes: "{" }, /classes: is not JSON/);
  await refused(whole, { outputs: "[]" }, /outputs: /);
  await refused(whole, { split: "context test", images: "1000000000" }, /1000000000 images are claimed, of 2 regions/);
});
