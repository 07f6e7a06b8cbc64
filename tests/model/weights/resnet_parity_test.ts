/** Imported ResNets against torchvision's, and against TF-slim's definition (tests/fixtures/resnet.py). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { Device, Seeds } from "../../../engine/mod.ts";
import { setTuning } from "../../../engine/friends.ts";
import { blocksOf } from "../../../engine/tuning/table.ts";
import { ResNet, resnetPresets } from "../../../model/backbones/resnet.ts";
import { type ImportedNet, importWeights } from "../../../model/weights/import.ts";
import fixture from "../../fixtures/resnet.json" with { type: "json" };
import { numbers } from "../../support/formula.ts";
import { slimFile, torchFile } from "../../support/files/resnet_files.ts";

/** Relative to the largest value of the map. */
const TOLERANCE = 1e-4;

const UNITS = { resnet50: [3, 4, 6, 3], resnet101: [3, 4, 23, 3] } as const;

/** The rules of the adapter; and one net with all of its 3 × 3 convolutions in Winograd's larger tiles, which round most. */
const WAYS = Object.keys(fixture.nets).flatMap((name) =>
  name === "resnet50-torchvision" ? [{ name, all: false }, { name, all: true }] : [{ name, all: false }]
);

for (const { name, all } of WAYS) {
  const want = fixture.nets[name as keyof typeof fixture.nets], how = all ? ", all by F(4×4, 3×3)" : "";
  Deno.test(`${name} has the features of its definition elsewhere${how}`, async () => {
    const torch = name.endsWith("-torchvision");
    const units = UNITS[name.replace("-torchvision", "") as keyof typeof UNITS];
    const file = torch ? torchFile(units) : slimFile(name.replace("resnet", "resnet_v1_"), units);
    const { facts, tensors } = importWeights(file);
    deepStrictEqual([facts.resnet, facts.normalise], [name, torch ? "torchvision" : "caffe"]);
    await using device = await Device.open();
    const tiling = { ...blocksOf(device.kernels, "matmul nn")[0], splitK: 1, winograd: 4 } as const;
    if (all) setTuning(device, { digest: "", find: (op) => op.startsWith("conv2d") ? tiling : undefined });
    using model = new ResNet(device, resnetPresets[facts.resnet as ImportedNet], new Seeds(1));
    for (const { name, tensor } of model.parameters()) {
      const { shape, data } = tensors.get(`resnet.${name}`)!;
      deepStrictEqual([...shape], [...tensor.shape]);
      tensor.write(data);
    }
    using _scope = device.scope();
    const { body, tail } = device.noGrad(() => {
      const map = model.body(device.tensor(numbers("image", 75 * 98 * 3, -1, 1), [1, 75, 98, 3]));
      return { body: map, tail: model.tail(map) };
    });
    for (const [part, map] of [["body", body], ["tail", tail]] as const) {
      const { shape, values, largest } = want[part];
      deepStrictEqual([...map.shape], shape);
      const got = await map.data();
      for (const [i, value] of values.entries()) {
        const at = i * fixture.step;
        ok(Math.abs(got[at] - value) <= TOLERANCE * largest, `${part}[${at}]: ${got[at]}, not ${value}`);
      }
    }
  });
}
