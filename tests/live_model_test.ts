/** The model of the documentation's page: it says how it was made, knows its task, and its page is small. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pageModel } from "../cli/view/page_model.ts";
import { openContext } from "../datasets/context/dataset.ts";
import { decodeSafetensors, Device } from "../engine/mod.ts";
import { readCheckpoint } from "../model/regions/checkpoint.ts";
import { score } from "../model/regions/evaluation/evaluate.ts";
import { predictions } from "../model/regions/evaluation/metrics.ts";
import { itera } from "./support/command.ts";
import { withFolder } from "./support/folder.ts";
import { LIVE_MODEL } from "./support/live_model.ts";

/** Regions of 50 test images that it must name rightly, and bytes that its page may have. */
const [WANTED, MOST_BYTES] = [0.94, 4 * 2 ** 20];

Deno.test({
  name: "the model of the documentation's page names the objects of fifty images, and its page is below 4 MB",
  ignore: !existsSync(LIVE_MODEL),
}, () =>
  withFolder(async (folder) => {
    const { metadata } = decodeSafetensors(await Deno.readFile(LIVE_MODEL));
    match(metadata.commit, /^[0-9a-f]{40}$/);
    deepStrictEqual(metadata.command, `./itera train --model final --seed ${metadata.seed}`);
    const { tensors, config, classes, knowledge } = await readCheckpoint(LIVE_MODEL);
    await using device = await Device.open();
    using model = pageModel(device, { config, classes, knowledge }, tensors);
    const test = openContext({ split: "test", images: 50 });
    const { outputs, labels } = await score(model, test, config, {}, (image) => image);
    const named = predictions(outputs.at(-1)!.probabilities, labels.length, classes.length);
    const right = labels.filter((label, r) => label === named[r]).length / labels.length;
    ok(right >= WANTED, `${right} of the regions are named rightly`);
    const page = join(folder, "live.html"), { code, err } = await itera("view", LIVE_MODEL, "--out", page);
    deepStrictEqual(code, 0, err);
    const { size } = await Deno.stat(page);
    ok(size <= MOST_BYTES, `${size} bytes`);
  }));
