import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { itera } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

/** Narrow models and few pictures, so that a run takes seconds. */
const NARROW = {
  model: {
    reasoning: { memory: { depth: 8, initSize: [4, 4] }, graph: { width: 8 }, head: { width: 8 } },
  },
  dataset: { options: { images: 5 } },
  steps: 3,
  displayEvery: 1,
};

const json = (path: string): unknown => JSON.parse(Deno.readTextFileSync(path));

Deno.test("the proof on hop scenes trains, shows its tables, goes on where it stopped, and evaluates with other updates", async () => {
  await withFolder(async (folder) => {
    const runs = join(folder, "runs"), config = join(folder, "narrow.json");
    await Deno.writeTextFile(config, JSON.stringify(NARROW));
    const { code, out, err } = await itera("hops", "--quick", "--runs", runs, "--name", "proof", "--config", config);
    strictEqual(code, 0, err);
    match(out, /Accuracy by links to what decides an object's class/);
    match(out, /Share of the way from the baseline to the posterior of as many links/);
    match(out, /global +│ global, 2 updates/);
    match(out, /looks up to 4 links away/);
    match(out, /25 % of objects +│ +45 │/);
    const path = join(runs, "proof");
    const tables = json(join(path, "hops.json")) as { title: string; columns: string[]; rows: unknown[][] }[];
    const [accuracy, shares, longer, missing] = tables;
    // The baseline's image; the graph's image and two updates; five posteriors.
    deepStrictEqual([accuracy.rows.length, shares.rows.length], [9, 2]);
    // Trained by two updates on chains of five; the image, four updates, and posteriors of seven objects' chains.
    strictEqual(longer.title, "global on chains of 7 objects, 4 updates (trained on 5, 2)");
    match(longer.columns.at(-1)!, /^6 links \(\d+\)$/);
    strictEqual(longer.rows.length, 1 + 4 + 7);
    const report = Deno.readTextFileSync(join(path, "report.html"));
    match(report, /From link to link: global/);
    match(report, /before any update.*after 1 update.*after 2 updates/s);
    // Five pictures of twelve objects; without its witnesses nobody can do better than guess among four.
    deepStrictEqual(missing.rows.map(([model, name, objects]) => [model, name, objects]).slice(0, 4), [
      ["global", "nothing", 60],
      ["global", "witnesses", missing.rows[1][2]],
      ["global", "25 % of objects", 45],
      ["global", "50 % of objects", 30],
    ]);
    strictEqual(missing.rows[1][4], 0.25);
    const posteriors = missing.rows.map((row) => Number(row[4]));
    ok(posteriors[0] > posteriors[2] && posteriors[2] > posteriors[3] && posteriors[3] > 0.25, `${posteriors}`);
    const settings = json(join(path, "global", "config.json")) as { model: { reasoning: { graph: object } } };
    deepStrictEqual(
      Object.entries(settings.model.reasoning.graph).filter(([name]) => /reach|carryRegions|classEdges/.test(name)),
      [["reach", 24], ["classEdges", []], ["carryRegions", true]],
    );
    Deno.removeSync(join(path, "global", "results.json"));
    const again = await itera("hops", "--resume", "--runs", runs, "--name", "proof");
    strictEqual(again.code, 0, again.err);
    ok(!again.err.includes("run 1 of 2") && again.err.includes("run 2 of 2"), "the baseline was done");

    const run = join(path, "global"), before = Deno.readFileSync(join(run, "scores.safetensors"));
    const more = await itera("evaluate", run, "--reasoning-updates", "4", "--set", "dataset.options.chain=7");
    strictEqual(more.code, 0, more.err);
    match(more.out, /global: global 4/);
    match(more.out, /6 links \(\d+\)/);
    deepStrictEqual(Deno.readFileSync(join(run, "scores.safetensors")), before, "the run's own scores stay");
    const other = join(run, "dataset.options.chain=7,updates=4");
    // The scores know what they are of: what is drawn anew for the posteriors has chains of seven too.
    const table = (text: string): string => text.slice(text.indexOf("Per-instance accuracy by distance"));
    const anew = await itera("re-evaluate", other);
    strictEqual(anew.code, 0, anew.err);
    deepStrictEqual(table(anew.out).split("\n").slice(1, 4), table(more.out).split("\n").slice(1, 4));
    const refused: [string[], RegExp][] = [
      [[run, "--set", "model.reasoning.graph.layers=2"], /"model.reasoning.graph.layers" belongs to the trained model/],
      [[join(path, "baseline"), "--reasoning-updates", "2"], /--reasoning-updates: baseline has none/],
      [[run, "--set", "dataset.options.chains=7"], /chains/],
    ];
    for (const [args, message] of refused) {
      const { code, err } = await itera("evaluate", ...args);
      notStrictEqual(code, 0);
      match(err, message);
    }
  });
});
