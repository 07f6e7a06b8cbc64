/** Region classifiers trained by several ranks: the bits of one process with two, shares of images, and complaints. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { basename, join } from "node:path";
import { decodeSafetensors } from "../../../engine/safetensors.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import { trainModel } from "../../../model/regions/trainer.ts";
import { Interrupted, type TrainHooks } from "../../../model/run/hooks.ts";
import type { Json } from "../../../model/run/layers.ts";
import { expectEqual, outliers } from "../../../model/run/ranks/exchange.ts";
import { deviceLines } from "../../../model/run/ranks/devices.ts";
import type { Ranks } from "../../../model/run/ranks/ranks.ts";
import { nextRun } from "../../../model/run/ranks/runs.ts";
import { listCheckpoints, RunFolder } from "../../../model/run/run_folder.ts";
import { withFolder } from "../../support/folder.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { localRanks } from "../../support/ranks/local_ranks.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

/** Trains by `count` ranks, each a device of its own in this process; stops where rank `who` is asked to after `until` steps. */
async function train(
  path: string,
  settings: Json,
  count: number,
  { until = Infinity, who = 0, said = [] }: { until?: number; who?: number; said?: string[] } = {},
): Promise<void> {
  const begun = await Deno.stat(join(path, "config.json")).then(() => true, () => false);
  using folder = begun
    ? await RunFolder.resume(path, [], REGION_RUNS)
    : await RunFolder.create(path, [{ source: "test", value: settings }], REGION_RUNS);
  const hooksOf = (rank: number, ranks: Ranks | null): TrainHooks => {
    const stop = new AbortController();
    const onMessage = rank === 0 ? { onMessage: (text: string) => void said.push(text) } : {};
    return {
      ...onMessage,
      ranks,
      signal: stop.signal,
      onStep: (done) => rank === who && done === until && stop.abort(),
    };
  };
  if (count === 1) return void await trainModel(folder, hooksOf(0, null));
  const all = localRanks(count).map(async (ranks, rank) => {
    if (rank === 0) return await trainModel(folder, hooksOf(rank, ranks));
    const { config } = (await nextRun<typeof folder.config>(ranks))!;
    return await trainModel(RunFolder.following(join(path, "not-here"), config), hooksOf(rank, ranks));
  });
  const results = await Promise.all(all);
  for (const other of results) deepStrictEqual(other, results[0]);
}

/** Files that two equal runs have alike, byte for byte. */
function outcome(path: string): Record<string, Uint8Array> {
  const names = ["config.json", "metrics.jsonl", "metrics.csv", "results.json", "results.txt", "scores.safetensors"];
  const best = join(path, "checkpoints", "best.safetensors");
  const files = [...names.map((name) => join(path, name)), ...listCheckpoints(path).map(({ path }) => path), best];
  return Object.fromEntries(files.map((file) => [basename(file), Deno.readFileSync(file)]));
}

function assertSame(got: string, want: string): void {
  const [a, b] = [outcome(got), outcome(want)];
  deepStrictEqual(Object.keys(a), Object.keys(b));
  for (const [name, bytes] of Object.entries(b)) {
    const at = bytes.findIndex((byte, i) => byte !== a[name][i]);
    ok(at < 0 && bytes.length === a[name].length, `${name} differs from byte ${at} on`);
  }
}

/** A run of a few steps that validates too. */
async function settingsIn(folder: string, more: Record<string, Json> = {}): Promise<Json> {
  const data = join(folder, "data");
  await writeTinyCoco(data, 5);
  return {
    ...TINY,
    steps: 9,
    batch: 2,
    displayEvery: 2,
    checkpointEvery: 3,
    validateEvery: 2,
    validation: { split: "train", share: 1, metric: "val_ap" },
    dataset: { ...TINY.dataset, data },
    ...more,
  };
}

