import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { listCheckpoints } from "../../model/run/run_folder.ts";
import { type Ended, ended, itera, start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";

/** All files under a folder and their contents, the lock and event files aside. */
function contents(folder: string, prefix = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (name === ".lock" || name.startsWith("events.")) continue;
    const path = join(folder, name);
    if (isDirectory) Object.assign(found, contents(path, `${prefix}${name}/`));
    else found[prefix + name] = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  }
  return found;
}

async function tiny(folder: string): Promise<{ readonly runs: string; readonly flags: readonly string[] }> {
  const data = join(folder, "data");
  await writeTinyCoco(data);
  await Deno.writeTextFile(join(folder, "tiny.json"), JSON.stringify(TINY));
  const runs = join(folder, "runs");
  return { runs, flags: ["--runs", runs, "--config", join(folder, "tiny.json"), "--data", data] };
}

function refused({ code, err }: Ended, message: RegExp): void {
  ok(message.test(err), `${message} is not in: ${err}`);
  strictEqual(code, 2, err);
  strictEqual(err.trimEnd().split("\n").filter((text) => !text.startsWith("adapter: ")).length, 1, err);
  ok(!/\bat .*:\d+:\d+/.test(err), `a stack trace: ${err}`);
}

Deno.test("training prints plain lines where piped, and a table; a run is never begun twice", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const { code, out, err } = await itera("train", ...flags, "--name", "a", "--steps", "5");
    strictEqual(code, 0, err);
    ok(/^training 5\/5 +loss \d+\.\d+ /m.test(err), err);
    ok(!err.includes("\x1b") && !out.includes("\x1b"), "escape codes in piped output");
    ok(/│ baseline +│ +\d\.\d{3} │ +\d\.\d{3} │ +\d\.\d{3} │ +\d\.\d{3} │/.test(out), out);
    const before = contents(runs);
    const config = JSON.parse(before["a/config.json"]);
    deepStrictEqual([config.steps, config.optimiser.momentum, config.dataset.dataset], [5, 0.9, "coco"]);
    deepStrictEqual(JSON.parse(before["a/results.json"]).instances, 4);
    ok(before["a/report.html"].includes("<svg"));
    refused(await itera("train", ...flags, "--name", "a"), /a: there is a run already; go on with it by --resume/);
    refused(
      await itera("train", ...flags, "--name", "a", "--resume", "--seed", "8"),
      /--seed: a resumed run keeps its settings, "seed" is 3, not 8/,
    );
    deepStrictEqual(contents(runs), before);
    const resumed = await itera("train", "--runs", runs, "--resume", "--json");
    strictEqual(resumed.code, 0, resumed.err);
    const { run, report, tables: [{ rows: [row] }] } = JSON.parse(resumed.out);
    deepStrictEqual([run, report, row.model], [join(runs, "a"), join(runs, "a", "report.html"), "baseline"]);
    strictEqual(row["per-instance AC"], JSON.parse(before["a/results.json"]).rows[0].perInstance.ac, "not rounded");
    strictEqual(contents(runs)["a/results.json"], before["a/results.json"], "a finished run is evaluated again");
  });
});

Deno.test("Ctrl-C saves and exits with 130, and the resumed run ends as one never stopped", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const many = [...flags, "--steps", "60", "--set", "checkpointEvery=1000"];
    const whole = await itera("train", ...many, "--name", "whole");
    strictEqual(whole.code, 0, whole.err);

    const child = start(["train", ...many, "--name", "stopped"]);
    const metrics = join(runs, "stopped", "metrics.jsonl");
    while (!(await Deno.stat(metrics).then(({ size }) => size > 0, () => false))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill("SIGINT");
    const { code, err } = await ended(child);
    strictEqual(code, 130, err);
    const [, step] = /^itera: stopped after step (\d+); everything is saved, --resume goes on from there$/m.exec(err)!;
    ok(Number(step) < 60, `stopped only after step ${step}`);
    deepStrictEqual(listCheckpoints(join(runs, "stopped")).map((found) => found.step), [Number(step)]);

    const resumed = await itera("train", "--runs", runs, "--name", "stopped", "--resume");
    strictEqual(resumed.code, 0, resumed.err);
    ok(resumed.err.includes(`resuming after step ${step}`), resumed.err);
    const [a, b] = ["whole", "stopped"].map((name) => contents(join(runs, name)));
    for (const name of ["metrics.jsonl", "results.json", "checkpoints/step_00000060.safetensors"]) {
      ok(a[name].length > 0 && a[name] === b[name], `${name} differs`);
    }
  });
});

