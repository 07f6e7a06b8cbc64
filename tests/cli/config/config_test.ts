import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { configPage } from "../../../cli/config/page.ts";
import { RUN_KINDS } from "../../../model/kinds.ts";
import { newConfig, trainConfigSchema } from "../../../model/regions/config.ts";
import { type Json, lookup, merge, nest } from "../../../model/run/layers.ts";
import { changedSettings, listSettings } from "../../../model/run/settings/list.ts";
import { itera, ROOT } from "../../support/command.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { withFolder } from "../../support/folder.ts";

const [regions] = RUN_KINDS;

Deno.test("docs/config.md is what the schemas say", async () => {
  // The formatter breaks lines and aligns columns.
  const bare = (text: string): string =>
    text.replace(/\s+/g, " ").replace(/-{3,}/g, "---").replaceAll("\\*", "*").trim();
  strictEqual(
    bare(await Deno.readTextFile(join(ROOT, "docs", "config.md"))),
    bare(configPage(RUN_KINDS)),
    "write it anew: ./itera config --markdown > docs/config.md && deno fmt docs/config.md",
  );
});

Deno.test("every setting of every kind has a meaning, a range and a name that the settings have", () => {
  for (const kind of RUN_KINDS) {
    const settings = listSettings(kind), names = settings.map(({ name }) => name);
    strictEqual(new Set(names).size, names.length);
    ok(settings.length > 20);
    deepStrictEqual(settings.filter(({ meaning, range }) => meaning.length < 8 || /any value/.test(range)), []);
    const meanings = settings.map(({ meaning }) => meaning);
    ok(new Set(meanings).size > 0.9 * meanings.length, "meanings are copied");
  }
  // Leaves of a run's settings are listed, and nothing else.
  const leaves = (value: Json, path: string[]): string[] =>
    typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length === 0
      ? [path.join(".")]
      : Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
  deepStrictEqual(
    listSettings(regions).map(({ name }) => name).sort(),
    leaves(newConfig([]) as unknown as Json, []).filter((name) => name !== "kind" && name !== "version").sort(),
  );
});

Deno.test("settings of free text are paths, which a run keeps whole", () => {
  for (const kind of RUN_KINDS) {
    const texts = listSettings(kind).filter(({ range }) => /^text/.test(range)).map(({ name }) => name);
    deepStrictEqual(texts.filter((name) => !kind.paths.includes(name)), []);
    deepStrictEqual(kind.paths.filter((name) => !texts.includes(name)), []);
  }
});

Deno.test("a range is what the schema takes: the bounds, and nothing beyond them", () => {
  // Patience is for a measure.
  const whole = newConfig([{ source: "", value: { validation: { metric: "val_accuracy" } } }]) as unknown as Json;
  const takes = (name: string, value: Json): boolean =>
    trainConfigSchema.safeParse(merge(whole, nest(name.split("."), value))).success;
  let bounds = 0;
  for (const { name, range } of listSettings(regions)) {
    const [, kind, from, above, to, below] =
      /^(?:(odd|whole) )?number(?: from (-?[\d.]+))?(?: above (-?[\d.]+))?(?: to (\d+))?(?: to below (\d+))?(?: or null)?$/
        .exec(range) ?? [];
    if (from !== undefined) {
      ok(takes(name, Number(from)) && !takes(name, Number(from) - 1), name);
      strictEqual(takes(name, Number(from) + 0.25), kind === undefined, name);
      if (kind === "odd") ok(!takes(name, Number(from) + 1), name);
    }
    if (above !== undefined) ok(!takes(name, Number(above)) && takes(name, Number(above) + 0.25), name);
    if (to !== undefined) ok(takes(name, Number(to)) && !takes(name, Number(to) + 1), name);
    if (below !== undefined) ok(!takes(name, Number(below)), name);
    const orNull = / or null$/.test(range);
    // The measure needs the interval of its validations.
    strictEqual(takes(name, null), orNull && name !== "validateEvery", `${name}: ${range}`);
    if (range.startsWith('"')) {
      for (const value of range.replace(/ or null$/, "").split(", ")) ok(takes(name, JSON.parse(value)), name);
      ok(!takes(name, "none of them"), name);
    }
    if (from !== undefined || above !== undefined) bounds++;
  }
  ok(bounds > 40, String(bounds));
});

Deno.test("defaults are those of the choices; a part of the names picks settings", async () => {
  const [context, ade] = ["context", "ade"].map((dataset) =>
    newConfig([{ source: "", value: { dataset: { dataset } } }])
  );
  ok(context.image.shortSide !== ade.image.shortSide);
  for (const [flags, config] of [[[], context], [["--dataset", "ade"], ade]] as const) {
    const { code, out } = await itera("config", "image.", ...flags, "--json");
    strictEqual(code, 0);
    const { tables: [{ rows }] } = JSON.parse(out);
    ok(rows.length > 5 && rows.every((row: { setting: string }) => row.setting.startsWith("image.")));
    for (const row of rows) {
      deepStrictEqual(JSON.parse(row.default), lookup(config as unknown as Json, row.setting.split(".")));
    }
  }
  const joint = await itera("config", "steps", "--stage", "joint", "--preset", "small");
  match(joint.out, /│ steps +│ 100 +│/);
  const mistakes: [string[], RegExp][] = [
    [["rat3"], /^itera: rat3: is in no name of a setting of the kind regions; itera config --kind regions lists all$/],
    [["--changed"], /^itera: --changed: name the run by --run$/],
    [["--kind", "refplus", "--dataset", "ade"], /^itera: --dataset: runs of the kind refplus have none$/],
    [["--run", "no-such-run"], /^itera: no-such-run: is no run's folder, config\.json is missing$/],
  ];
  for (const [args, message] of mistakes) {
    const { code, err } = await itera("config", ...args);
    strictEqual(code, 2);
    match(err.trimEnd(), message);
  }
});

Deno.test("a run's settings are shown beside the defaults, and those that differ alone", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data"), runs = join(folder, "runs");
    await writeTinyCoco(data);
    await Deno.writeTextFile(join(folder, "tiny.json"), JSON.stringify(TINY));
    const begun = await itera(
      "train",
      "--runs",
      runs,
      "--name",
      "a",
      "--config",
      join(folder, "tiny.json"),
      "--data",
      data,
      "--steps",
      "1",
    );
    strictEqual(begun.code, 0, begun.err);
    const { tables: [{ rows }] } = JSON.parse(
      (await itera("config", "--run", join(runs, "a"), "--changed", "--json")).out,
    );
    const of = (name: string) => rows.find((row: { setting: string }) => row.setting === name);
    deepStrictEqual([of("steps").value, of("steps").default], ["1", "4000"]);
    strictEqual(of("dataset.data").value, JSON.stringify(data));
    strictEqual(of("seed"), undefined);
    const config = JSON.parse(await Deno.readTextFile(join(runs, "a", "config.json")));
    deepStrictEqual(
      changedSettings(regions, config).map(({ name }) => name),
      rows.map((row: { setting: string }) => row.setting),
    );
    const whole = await itera("config", "seed", "--run", join(runs, "a"));
    match(whole.out, /│ seed +│ 3 +│ 3 +│ Starts every random sequence/);
  });
});

Deno.test("a run of nothing but defaults differs in nothing", () => {
  deepStrictEqual(changedSettings(regions, newConfig([]) as unknown as Json), []);
  throws(() => listSettings(regions, { dataset: { dataset: "imagenet" } }), /dataset\.dataset/);
});
