/** Files of an evaluation for other programs, as the command line writes them. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { readScores } from "../../model/regions/evaluation/scores_file.ts";
import { itera } from "../support/command.ts";
import { parseCsv } from "../support/files/csv.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("an evaluation writes COCO's results and a table of regions, by the ids of the annotation file", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data"), runs = join(folder, "runs"), run = join(runs, "a");
    await writeTinyCoco(data);
    await Deno.writeTextFile(join(folder, "tiny.json"), JSON.stringify(TINY));
    const flags = ["--runs", runs, "--config", join(folder, "tiny.json"), "--data", data];
    strictEqual((await itera("train", ...flags, "--name", "a", "--steps", "2")).code, 0);
    const table = await Deno.readTextFile(join(run, "metrics.csv"));
    deepStrictEqual(parseCsv(table)[0], ["step", "cross_entropy", "total_loss", "rate"]);
    strictEqual(parseCsv(table).at(-1)![0], "2");

    const { code, out, err } = await itera("evaluate", run, "--format", "coco", "csv", "--top", "2", "--json");
    strictEqual(code, 0, err);
    const said = JSON.parse(out), file = (name: string): string => join(run, name);
    deepStrictEqual([said["COCO results"], said.regions], [file("coco_results.json"), file("regions.csv")]);
    ok(!await Deno.stat(file("coco_annotations.json")).then(() => true, () => false), "COCO has its own");

    const { scores } = await readScores(file("scores.safetensors"));
    const truth = JSON.parse(await Deno.readTextFile(join(data, "annotations", "instances_val2017.json")));
    const results = JSON.parse(await Deno.readTextFile(file("coco_results.json")));
    const { probabilities } = scores.outputs.at(-1)!;
    const wanted = (truth.annotations as { image_id: number; bbox: number[] }[]).flatMap(({ image_id, bbox }, row) => {
      const own = [...probabilities.subarray(4 * row + 1, 4 * row + 4)];
      const order = [0, 1, 2].sort((a, b) => own[b] - own[a]).slice(0, 2);
      return order.map((c) => ({ image_id, category_id: [2, 5, 9][c], bbox, score: Number(own[c].toPrecision(9)) }));
    });
    deepStrictEqual(results, wanted);
    const [columns, ...rows] = parseCsv(await Deno.readTextFile(file("regions.csv")));
    const column = (name: string): string[] => rows.map((row) => row[columns.indexOf(name)]);
    deepStrictEqual(column("region_id"), truth.annotations.map(({ id }: { id: number }) => String(id)));
    deepStrictEqual(
      column("category_id"),
      truth.annotations.map(({ category_id }: { category_id: number }) => String(category_id)),
    );
    deepStrictEqual(column("x"), truth.annotations.map(({ bbox }: { bbox: number[] }) => String(bbox[0])));

    const drawn = join(folder, "elsewhere");
    const other = await itera("evaluate", run, "--format", "csv", "--out", drawn);
    strictEqual(other.code, 0, other.err);
    strictEqual(await Deno.readTextFile(join(drawn, "regions.csv")), await Deno.readTextFile(file("regions.csv")));
    const wrong = await itera("evaluate", run, "--format", "xml");
    deepStrictEqual([wrong.code, /Allowed choices are coco, csv/.test(wrong.err)], [2, true]);
  });
});
