import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors } from "../../engine/safetensors.ts";
import { readWeights } from "../../model/weights/read_weights.ts";
import { itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { slimFile, torchFile } from "../support/files/resnet_files.ts";

const FIXTURES = new URL("../fixtures/weights/", import.meta.url).pathname;

Deno.test("weights are imported, say what they are, and are exported again", async () => {
  await withFolder(async (folder) => {
    const [theirs, ours, back] = ["a.safetensors", "b.safetensors", "c.safetensors"].map((name) => join(folder, name));
    const file = torchFile([3, 4, 6, 3]);
    const tensors = [...file.tensors].map(([name, { shape, read }]) =>
      [name, { dtype: "F32" as const, shape, data: read() }] as const
    );
    await Deno.writeFile(theirs, encodeSafetensors(tensors));
    const imported = await itera("weights", "import", theirs, "--out", ours);
    strictEqual(imported.code, 0, imported.err);
    match(imported.out, /safetensors, resnet50-torchvision by the names of torchvision/);
    match(imported.out, /159 tensors, 23508032 numbers/);
    match(imported.out, /not used: 55 tensors, bn1\.num_batches_tracked/);
    const exported = await itera("weights", "export", ours, "--out", back);
    strictEqual(exported.code, 0, exported.err);
    const again = decodeSafetensors(await Deno.readFile(back)).tensors;
    for (const name of ["conv1.weight", "layer4.2.conv3.weight"]) {
      deepStrictEqual(again.get(name)!.data, file.tensors.get(name)!.read());
    }
  });
});

Deno.test("a snapshot of the reference's memory is imported, its optimiser's state named as not used", async () => {
  await withFolder(async (folder) => {
    const [theirs, ours] = ["a.safetensors", "b.safetensors"].map((name) => join(folder, name));
    // The fixture leaves out the ConvNet for its size.
    const { tensors: memory } = await readWeights(join(FIXTURES, "res50_local_iter_3.ckpt"));
    const all = [...slimFile("resnet_v1_50", [3, 4, 6, 3]).tensors, ...memory];
    const tensors = all.map(([name, { shape, read }]) =>
      [name, { dtype: "F32" as const, shape, data: read() }] as const
    );
    await Deno.writeFile(theirs, encodeSafetensors(tensors));
    const { code, out, err } = await itera("weights", "import", theirs, "--out", ours);
    strictEqual(code, 0, err);
    match(out, /resnet50 by the names of slim\nimages: caffe; scores of 5 classes/);
    match(out, /186 tensors/);
    match(out, /not used: 4 tensors, .*Momentum/);
    const own = decodeSafetensors(await Deno.readFile(ours)).tensors;
    deepStrictEqual(
      own.get("memory.head.score.weight")!.data,
      memory.get("SMN/cls_iter/cls_score_mem/weights")!.read(),
    );
  });
});

Deno.test("what is no file of weights ends with one line and leaves nothing behind", async () => {
  await withFolder(async (folder) => {
    const out = join(folder, "out.safetensors");
    const cases = [
      [join(FIXTURES, "module.pth"), /module\.pth: the pickle names torch\.nn\.modules\.linear\.Linear/],
      [join(FIXTURES, "archive.pth"), /archive\.pth: its names are none of torchvision's, TF-slim's/],
      [join(folder, "none"), /none: there is no such file/],
    ] as const;
    for (const [file, message] of cases) {
      const { code, err } = await itera("weights", "import", file, "--out", out);
      ok(code !== 0);
      match(err, message);
      strictEqual(err.trim().split("\n").length, 1, err);
    }
    const { err } = await itera("weights", "export", join(FIXTURES, "v1.ckpt"), "--out", out);
    match(err, /v1\.ckpt: safetensors:/);
    deepStrictEqual([...Deno.readDirSync(folder)], []);
  });
});
