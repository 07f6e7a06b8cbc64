/** Whose weights are recognised, what becomes of them, and back again for PyTorch. */
import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { Device } from "../../../engine/mod.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../engine/safetensors.ts";
import { BaselineClassifier } from "../../../model/regions/baseline.ts";
import { resnetPresets } from "../../../model/backbones/resnet.ts";
import { type OwnTensor, TensorSource } from "../../../model/weights/convert.ts";
import { exportTorch } from "../../../model/weights/export.ts";
import { importWeights } from "../../../model/weights/import.ts";
import { importPortMemory } from "../../../model/weights/port_memory.ts";
import type { StoredTensor, WeightFile } from "../../../model/weights/stored.ts";
import { applyWeights } from "../../../model/weights/apply_weights.ts";
import { readStartingWeights, saveWeights } from "../../../model/weights/weights_file.ts";
import { withFolder } from "../../support/folder.ts";
import { numbers } from "../../support/formula.ts";
import { slimFile, torchFile } from "../../support/files/resnet_files.ts";

const UNITS = [3, 4, 6, 3];

function changed(file: WeightFile, change: (tensors: Map<string, StoredTensor>) => void): WeightFile {
  const tensors = new Map(file.tensors);
  change(tensors);
  return { ...file, tensors };
}

function renamed(file: WeightFile, rename: (name: string) => string): WeightFile {
  return { ...file, tensors: new Map([...file.tensors].map(([name, tensor]) => [rename(name), tensor])) };
}

const stored = (shape: readonly number[], name: string): StoredTensor => ({
  shape,
  read: () => numbers(name, shape.reduce((a, b) => a * b, 1), -1, 1),
});

/** The port's names for torchvision's layers. */
function portName(name: string): string {
  return name.replace(/^conv1/, "Conv_base.0").replace(/^bn1/, "Conv_base.1").replace(/^layer4/, "Conv_top.0")
    .replace(/^layer([123])/, (_, layer) => `Conv_base.${Number(layer) + 3}`);
}

Deno.test("prefixes are seen through; torchvision's and the port's files give the same backbone", () => {
  const plain = importWeights(torchFile(UNITS));
  const wrapped = importWeights(renamed(torchFile(UNITS), (name) => `state_dict.module.${name}`));
  const port = importWeights(changed(renamed(torchFile(UNITS), (name) => `model.${portName(name)}`), (tensors) => {
    tensors.set("model.Net_cls_score.weight", stored([11, 2048], "score"));
    tensors.set("model.Net_cls_score.bias", stored([11], "bias"));
  }));
  deepStrictEqual([...wrapped.tensors], [...plain.tensors]);
  deepStrictEqual([...port.tensors].slice(0, plain.tensors.size), [...plain.tensors]);
  deepStrictEqual(port.facts, {
    origin: "port",
    format: "made",
    resnet: "resnet50-torchvision",
    normalise: "port",
    longSide: 600,
    classes: 11,
  });
  const { shape, data } = port.tensors.get("cls_score.weight")!;
  const score = numbers("score", 11 * 2048, -1, 1);
  deepStrictEqual(shape, [2048, 11]);
  ok([[0, 0], [2047, 10], [77, 3]].every(([i, c]) => data[i * 11 + c] === score[c * 2048 + i]));
  deepStrictEqual(plain.left.filter((name) => !name.endsWith("num_batches_tracked")), ["fc.weight", "fc.bias"]);
});

Deno.test("slim's first convolution is turned for BGR, but not that of the reference's own snapshot", () => {
  const root = "resnet_v1_50", at = (i: number, o: number, rgb: number): number => (i * 3 + rgb) * 64 + o;
  const slim = slimFile(root, UNITS);
  const raw = slim.tensors.get(`${root}/conv1/weights`)!.read();
  const turned = importWeights(slim).tensors.get("resnet.conv1.weight")!.data;
  const snapshot = importWeights(changed(slim, (tensors) => {
    tensors.set(`${root}/cls_score/weights`, stored([2048, 5], "score"));
    tensors.set(`${root}/cls_score/biases`, stored([5], "bias"));
  }));
  deepStrictEqual(snapshot.tensors.get("resnet.conv1.weight")!.data, raw);
  deepStrictEqual(snapshot.facts.classes, 5);
  for (const [i, o] of [[0, 0], [48, 63], [20, 7]]) {
    for (const c of [0, 1, 2]) deepStrictEqual(turned[at(i, o, c)], raw[at(i, o, 2 - c)]);
  }
});