Deno.test("two ranks of an image each leave the files of one process with a batch of two, and either goes on with the other's", async () => {
  await withFolder(async (folder) => {
    const settings = await settingsIn(folder), at = (name: string): string => join(folder, name), said: string[] = [];
    await train(at("one"), settings, 1);
    await train(at("two"), settings, 2, { said });
    assertSame(at("two"), at("one"));
    const pages = ["one", "two"].map((name) => Deno.readTextFileSync(join(at(name), "report.html")));
    const timeless = pages.map((page) =>
      page.replace(/<dt>trained<\/dt><dd>[^<]*<\/dd>/g, "").replaceAll("Itera: two", "Itera: one")
    );
    strictEqual(timeless[1], timeless[0]);
    match(said.join("\n"), /^rank 0 on [^\n]*\nrank 1 on [^\n]*\nranks 0, 1 may share one device/);
    // The rank that is asked to stop need not be the first.
    await rejects(train(at("mixed"), settings, 2, { until: 2, who: 1 }), Interrupted);
    await rejects(train(at("mixed"), settings, 1, { until: 5 }), Interrupted);
    await train(at("mixed"), settings, 2);
    assertSame(at("mixed"), at("one"));
    strictEqual(Deno.readDirSync(folder).some(({ name }) => name.includes("not-here")), false);
  });
});

Deno.test("three ranks show the images of one process's batches, and agree", async () => {
  await withFolder(async (folder) => {
    const settings = await settingsIn(folder, { batch: 6, accumulate: 2, steps: 3, checkpointEvery: 1 });
    const at = (name: string): string => join(folder, name);
    await train(at("one"), settings, 1);
    await train(at("three"), settings, 3);
    const [one, three] = ["one", "three"].map((name) =>
      decodeSafetensors(outcome(at(name))["step_00000003.safetensors"])
    );
    strictEqual(three.metadata.position, one.metadata.position);
    let compared = 0;
    for (const [name, { data }] of one.tensors) {
      if (!name.startsWith("model.")) continue;
      const [want, got] = [data, three.tensors.get(name)!.data].map((own) => own as Float32Array);
      const largest = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      // Sums of other roundings: a few steps of small rates keep them close, other images would not.
      want.forEach((v, i) => ok(Math.abs(v - got[i]) <= 1e-5 * largest, `${name} ${i}: ${v} ${got[i]}`));
      compared += want.length;
    }
    ok(compared > 10_000, `${compared}`);
  });
});

Deno.test("shares that ranks cannot have are refused in one line", async () => {
  await withFolder(async (folder) => {
    const refused = async (more: Record<string, Json>, count: number, message: RegExp): Promise<void> => {
      const settings = { ...await settingsIn(join(folder, crypto.randomUUID()), more) as Record<string, Json> };
      await rejects(train(join(folder, crypto.randomUUID()), settings, count), message);
    };
    await refused({ batch: 1, steps: 1 }, 2, /^UserError: batch: 1 images a step .* 2 ranks; give --batch 2$/);
    await refused({ batch: 8, steps: 1 }, 3, /give --batch 6 or 9$/);
    const data = join(folder, "none");
    await refused({ dataset: { ...TINY.dataset, data, skipBroken: true } }, 2, /^UserError: dataset\.skipBroken: /);
  });
});

Deno.test("a rank with other weights is named", async () => {
  const differ = (values: readonly number[]): Promise<unknown>[] =>
    localRanks(values.length).map((ranks, i) =>
      expectEqual(ranks, 4, [["w", { dtype: "F32", shape: [1], data: Float32Array.of(values[i]) }]], { position: "8" })
    );
  await Promise.all(differ([1, 1, 1]));
  for (const one of differ([1, 1, 2])) {
    await rejects(one, /^UserError: rank 2 has other weights than the rest after step 4: /);
  }
  for (const one of differ([3, 1, 1, 2])) await rejects(one, /^UserError: ranks 0, 3 have other weights /);
  deepStrictEqual([outliers(["a", "b"]), outliers(["a", "a"]), outliers(["b", "a", "a"])], [[1], [], [0]]);
});

Deno.test("each rank's device is named, and those that may be one", () => {
  const device = (host: string, title: string, chosen = "") => ({ host, title, chosen });
  const [a, b] = [device("x", "H200"), device("y", "H200")];
  deepStrictEqual(deviceLines([a, b]), ["rank 0 on x: H200", "rank 1 on y: H200"]);
  deepStrictEqual(deviceLines([device("x", "H200", "DRI_PRIME=pci-1"), device("x", "H200", "DRI_PRIME=pci-2")]), [
    "rank 0 on x: H200 (DRI_PRIME=pci-1)",
    "rank 1 on x: H200 (DRI_PRIME=pci-2)",
  ]);
  match(deviceLines([a, device("y", "A100")]).at(-1)!, /^ranks compute on different devices or drivers, /);
  match(deviceLines([a, a, b]).at(-1)!, /^ranks 0, 1 may share one device of x: /);
});