Deno.test("the end of the terminal saves as Ctrl-C does", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const child = start(["train", ...flags, "--steps", "100000", "--name", "a"]);
    const metrics = join(runs, "a", "metrics.jsonl");
    while (!(await Deno.stat(metrics).then(({ size }) => size > 0, () => false))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill("SIGHUP");
    const { code, err } = await ended(child);
    strictEqual(code, 130, err);
    const [, step] = /^itera: stopped after step (\d+); everything is saved/m.exec(err)!;
    strictEqual(listCheckpoints(join(runs, "a")).at(-1)!.step, Number(step));
  });
});

Deno.test("a member of a comparison is done with its report, and the results are written last", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const compared = [...flags, "--steps", "2", "--seeds", "2", "--name", "both"];
    const whole = await itera("train", ...compared, "--model", "baseline");
    strictEqual(whole.code, 0, whole.err);
    const [member] = [...Deno.readDirSync(join(runs, "both"))].filter(({ isDirectory }) => isDirectory);
    const file = (name: string): string => join(runs, "both", member.name, name);
    const time = (name: string): number => Deno.statSync(file(name)).mtime!.getTime();
    ok(time("results.json") >= time("report.html") && time("report.html") >= time("scores.safetensors"));
    // As a kill left it with earlier versions.
    await Deno.remove(file("report.html"));
    const resumed = await itera("train", "--runs", runs, "--name", "both", "--resume");
    strictEqual(resumed.code, 0, resumed.err);
    ok(Deno.statSync(file("report.html")).size > 0);
  });
});

Deno.test("a run's folder is taken where a checkpoint is, and one without a checkpoint begins and says so", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder), a = join(runs, "a"), out = join(folder, "a.safetensors");
    const few = [...flags, "--steps", "1"];
    for (
      const command of [
        ["train", ...few, "--name", "a"],
        ["train", ...few, "--name", "b", "--weights", a],
        ["evaluate", "--checkpoint", a],
        ["weights", "export", a, "--out", out],
      ]
    ) strictEqual((await itera(...command)).code, 0, command.join(" "));
    ok(Deno.statSync(out).size > 0);
    const again = ["train", "--runs", runs, "--name", "a", "--resume"],
      begins = /a: there is no checkpoint yet, so the run begins$/m;
    ok(!begins.test((await itera(...again)).err));
    for (const { path } of listCheckpoints(a)) Deno.removeSync(path);
    const { code, err } = await itera(...again);
    strictEqual(code, 0, err);
    ok(begins.test(err), err);
    strictEqual(listCheckpoints(a).at(-1)?.step, 1);
  });
});

Deno.test("accuracy on held-out images is logged as the evaluation finds it, and drawn", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder), file = (name: string): string => join(runs, "a", name);
    const { code, err } = await itera("train", ...flags, "--name", "a", "--steps", "5", "--set", "validateEvery=2");
    strictEqual(code, 0, err);
    const records = Deno.readTextFileSync(file("metrics.jsonl")).trimEnd().split("\n").map((line) => JSON.parse(line));
    const measured = records.filter((record) => "val_accuracy" in record);
    deepStrictEqual(measured.map(({ step }) => step), [2, 4, 5]);
    // The set has fewer images than are scored, so the last measure is the result.
    const { rows: [{ perInstance }] } = JSON.parse(Deno.readTextFileSync(file("results.json")));
    strictEqual(measured.at(-1).val_accuracy, perInstance.ac);
    const page = Deno.readTextFileSync(file("report.html"));
    for (const heading of ["Accuracy over training", "Total loss", "Learning rate", "Settings that differ"]) {
      ok(page.includes(`<h2>${heading}`), heading);
    }
    ok(/<dt>trained<\/dt><dd>\d{4}-\d\d-\d\d \d\d:\d\d UTC, \d+ s<\/dd>/.test(page));
  });
});

