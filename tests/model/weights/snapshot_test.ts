/** Snapshots of the reference's memory, one of them as its training writes it (tests/truth/iter-reason/make/snapshot.py). */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { Device, init, WideLinear } from "../../../engine/mod.ts";
import { classKnowledge } from "../../../model/regions/reasoning/knowledge.ts";
import { PUBLISHED_REASONING } from "../../../model/regions/reasoning/options.ts";
import { ReasoningClassifier } from "../../../model/regions/reasoning/reasoner.ts";
import { resnetPresets } from "../../../model/backbones/resnet.ts";
import { importWeights } from "../../../model/weights/import.ts";
import { readWeights } from "../../../model/weights/read_weights.ts";
import type { StoredTensor, WeightFile } from "../../../model/weights/stored.ts";
import { applyWeights } from "../../../model/weights/apply_weights.ts";
import { readStartingWeights, saveWeights } from "../../../model/weights/weights_file.ts";
import { withFolder } from "../../support/folder.ts";
import { slimFile } from "../../support/files/resnet_files.ts";
import { variable } from "../../truth/iter-reason/formula.ts";
import { placeOf } from "../../truth/iter-reason/names.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

const SNAPSHOT = new URL("../../fixtures/weights/res50_local_iter_3.ckpt", import.meta.url).pathname;
const CLASSES = 5;
const FC6 = "SMN/fc7/mem_fc6/weights";

/** The snapshot with a ConvNet beside it, which the fixture leaves out for its size. */
async function snapshot(): Promise<WeightFile> {
  const file = await readWeights(SNAPSHOT);
  const convnet = [...slimFile("resnet_v1_50", [3, 4, 6, 3]).tensors].filter(([name]) => !name.includes("/logits/"));
  return { ...file, tensors: new Map([...convnet, ...file.tensors]) };
}

function changed(file: WeightFile, change: (tensors: Map<string, StoredTensor>) => void): WeightFile {
  const tensors = new Map(file.tensors);
  change(tensors);
  return { ...file, tensors };
}

Deno.test("a snapshot's memory is imported whole; the optimiser's state is left", async () => {
  const file = await snapshot();
  const { facts, tensors, left, notes } = importWeights(file);
  deepStrictEqual(facts, {
    origin: "slim",
    format: "TensorFlow checkpoint V2",
    resnet: "resnet50",
    normalise: "caffe",
    classes: CLASSES,
  });
  deepStrictEqual(left, [
    "SMN/cls_iter/cls_score_mem/biases/Momentum",
    "Variable",
    "resnet_v1_50/cls_score/biases/Momentum",
  ]);
  deepStrictEqual(notes, []);
  const memory = [...file.tensors].filter(([name]) => name.startsWith("SMN/") && !name.endsWith("/Momentum"));
  strictEqual(memory.length, 28);
  const reached = new Set<string>();
  for (const [name, { shape }] of memory) {
    const { name: own, channel } = placeOf(name);
    const all = tensors.get(own)!.data;
    deepStrictEqual(channel === undefined ? all : all.filter((_, i) => i % 2 === channel), variable(name, shape), name);
    reached.add(own);
  }
  deepStrictEqual([...tensors.keys()].filter((name) => name.startsWith("memory.") && !reached.has(name)), []);
});

Deno.test("a local model begins from a snapshot's memory, whatever its sizes", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/weights.safetensors`;
    await saveWeights(path, importWeights(await snapshot()));
    const weights = await readStartingWeights(path);
    await using device = await Device.open();
    const { memory, head } = PUBLISHED_REASONING;
    const build = (depth: number): ReasoningClassifier =>
      new ReasoningClassifier(device, {
        classes: CLASSES,
        resnet: resnetPresets.resnet50,
        seed: 1,
        mode: "local",
        reasoning: { ...PUBLISHED_REASONING, memory: { ...memory, depth }, head: { ...head, width: 16 } },
        knowledge: classKnowledge(null, CLASSES, null, 1),
      });
    using model = build(8);
    match(applyWeights(model, weights), /resnet: 159 tensors; cls_score: 2 tensors; memory: 25 tensors$/);
    using other = build(6);
    match(applyWeights(other, weights), /memory: .*random \(its classes or sizes differ\)$/);
  });
});

Deno.test("what a snapshot's memory lacks or has in other shapes is named; without attention it says so", async () => {
  const file = await snapshot();
  const refuse = (change: (tensors: Map<string, StoredTensor>) => void, reason: RegExp): void =>
    throws(() => importWeights(changed(file, change)), reason);
  const wrong: StoredTensor = { shape: [3, 3, 8, 7], read: () => new Float32Array(504) };
  refuse((t) => t.delete("SMN/mem_update/update_m/weights"), /"SMN\/mem_update\/update_m\/weights" is missing/);
  refuse((t) => t.set("SMN/context/conv02/weights", wrong), /\[3, 3, 8, 7\], wanted \[3, 3, 8, 8\]/);
  const plain = importWeights(changed(file, (t) => t.delete("SMN/confid_iter/confid_mem/weights")));
  strictEqual(plain.tensors.has("memory.head.confidence.weight"), false);
  match(plain.notes.join(), /memory without attention: take it with model\.reasoning\.attention/);
});

Deno.test("of a snapshot of the published size nothing is left, and its widest layer is in our blocks of rows", async () => {
  const golden = new URL("../../truth/iter-reason/golden/memory_published.json", import.meta.url);
  const { variables }: { variables: Record<string, { shape: number[] }> } = JSON.parse(await Deno.readTextFile(golden));
  const [inputs, outputs] = variables[FC6].shape;
  const stored = Object.entries(variables).map(([name, { shape }]): [string, StoredTensor] => [name, {
    shape,
    read: () => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      // Every row begins with its number.
      if (name === FC6) { for (let row = 0; row < inputs; row++) data[row * outputs] = row; }
      return data;
    },
  }]);
  const { tensors, left } = importWeights({ format: "made", tensors: new Map(stored), metadata: {} });
  deepStrictEqual(left, []);
  await using device = await Device.open();
  using layer = new WideLinear(device, { inputs, outputs, seed: 1, init: () => init.zeros });
  const weights = [...layer.parameters()].filter(({ name }) => name.endsWith("weight"));
  ok(weights.length > 1);
  let row = 0;
  for (const { name, tensor } of weights) {
    const { shape, data } = tensors.get(`memory.head.fc6.${name}`)!;
    deepStrictEqual([...shape], [...tensor.shape], name);
    for (let i = 0; i < shape[0]; i++) strictEqual(data[i * outputs], row++);
  }
  strictEqual(row, inputs);
});
