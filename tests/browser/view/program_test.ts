/** Pages of `itera view` about the module network: expressions that are typed in become programs that run, step by step. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { execute, type ProgramModels, writeProgram } from "../../../cli/view/program/compute.ts";
import type { ProgramFacts } from "../../../cli/view/program/payload.ts";
import { FeatureFile } from "../../../datasets/refplus/files/feature_file.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import { Device } from "../../../engine/mod.ts";
import { engineOf, generatorOf, readRefplusCheckpoint } from "../../../model/refplus/checkpoint.ts";
import { itera } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { type Random, withRandom } from "../../support/random.ts";
import { COLOURS, writeToy } from "../../support/refplus/toy_refplus.ts";
import { chromiumPath, withAddress } from "../../../cli/test/chromium/browser.ts";
import { faultsAtWidths } from "./faults.ts";
import { asked, payloadOf } from "./viewed.ts";

const path = chromiumPath(), BOUND = 1e-4;

/** All that the page exposes. */
interface Seen {
  readonly program: readonly string[] | null;
  readonly tokens: readonly string[] | null;
  readonly masks: readonly (readonly number[])[] | null;
  readonly text: string | null;
  readonly complaint: string;
  readonly live: boolean;
  readonly status: string;
}

async function seen(page: Page): Promise<Seen> {
  while (!await page.evaluate("'itera' in globalThis")) await new Promise((done) => setTimeout(done, 20));
  return await page.evaluate("itera.settled().then(() => ({ ...itera, settled: undefined }))") as Seen;
}

/** Trains both models a little on a toy task, with pictures; returns the folder of the engine's page. */
async function toy(folder: string, random: Random): Promise<{ readonly file: string; readonly features: string }> {
  const [train, val] = [await writeToy(folder, "train", 24, random), await writeToy(folder, "val", 8, random)];
  const pictures = join(folder, "pictures"), sharp = await loadSharp();
  await Deno.mkdir(pictures);
  for (const i of [0, 1]) {
    const create = { width: 64, height: 64, channels: 3, background: i === 0 ? "#678" : "#876" } as const;
    await sharp({ create }).png().toFile(join(pictures, `toy_${i}.png`));
  }
  const data = [
    "--train_refexp_h5",
    train.refexps,
    "--vocab_json",
    train.vocabulary,
    "--train_features_h5",
    train.features,
  ];
  const held = ["--val_refexp_h5", val.refexps, "--val_features_h5", val.features];
  const sizes = ["--rnn_wordvec_dim", "6", "--rnn_hidden_dim", "8", "--rnn_num_layers", "1", "--module_dim", "4"];
  for (const [name, stage] of [["pg", "pg"], ["ee", "ee-gt"]]) {
    const flags = [
      "--runs",
      join(folder, "runs"),
      "--name",
      name,
      "--stage",
      stage,
      "--num_iterations",
      "60",
      "--batch_size",
      "8",
    ];
    const { code, err } = await itera("refplus", "train", ...flags, ...data, ...held, ...sizes);
    strictEqual(code, 0, err);
  }
  const file = join(folder, "program.html"), run = join(folder, "runs", "ee");
  const alone = await itera("view", run, "--out", file);
  deepStrictEqual([alone.code, /name their folder by --pictures\n$/.test(alone.err)], [2, true], alone.err);
  const silent = await itera("view", run, "--out", file, "--pictures", pictures);
  deepStrictEqual(
    [silent.code, /has no program generator; name a run that has one by --generator\n$/.test(silent.err)],
    [2, true],
  );
  const made = await itera(
    "view",
    run,
    "--out",
    file,
    "--pictures",
    pictures,
    "--generator",
    join(folder, "runs", "pg"),
  );
  strictEqual(made.code, 0, made.err);
  return { file, features: val.features };
}

/** Asserts that the page shows what is computed here. */
async function agrees(models: ProgramModels, facts: ProgramFacts, features: Float32Array, now: Seen): Promise<void> {
  const program = await writeProgram(models, facts, now.text!),
    { tokens, steps } = await execute(models, facts, program, features);
  deepStrictEqual([now.program, now.tokens], [program, tokens]);
  const off = Math.max(...steps.flatMap((step, k) => Array.from(step, (p, i) => Math.abs(p - now.masks![k][i]))));
  ok(off < BOUND && now.masks!.length === steps.length, `the page and Deno differ by ${off}`);
}

Deno.test({
  name: "an expression that is typed in becomes a program, and each step's mask is what Deno computes",
  ignore: path === null,
}, () =>
  withFolder((folder) =>
    withRandom("a typed expression", async (random) => {
      const { file, features } = await toy(folder, random), { facts } = await payloadOf<ProgramFacts>(file);
      await using device = await Device.open();
      const [ee, pg] = await Promise.all(["ee", "pg"].map((name) => readRefplusCheckpoint(join(folder, "runs", name))));
      using engine = engineOf(device, ee);
      using generator = generatorOf(device, pg);
      using rows = await FeatureFile.open(features);
      const models = { engine, generator };
      await withAddress(path!, `file://${file}`, async (page) => {
        const strangers = asked(page, `file://${file}`), first = await seen(page);
        strictEqual(first.live, true, first.status);
        await agrees(models, facts, rows.row(0), first);
        const text = `the ${COLOURS[random.integer(0, 2)]} things`, field = page.getByRole("textbox");
        await field.fill(text.toUpperCase());
        await page.keyboard.press("Enter");
        const typed = await seen(page);
        deepStrictEqual([typed.text, typed.complaint], [text.toUpperCase(), ""]);
        await agrees(models, { ...facts }, rows.row(0), typed);
        deepStrictEqual(await faultsAtWidths(page), []);
        await field.fill('the <img src=x onerror="document.title=1"> reed');
        await page.keyboard.press("Enter");
        match((await seen(page)).complaint, /^The model does not know the word “<img”\.$/);
        await field.fill("the reed things");
        await page.keyboard.press("Enter");
        await seen(page);
        match(await page.locator(".complaint").innerText(), /Did you mean “red”\?$/);
        strictEqual(await page.title(), "Itera: ee");
        deepStrictEqual(await faultsAtWidths(page), []);
        await page.getByRole("button", { name: "Picture 2" }).click();
        const second = await seen(page);
        await agrees(models, facts, rows.row(1), second);
        // Steps by keys: the mask on the picture is that of the step.
        await page.locator(".step.now").focus();
        await page.keyboard.press("ArrowUp");
        match(
          await page.locator(".sentence").innerText(),
          new RegExp(`^Step ${second.tokens!.length - 1} of ${second.tokens!.length}`),
        );
        deepStrictEqual(strangers, []);
      });
      await withAddress(path!, `file://${file}`, async (page) => {
        const stored = await seen(page);
        strictEqual(stored.live, false);
        match(stored.status, /were computed before, for the models cannot run here: this browser has no WebGPU/);
        await agrees(models, facts, rows.row(0), stored);
        strictEqual(await page.getByRole("textbox").isDisabled(), true);
      }, 'Object.defineProperty(navigator, "gpu", { value: undefined })');
    })
  ));