Deno.test("what is missing, misshapen, not finite or ambiguous is named", () => {
  const file = torchFile(UNITS);
  const refuse = (change: (tensors: Map<string, StoredTensor>) => void, reason: RegExp): void =>
    throws(() => importWeights(changed(file, change)), reason);
  refuse((t) => t.delete("layer3.2.bn2.running_var"), /"layer3\.2\.bn2\.running_var" is missing/);
  refuse((t) => t.set("conv1.weight", stored([64, 1, 7, 7], "x")), /\[64, 1, 7, 7\], wanted \[64, 3, 7, 7\]/);
  refuse(
    (t) => t.set("bn1.bias", { shape: [64], read: () => new Float32Array(64).fill(NaN) }),
    /"bn1\.bias" holds NaN/,
  );
  refuse((t) => t.delete("layer2.3.conv1.weight"), /3, 3, 6, 3 units; ResNet-50/);
  const third = (t: Map<string, StoredTensor>) =>
    [...t.keys()].filter((name) => name.includes("conv3")).forEach((n) => t.delete(n));
  refuse(third, /3, 4, 6, 3 units of two convolutions: it is a ResNet-34; ResNet-50, -101 and -152 are read/);
  refuse((t) => t.set("ema.layer1.0.conv1.weight", stored([1], "x")), /several networks, "", "ema\."/);
  throws(() => importWeights({ ...file, tensors: new Map() }), /names are none of torchvision's/);
});

/** Outputs of a normalised convolution are what must survive, not the numbers of its parts. */
Deno.test("an exported backbone is torchvision's again, its normalisation folded into scale and shift", async () => {
  await withFolder(async (folder) => {
    const file = torchFile(UNITS), imported = importWeights(file);
    const path = `${folder}/weights.safetensors`;
    await saveWeights(path, imported);
    const { tensors } = decodeSafetensors(exportTorch(await Deno.readFile(path), { rgb: false }));
    for (const [name, tensor] of file.tensors) {
      if (name.startsWith("fc.")) continue;
      const got = tensors.get(name);
      ok(got, `${name} is missing`);
      deepStrictEqual(got.shape, tensor.shape);
      if (tensor.shape.length === 4) deepStrictEqual(got.data, tensor.read());
    }
    const read = (stem: string): Float32Array[] =>
      ["weight", "bias", "running_mean", "running_var"].map((part) => file.tensors.get(`${stem}.${part}`)!.read());
    for (const stem of ["bn1", "layer3.4.bn2", "layer4.0.downsample.1"]) {
      const own = ["weight", "bias", "running_mean", "running_var"].map((part) =>
        tensors.get(`${stem}.${part}`)!.data as Float32Array
      );
      const apply = ([gamma, beta, mean, variance]: Float32Array[], c: number, x: number): number =>
        (x - mean[c]) / Math.sqrt(variance[c] + 1e-5) * gamma[c] + beta[c];
      for (const x of [-2, 0.3, 5]) {
        const [a, b] = [apply(own, 13, x), apply(read(stem), 13, x)];
        ok(Math.abs(a - b) < 1e-6 * (1 + Math.abs(b)), `${stem}: ${a}, not ${b}`);
      }
    }
    const [plain, rgb] = [false, true].map((flag) =>
      exportTorch(
        encodeSafetensors(
          new Map([[
            "model.resnet.conv1.weight",
            { dtype: "F32" as const, shape: [1, 1, 3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
          ]]),
        ),
        { rgb: flag },
      )
    ).map((bytes) => [...decodeSafetensors(bytes).tensors.get("conv1.weight")!.data]);
    deepStrictEqual([plain, rgb], [[1, 3, 5, 2, 4, 6], [5, 3, 1, 6, 4, 2]]);
    throws(() => exportTorch(encodeSafetensors({}), { rgb: false }), /holds no ResNet/);
  });
});

Deno.test("a model begins from imported weights, with scores of other classes at random", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/weights.safetensors`;
    const imported = importWeights(slimFile("resnet_v1_50", UNITS));
    await saveWeights(path, imported);
    const weights = await readStartingWeights(path);
    deepStrictEqual(weights.settings, {
      image: { normalise: "caffe" },
      model: { resnet: "resnet50", calibrate: false },
    });
    await using device = await Device.open();
    using model = new BaselineClassifier(device, { classes: 3, resnet: resnetPresets.resnet50, seed: 1 });
    ok(/resnet: 159 tensors; cls_score: random$/.test(applyWeights(model, weights)));
    const own = [...model.parameters()].find(({ name }) => name === "resnet.block2.unit1.shortcut.shift")!;
    deepStrictEqual(await own.tensor.data(), imported.tensors.get(own.name)!.data);
    using other = new BaselineClassifier(device, { classes: 3, resnet: resnetPresets.small, seed: 1 });
    throws(() => applyWeights(other, weights), /has "resnet\.conv1\.weight" as \[7, 7, 3, 64\], the model wants/);
  });
});

Deno.test("the port's memory: crops flattened channels first, gates side by side, biases joined", () => {
  const depth = 3, crop = 2, width = 5, features = 4, classes = 6;
  const tensors = new Map<string, StoredTensor>();
  const layer = (name: string, ...shape: number[]): void => {
    tensors.set(`${name}.weight`, stored(shape, `${name}.weight`));
    tensors.set(`${name}.bias`, stored([shape[0]], `${name}.bias`));
  };
  const read = (name: string): Float32Array => tensors.get(name)!.read();
  for (const name of ["context_n1", "context_n2.1", "context_n2.3", "_input_conv.0"]) layer(name, depth, depth, 3, 3);
  for (const side of ["p", "m"]) {
    layer(`_gate_${side}_input`, depth, depth, 3, 3);
    for (const gate of ["reset", "update"]) layer(`_gate_${side}_${gate}`, 1, depth, 3, 3);
  }
  layer("_bottomtop_fc", depth, classes);
  layer("_bottomtop_conv", depth, features, 1, 1);
  layer("_fc_iter.0", width, depth * crop * crop);
  layer("_fc_iter.2", width, width);
  layer("_cls_iter", classes, width);
  layer("_confidence_iter", 1, width);
  const into = new Map<string, OwnTensor>();
  const source = new TensorSource({ format: "made", tensors, metadata: {} });
  importPortMemory(source, into, classes, { depth, crop, width, features });
  const own = (name: string): OwnTensor => into.get(`memory.${name}`)!;
  const fc6 = read("_fc_iter.0.weight");
  for (const [c, y, x, o] of [[0, 0, 0, 0], [2, 1, 0, 4], [1, 0, 1, 2]]) {
    deepStrictEqual(
      own("head.fc6.weight").data[((y * crop + x) * depth + c) * width + o],
      fc6[o * 12 + (c * crop + y) * crop + x],
    );
  }
  deepStrictEqual(own("gru.gates.s.weight").shape, [3, 3, depth, 2]);
  const [reset, update] = ["reset", "update"].map((gate) => read(`_gate_m_${gate}.weight`));
  for (const [y, x, c] of [[0, 0, 0], [2, 1, 2]]) {
    const at = ((y * 3 + x) * depth + c) * 2, there = (c * 3 + y) * 3 + x;
    deepStrictEqual([...own("gru.gates.s.weight").data.subarray(at, at + 2)], [reset[there], update[there]]);
  }
  const joined = (a: string, b: string): number[] => [...read(a).map((v, i) => v + read(b)[i])];
  deepStrictEqual([...own("gru.candidate.bias").data], joined("_gate_p_input.bias", "_gate_m_input.bias"));
  deepStrictEqual([...own("pool5_comp.bias").data], joined("_bottomtop_conv.bias", "_bottomtop_fc.bias"));
  deepStrictEqual(source.left(), ["_confidence_iter.bias"]);
});
