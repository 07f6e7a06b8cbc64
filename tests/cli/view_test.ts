/** Pages of `itera view` without a browser: what goes into them, and what is refused. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { storeAnswers, storedAnswers } from "../../cli/view/compute.ts";
import { decodePng } from "../../cli/view/page/png.ts";
import { Scene } from "../../cli/view/page/scene.ts";
import { topClasses } from "../../cli/view/page/stops.ts";
import { decodePayload, encodePayload } from "../../cli/view/payload.ts";
import { nearestWord, wordsOfToken } from "../../cli/view/program/page/words.ts";
import { regionPayload, type Viewed } from "../../cli/view/regions.ts";
import { photograph, scenesOf } from "../../cli/view/scenes.ts";
import { servePage } from "../../cli/view/serve.ts";
import { openContext } from "../../datasets/context/dataset.ts";
import { contextKnowledge } from "../../datasets/context/knowledge.ts";
import { prepareImage } from "../../datasets/images/preprocess.ts";
import { loadSharp } from "../../engine/base/packages/sharp.ts";
import { readTensors } from "../../engine/internal.ts";
import { Device, type SafetensorsTensor, tensorsOf } from "../../engine/mod.ts";
import { buildModel, imageScale } from "../../model/regions/build.ts";
import { newConfig } from "../../model/regions/config.ts";
import { itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { randomFor } from "../support/random.ts";

/** A model of the default sizes with random weights. */
async function untrained(): Promise<Viewed> {
  const value = { model: { name: "final", weights: "/home/somebody/weights" } };
  const config = newConfig([{ source: "test", value }]), knowledge = contextKnowledge();
  const { classes } = openContext({ split: "test", images: 1 });
  await using device = await Device.open();
  using model = buildModel(device, config, classes.length, knowledge);
  const tensors = new Map(await readTensors(tensorsOf(model.parameters(), "model.")));
  tensors.set("optimiser.step", { dtype: "F32", shape: [1], data: Float32Array.of(1) });
  return { config, classes, knowledge, tensors, step: 0, path: "a run" };
}

/** True for the same tensors by name. Millions of numbers are too many for an assertion to print. */
function same(a: ReadonlyMap<string, SafetensorsTensor>, b: ReadonlyMap<string, SafetensorsTensor>): boolean {
  return a.size === b.size && [...a].every(([name, { dtype, shape, data }]) => {
    const other = b.get(name);
    return other?.dtype === dtype && other.shape.join() === shape.join() &&
      (data as Float32Array).every((value, i) => value === other.data[i]);
  });
}

Deno.test("a payload holds the model, its pictures and their answers, and nothing else of the machine", async () => {
  const viewed = await untrained(),
    scenes = await scenesOf(openContext({ split: "test", images: 3 }), 2, imageScale(viewed.config));
  const said: string[] = [], done: number[] = [];
  const options = { onPicture: (count: number) => done.push(count), onMessage: (text: string) => said.push(text) };
  const whole = await regionPayload("a\u202erun", viewed, scenes, { half: false, ...options });
  deepStrictEqual([done, said, whole.facts.run, whole.facts.live], [[1, 2], [], "a\\u202erun", true]);
  ok(!JSON.stringify(whole.facts).includes("somebody"));
  ok(!whole.tensors.has("optimiser.step") && whole.tensors.has("model.cls_score.weight"));
  const text = await encodePayload(whole), again = await decodePayload(text);
  deepStrictEqual(again.facts, JSON.parse(JSON.stringify(whole.facts)));
  ok(same(again.tensors, whole.tensors));
  // Answers are read as they were written.
  const answers = storedAnswers(1, again.tensors), regions = scenes[1].scene.boxes.length;
  deepStrictEqual(answers.predictions.map(({ name }) => name), [
    "image",
    "local 1",
    "global 1",
    "local 2",
    "global 2",
    "attended",
  ]);
  const own = [...again.tensors].filter(([name]) => name.startsWith("scene1."));
  ok(own.length > 10 && same(new Map(storeAnswers(1, answers, regions)), new Map(own)));
  deepStrictEqual([answers.messages.length, answers.written.length, answers.attention!.length], [2, 2, 5 * regions]);

  const half = await regionPayload("run", viewed, scenes, { half: true, ...options });
  ok((await encodePayload(half)).length < 0.7 * text.length);
  strictEqual(half.tensors.get("model.cls_score.weight")!.dtype, "F16");
  const stored = await regionPayload("run", viewed, scenes, { half: false, mostWeights: 1000, ...options });
  deepStrictEqual([stored.facts.live, [...stored.tensors.keys()].filter((name) => !name.startsWith("scene"))], [
    false,
    [],
  ]);
  match(said[0], /^a run: \d+ MiB of weights are too much for a page/);
});