Deno.test("two runs without names that begin at once get two", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const both = await Promise.all([1, 2].map(() => ended(start(["train", ...flags, "--steps", "1"]))));
    deepStrictEqual(both.map(({ code }) => code), [0, 0], both.map(({ err }) => err).join());
    deepStrictEqual([...Deno.readDirSync(runs)].map(({ name }) => name).sort(), ["baseline-coco-1", "baseline-coco-2"]);
    deepStrictEqual(
      both.map(({ out }) => /^run: (.*)$/m.exec(out)![1]).sort(),
      [1, 2].map((n) => join(runs, `baseline-coco-${n}`)),
    );
  });
});

Deno.test("a second Ctrl-C stops at once", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const args = ["train", ...flags, "--steps", "100000", "--name", "a", "--set", "image.shortSide=1000"];
    const child = start([...args, "--set", "image.longSide=1200"]);
    while (!(await Deno.stat(join(runs, "a", "metrics.jsonl")).then(() => true, () => false))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const status = child.status;
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    child.kill("SIGINT");
    for (let text = ""; !text.includes("stopping after this step");) text += (await reader.read()).value ?? "";
    child.kill("SIGINT");
    strictEqual((await status).code, 130);
    // The first would have ended the step and saved it.
    deepStrictEqual([...Deno.readDirSync(join(runs, "a", "checkpoints"))], []);
    await reader.cancel();
    await child.stdout.cancel();
  });
});

Deno.test("each mistake of the user is one line and status 2, and leaves nothing behind", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const file = (name: string, text: string): string => {
      Deno.writeTextFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const annotations = join(folder, "data", "annotations", "instances_train2017.json");
    const train = (...args: string[]): Promise<Ended> => itera("train", ...flags, ...args);
    const mistakes: [() => Promise<Ended>, RegExp][] = [
      [() => train("--stpes", "5"), /unknown option '--stpes' \(did you mean --steps\?\)/],
      [() => train("--steps", "many"), /argument 'many' is invalid/],
      [() => train("--steps", "-1"), /--steps: "steps": too small/],
      [() => train("--data", join(folder, "nowhere")), /nowhere: there is no such folder/],
      [() => train("--dataset", "coco", "--set", "dataset.data=null"), /needs --data/],
      [() => train("--config", join(folder, "none.json")), /none\.json: there is no such file/],
      [() => train("--config", file("cut.json", '{"steps": 5,')), /cut\.json: is not JSON, it ends too early/],
      [
        () => train("--config", file("key.json", '{"stepz": 5}')),
        /key\.json: unknown key "stepz"; did you mean "steps"\?/,
      ],
      [() => train("--set", "optimiser.rte=1"), /unknown key "optimiser\.rte"; did you mean "optimiser\.rate"\?/],
      [() => train("--resume"), /there is no run to resume/],
      [() => train("--resume", "--name", "x"), /x: there is no run to resume/],
      [() => itera("train", "--runs", file("file", ""), "--steps", "1"), /file/],
    ];
    for (const [run, message] of mistakes) refused(await run(), message);
    const whole = Deno.readTextFileSync(annotations);
    Deno.writeTextFileSync(annotations, whole.slice(0, whole.length / 2));
    refused(await train(), /instances_train2017\.json: is not whole JSON/);
    Deno.writeTextFileSync(annotations, whole);
    deepStrictEqual([...Deno.readDirSync(runs)], [], "a failed run left a folder");
  });
});

Deno.test("a broken image stops the run by name, and is named and left out where asked", async () => {
  await withFolder(async (folder) => {
    const { runs, flags } = await tiny(folder);
    const broken = join(folder, "data", "train2017", "3.png");
    Deno.writeFileSync(broken, Deno.readFileSync(broken).subarray(0, 60));
    refused(await itera("train", ...flags), /3\.png: cannot be read as an image/);
    const { code, err } = await itera("train", ...flags, "--skip-broken", "--name", "a");
    strictEqual(code, 0, err);
    ok(/skipped .*3\.png: /.test(err), err);
    strictEqual(listCheckpoints(join(runs, "a")).at(-1)?.step, 12);
  });
});
