import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { itera } from "../support/command.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("runs are compared in tables and on a page, an experiment by all its runs", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data"), runs = join(folder, "runs"), page = join(folder, "pages", "both.html");
    await writeTinyCoco(data);
    await Deno.writeTextFile(join(folder, "tiny.json"), JSON.stringify(TINY));
    const train = (...more: string[]) =>
      itera("train", "--runs", runs, "--config", join(folder, "tiny.json"), "--data", data, "--steps", "3", ...more);
    for (const more of [["--name", "a"], ["--name", "b", "--rate", "0.001"], ["--name", "seeds", "--seeds", "2"]]) {
      const { code, err } = await train(...more, "--model", "baseline");
      strictEqual(code, 0, err);
    }
    const both = await itera("compare", join(runs, "a"), join(runs, "b"), "--out", page, "--json");
    strictEqual(both.code, 0, both.err);
    const { report, tables } = JSON.parse(both.out);
    strictEqual(report, page);
    deepStrictEqual(tables[0].rows.map(({ model }: { model: string }) => model), ["a", "b"]);
    const results = JSON.parse(await Deno.readTextFile(join(runs, "b", "results.json")));
    strictEqual(tables[0].rows[1]["per-instance AC"], results.rows[0].perInstance.ac);
    const settings = tables.at(-1).rows;
    deepStrictEqual(settings, [{ setting: "optimiser.rate", a: JSON.stringify(await rate(runs, "a")), b: "0.001" }]);
    const html = await Deno.readTextFile(page);
    for (const href of ["../runs/a/report.html", "../runs/b/report.html"]) ok(html.includes(`href="${href}"`), href);
    for (const heading of ["The models at a glance", "Loss of each model", "a and b on the same pictures"]) {
      ok(html.includes(heading), heading);
    }
    ok(html.includes("a: ") && /\d of \d right/.test(html));
    const seeds = await itera("compare", join(runs, "seeds"), "--out", page);
    strictEqual(seeds.code, 0, seeds.err);
    match(seeds.out, /│ baseline-seed3 +│/);
    match(seeds.out, /│ seed +│ 3 +│ 4 +│/);

    // What was scored can be compared when the data is gone: only its pictures are wanting.
    await Deno.rename(data, join(folder, "elsewhere"));
    const gone = await itera("compare", join(runs, "a"), join(runs, "b"), "--out", page);
    strictEqual(gone.code, 0, gone.err);
    match(await Deno.readTextFile(page), /a and b on the same pictures<\/h2>\s*<p class="note">Left out: .*data.*</);

    const mistakes: [string[], RegExp][] = [
      [[join(runs, "a")], /^itera: compare: name at least two runs$/],
      [[join(runs, "a"), join(runs, "no")], /no: is no run's folder, config\.json is missing$/],
    ];
    for (const [args, message] of mistakes) {
      const { code, err } = await itera("compare", ...args);
      strictEqual(code, 2);
      match(err.trimEnd(), message);
    }
    await Deno.remove(join(runs, "b", "results.json"));
    match(
      (await itera("compare", join(runs, "a"), join(runs, "b"))).err,
      /b: has no results yet; itera evaluate .*b writes them/,
    );
  });
});

async function rate(runs: string, name: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(join(runs, name, "config.json"))).optimiser.rate;
}