Deno.test("a photograph is on a page as the network gets it, to half a grey level, and larger for people", async () => {
  const random = randomFor("a photograph"),
    [width, height] = [random.integers(1, 300, 400)[0], random.integers(1, 200, 280)[0]];
  const rgb = Uint8Array.from(random.integers(width * height * 3, 0, 256)), scale = { target: 96, max: 150 };
  const { scene, picture, files } = await photograph("x/a.png", { rgb, width, height }, [[10, 20, 110, 90]], scale);
  const wanted = prepareImage({ rgb, width, height }, false, { ...scale, normalise: "torchvision" });
  deepStrictEqual([scene.id, scene.width, scene.height, scene.labels], ["a.png", wanted.width, wanted.height, [null]]);
  deepStrictEqual(scene.boxes[0], [10, 20, 110, 90].map((v) => v * wanted.scale));
  // Its pixels prepared again are those of the photograph, but for rounding.
  const got = prepareImage(picture, false, { ...scale, normalise: "torchvision" });
  strictEqual(got.scale, 1);
  const off = got.image.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted.image[i])), 0);
  ok(off < 0.51 / (255 * 0.224), `${off}`);
  const decoded = await decodePng(files!.pixels);
  deepStrictEqual([decoded.width, decoded.height], [picture.width, picture.height]);
  ok(decoded.rgb.every((value, i) => value === picture.rgb[i]));
  const shown = await (await loadSharp())(files!.photo).metadata();
  deepStrictEqual([shown.width, shown.height], [width, height]);
});

Deno.test("pixels of PNG files are read by every filter, and other files are refused", async () => {
  const random = randomFor("png"), sharp = await loadSharp();
  for (const [width, height] of [[1, 1], [7, 5], [64, 33]]) {
    // Noise, and a slope for the filters that look at neighbours.
    const rgb = Uint8Array.from(random.integers(width * height * 3, 0, 40), (v, i) => (v + i * 3 / 7) & 255);
    for (const adaptiveFiltering of [false, true]) {
      const file = await sharp(rgb, { raw: { width, height, channels: 3 } }).png({ adaptiveFiltering }).toBuffer();
      deepStrictEqual(await decodePng(new Uint8Array(file)), { rgb, width, height });
    }
  }
  const grey = await sharp(new Uint8Array(4), { raw: { width: 2, height: 2, channels: 1 } }).toColourspace("b-w").png()
    .toBuffer();
  await rejects(decodePng(new Uint8Array(grey)), /no PNG of 8-bit RGB/);
});

Deno.test("things of a scene stay inside it, have their own looks wherever they are, and go back", async () => {
  const set = openContext({ split: "test", images: 1 }),
    [{ scene: facts, picture }] = await scenesOf(set, 1, { target: 128, max: 192 });
  const scene = new Scene(facts, null), first = scene.things;
  deepStrictEqual(scene.picture(), picture);
  scene.move(2, 1000, -1000);
  const { box: [x1, y1, x2, y2] } = scene.thing(2)!, [a1, b1, a2, b2] = first[2].box;
  deepStrictEqual([x1, y1, x2, y2], [191 - (a2 - a1), 0, 191, b2 - b1]);
  // No other thing looks otherwise for it.
  const [without, moved] = [scene.picture(first.filter(({ id }) => id !== 2)), scene.picture()];
  let changed = 0;
  for (let i = 0; i < without.rgb.length; i++) {
    const x = Math.floor(i / 3) % 192, y = Math.floor(i / 3 / 192);
    if (without.rgb[i] === moved.rgb[i]) continue;
    changed++;
    ok(x >= x1 && x <= x2 && y >= y1 && y <= y2, `${x}, ${y}`);
  }
  ok(changed > 100);
  scene.resize(2, -50, -50);
  deepStrictEqual(scene.thing(2)!.box, [x1, y1, x1 + 5, y1 + 5]);
  const added = scene.add(scene.freeBox(20, 20), 3);
  scene.remove(0);
  ok(!scene.things.some(({ id }) => id === 0) && scene.thing(added)!.added && added === first.length);
  scene.reset();
  deepStrictEqual([scene.changed, scene.picture().rgb], [false, picture.rgb]);
  strictEqual(topClasses(Float32Array.of(0.9, 0.02, 0.05, 0.03), 2).join(), "2,3");
});

Deno.test("program tokens are said in words, and a misspelled word has its nearest", () => {
  deepStrictEqual(
    [
      "scene",
      "filter_color[red]",
      "relate[front]",
      "same_size",
      "filter_ordinal[the second one of the,from left]",
      "odd_one",
    ].map(wordsOfToken),
    ["everything", "red", "in front of it", "same size", "the second from left", "odd one"],
  );
  const words = ["red", "green", "sphere(s)", "sphere"];
  deepStrictEqual(["gren", "Shpere", "elephant", "x"].map((word) => nearestWord(word, words)), [
    "green",
    "sphere",
    null,
    null,
  ]);
});

Deno.test("a port that is taken, and a run of another kind, are said in a line", () =>
  withFolder(async (folder) => {
    const taken = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
    await rejects(servePage(new Uint8Array(), taken.addr.port), /^UserError: --port \d+: it cannot be served at: /);
    await taken.shutdown();
    const file = join(folder, "odd.safetensors");
    await Deno.writeTextFile(file, "odd");
    const { code, err } = await itera("view", file);
    deepStrictEqual(
      [code, err.split("\n").length, /odd\.safetensors: is no whole checkpoint/.test(err)],
      [2, 2, true],
      err,
    );
  }));
