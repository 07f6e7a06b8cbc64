import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { listCheckpoints } from "../../../model/run/run_folder.ts";
import { ROOT } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";

/** Runs the child until it prints a line that `until` accepts, then kills it with SIGKILL; returns what it printed. */
async function trainUntil(run: string, settings: unknown, until: RegExp, ...pause: string[]): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${ROOT}/tests/support/train_child.ts`, run, JSON.stringify(settings), ...pause],
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const errors = new Response(child.stderr).text();
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (!until.test(text)) continue;
    if (until.source !== "finished") child.kill("SIGKILL");
    break;
  }
  const { code } = await child.status;
  ok(until.test(text), `the child ended with ${code} before ${until}: ${text}${await errors}`);
  await errors;
  return text;
}

/** Files that must be the same in two runs, byte for byte. */
function outcome(run: string): Record<string, Uint8Array> {
  const names = ["config.json", "metrics.jsonl", "results.json", "results.txt"].map((name) => join(run, name));
  const checkpoints = listCheckpoints(run).map(({ path }) => path);
  return Object.fromEntries([...names, ...checkpoints].map((path) => [basename(path), Deno.readFileSync(path)]));
}

Deno.test("a run killed at any moment and resumed ends with the bits of one never killed", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    await writeTinyCoco(data);
    const settings = { ...TINY, dataset: { ...TINY.dataset, data } };
    await trainUntil(join(folder, "whole"), settings, /finished/);
    const whole = outcome(join(folder, "whole"));
    deepStrictEqual(Object.keys(whole).slice(4), ["step_00000008.safetensors", "step_00000012.safetensors"]);
    const checkpoint = whole["step_00000012.safetensors"];
    const { tensors, metadata } = decodeSafetensors(checkpoint);
    strictEqual(metadata.step, "12");
    ok(checkpoint.length > 1 << 20, "the checkpoint is large enough to be caught half written");
    ok([...tensors.keys()].some((name) => name.startsWith("optimiser.")), "it holds the optimiser's state");

    const run = join(folder, "killed");
    await trainUntil(run, settings, /adapter/);
    await trainUntil(run, settings, /step 2\n/);
    await trainUntil(run, settings, /paused/, "4", "1");
    deepStrictEqual(listCheckpoints(run), [], "a checkpoint was half written, none is there");
    await trainUntil(run, settings, /step 6\n/);
    deepStrictEqual(listCheckpoints(run).map(({ step }) => step), [4]);
    const resumed = await trainUntil(run, settings, /paused/, "8", String(checkpoint.length));
    ok(/resuming after step 4/.test(resumed) && !/step 4\n.*step 4\n/s.test(resumed), resumed);
    deepStrictEqual(
      listCheckpoints(run).map(({ step }) => step),
      [4],
      "all bytes were written, but not under its name",
    );
    await trainUntil(run, settings, /step 11\n/);
    await trainUntil(run, settings, /finished/);
    const resumedOutcome = outcome(run);
    deepStrictEqual(Object.keys(resumedOutcome), Object.keys(whole));
    // Not deepStrictEqual: describing how a megabyte differs takes it minutes.
    for (const [name, bytes] of Object.entries(whole)) {
      const at = bytes.findIndex((byte, i) => byte !== resumedOutcome[name][i]);
      ok(at < 0 && bytes.length === resumedOutcome[name].length, `${name} differs from byte ${at} on`);
    }

    const other = join(folder, "other");
    await trainUntil(other, { ...settings, seed: 4 }, /finished/);
    const scores = decodeSafetensors(outcome(other)["step_00000012.safetensors"]).tensors.get("model.cls_score.weight");
    const same = tensors.get("model.cls_score.weight");
    ok(scores && same && scores.data.some((v, i) => v !== same.data[i]), "another seed gives other weights");
  });
});

Deno.test("a run of batches killed within steps ends with the bits of one never killed", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    await writeTinyCoco(data);
    const settings = { ...TINY, batch: 3, steps: 8, dataset: { ...TINY.dataset, data } };
    await trainUntil(join(folder, "whole"), settings, /finished/);
    const run = join(folder, "killed");
    // The line of a step comes when it is done: the next one is under way.
    for (const until of [/step 2\n/, /step 5\n/, /step 7\n/, /finished/]) await trainUntil(run, settings, until);
    const [whole, killed] = [outcome(join(folder, "whole")), outcome(run)];
    deepStrictEqual(Object.keys(killed), Object.keys(whole));
    for (const [name, bytes] of Object.entries(whole)) {
      const at = bytes.findIndex((byte, i) => byte !== killed[name][i]);
      ok(at < 0 && bytes.length === killed[name].length, `${name} differs from byte ${at} on`);
    }
  });
});
