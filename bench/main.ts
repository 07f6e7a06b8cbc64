/**
 * `deno task bench`: our kernels at model sizes beside the peers that run under Deno on the same adapter, and beside the
 * limits of this device measured in the same run. Prints a table and writes `bench/results/<time>.json`.
 */
import Table from "cli-table3";
import { Device } from "../mod.ts";
import { type BatchRow, batchRows } from "./batches.ts";
import { type RankRow, rankRows } from "./ranks.ts";
import { cases } from "./cases.ts";
import { dataRows, STEP_MS } from "./data.ts";
import { type Dispatches, dispatchesOf, stepsCounted } from "./dispatches.ts";
import { type FusedRow, fusedRow } from "./fused.ts";
import { type ImportRow, importRows } from "./importing.ts";
import { geometricMean, measure, measureLimits } from "../cli/time/measure.ts";
import { type ModelRow, modelRows, SIZES } from "./models.ts";
import { firstLine, openPeers } from "./peers/open.ts";
import { REFPLUS_SIZES, refplusRows } from "./refplus.ts";
import { type PresetRow, presetRows } from "./presets.ts";
import { TWINS } from "./twins.ts";
import { type ViewRow, viewRows } from "./view.ts";

interface Row {
  readonly name: string;
  readonly ms: number;
  readonly gflops: number | null;
  readonly gbps: number;
  readonly shareOfLimit: number;
  readonly peers: Readonly<Record<string, number | string>>;
}

const write = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));

const only = Deno.args.find((a) => a.startsWith("--only="))?.slice(7);
const device = await Device.open();
const limit = await measureLimits(device);
write(`${device.info.description}, kernel set ${device.kernels}`);
write(
  `measured limits: ${(limit.compute / 1e6).toFixed(1)} GFLOP/s (best product), ${
    (limit.bandwidth / 1e6).toFixed(1)
  } GB/s (copy)`,
);
// Sections of these names, though some kernels have the words in theirs too.
const onlyData = only === "data",
  onlyImports = only === "import",
  onlyView = only === "view",
  onlyBatch = only === "batch",
  onlyRanks = only === "ranks";
const withoutPeers = Deno.args.includes("--no-peers") || only?.startsWith("presets") ||
  ["data", "import", "refplus", "fused", "dispatches", "view", "batch", "ranks"].includes(only ?? "");
const peers = withoutPeers ? [] : await openPeers((name, why) => write(`${name} does not run here: ${why}`));
const rows: Row[] = [];
for (const one of cases()) {
  if (onlyData || onlyImports || onlyView || onlyBatch || onlyRanks || only && !one.name.includes(only)) continue;
  const ms = await measure(device, one.make);
  const share = Math.max(one.flops / limit.compute, one.bytes / limit.bandwidth) / ms;
  const measured: Record<string, number | string> = {};
  for (const peer of peers) {
    try {
      const time = one.task ? await peer.measure(one.task) : null;
      measured[peer.name] = time ?? "no such op";
    } catch (error) {
      measured[peer.name] = `fails: ${firstLine(error).slice(0, 40)}`;
    }
  }
  rows.push({
    name: one.name,
    ms,
    gflops: one.flops > 0 ? one.flops / ms / 1e6 : null,
    gbps: one.bytes / ms / 1e6,
    shareOfLimit: share,
    peers: measured,
  });
  write(`measured ${one.name}: ${ms.toFixed(3)} ms`);
}
const fused: FusedRow[] = [];
if (!only || only === "fused") {
  const head = ["fused kernels beside plain ones", "", "fused ms", "plain ms", "plain / fused", "dispatches"];
  const drawn = new Table({ head, style: { head: [] } });
  for (const twin of TWINS) {
    for (const gradients of [false, true]) {
      const one = await fusedRow(device, twin, { gradients });
      if (!one) continue;
      fused.push(one);
      const { pass, ms, plainMs, dispatches, plainDispatches } = one;
      drawn.push([
        one.name,
        pass,
        ms.toFixed(3),
        plainMs.toFixed(3),
        `${(plainMs / ms).toFixed(2)}×`,
        `${dispatches} / ${plainDispatches}`,
      ]);
    }
  }
  write(drawn.toString());
}
const models: Record<string, ModelRow[]> = {};
for (const size of SIZES) {
  // A software adapter takes minutes for the published size: only where it is asked for.
  const asked = only ? "models".includes(only) : !Deno.args.includes("--no-models");
  if (!asked || (device.info.isFallback && size !== SIZES[0] && !Deno.args.includes("--full"))) continue;
  models[size.name] = await drawModels(size.name, modelRows(size));
}
for (const size of REFPLUS_SIZES) {
  const asked = only ? only === "refplus" : !Deno.args.includes("--no-models");
  if (!asked || (device.info.isFallback && size !== REFPLUS_SIZES[0] && !Deno.args.includes("--full"))) continue;
  models[`refplus ${size.name}`] = await drawModels(
    `referring expressions, ${size.name}`,
    refplusRows(size, !Deno.args.includes("--no-peers")),
  );
}
const batches: BatchRow[] = [];
if (onlyBatch || !only && !Deno.args.includes("--no-models")) {
  const drawn = new Table({
    head: ["final, images a step", "images/s", "dispatches an image", "peak MiB"],
    style: { head: [] },
  });
  for await (const one of batchRows()) {
    batches.push(one);
    const { batch, stack, imagesPerSecond, dispatchesPerImage, peakMiB } = one;
    drawn.push([
      `${batch}${stack ? ", stacked" : ""}`,
      imagesPerSecond.toFixed(2),
      dispatchesPerImage.toFixed(0),
      peakMiB.toFixed(0),
    ]);
  }
  write(drawn.toString());
}
// Minutes, and cores of their own: only where asked for.
const ranks: RankRow[] = [];
if (onlyRanks) {
  const head = [
    "final",
    "images each",
    "images/s",
    "to one",
    "to two apart",
    "by the model",
    "compute",
    "wait",
    "reduce",
    "rest, ms",
  ];
  const drawn = new Table({ head, style: { head: [] } });
  ranks.push(...await rankRows((why) => write(`ranks: ${why}`)));
  for (const { name, each, imagesPerSecond, toApart, parts, predicted } of ranks) {
    const one = ranks.find((row) => row.each === each)!;
    const { compute, wait, reduce, exchange } = parts ?? {};
    const times = [compute, wait, reduce, exchange].map((ms) => ms?.toFixed(1) ?? "");
    const model = predicted ? `${predicted.toFixed(2)} (${(predicted / imagesPerSecond).toFixed(2)})` : "";
    const shares = [(imagesPerSecond / one.imagesPerSecond).toFixed(2), toApart?.toFixed(2) ?? ""];
    drawn.push([name, each, imagesPerSecond.toFixed(2), ...shares, model, ...times]);
  }
  write(drawn.toString());
  for (const { name, constants } of ranks) {
    if (!constants) continue;
    const { bytes, read, sum, write: back } = constants;
    const rate = (ms: number): string => `${(bytes / ms / 1e6).toFixed(2)} GB/s`;
    write(`${name}: ${(bytes / 1e6).toFixed(1)} MB, read ${rate(read)}, added ${rate(sum)}, written ${rate(back)}`);
  }
}
// Minutes a row on a software adapter: only where asked for, such as --only=presets or --only=presets:ade-res50.
const presets: PresetRow[] = [];
if (only?.startsWith("presets") || (!only && !device.info.isFallback)) {
  const head = [
    "experiment, one training step",
    "ms",
    "images/s",
    "peak MiB",
    "PyTorch ms (ratio)",
    "PyTorch peak MiB",
  ];
  const drawn = new Table({ head, style: { head: [] } });
  for await (const one of presetRows(only?.split(":")[1] ?? "", !Deno.args.includes("--no-peers"))) {
    presets.push(one);
    const { torch, ms } = one;
    drawn.push([
      one.name,
      ms.toFixed(0),
      one.imagesPerSecond.toPrecision(3),
      one.peakMiB.toFixed(0),
      torch ? `${torch.ms.toFixed(0)} (${(torch.ms / ms).toFixed(2)}×)` : "–",
      torch ? torch.peakMiB.toFixed(0) : "–",
    ]);
  }
  write(drawn.toString());
}
const data = onlyData || !only ? await dataRows() : null;
if (data) {
  const drawn = new Table({
    head: [data.source, "images/s", `wait per step of ${STEP_MS} ms`],
    style: { head: [] },
  });
  for (const { workers, perSecond, waitMs } of data.rows) {
    drawn.push([`${workers} thread${workers > 1 ? "s" : ""}`, perSecond.toFixed(1), `${waitMs.toFixed(1)} ms`]);
  }
  write(drawn.toString());
}
const imports: ImportRow[] | null = onlyImports || !only ? await importRows() : null;
if (imports) {
  const drawn = new Table({ head: ["import", "ms"], style: { head: [] } });
  for (const { name, ms } of imports) drawn.push([name, ms.toFixed(0)]);
  write(drawn.toString());
}
const view: ViewRow[] | null = onlyView || !only ? await viewRows() : null;
if (view) {
  const drawn = new Table({
    head: ["page of the default model, in Chromium on SwiftShader", "ms"],
    style: { head: [] },
  });
  for (const { name, ms } of view) drawn.push([name, ms.toFixed(0)]);
  write(drawn.toString());
}
const dispatches: Record<string, Dispatches> = {};
if (!only || only === "dispatches") {
  for (const { name, work } of stepsCounted()) dispatches[name] = await dispatchesOf(work);
  const counted = Object.values(dispatches), kernels = new Set(counted.flatMap((one) => [...one.kernels.keys()]));
  const drawn = new Table({
    head: ["dispatches of a step, kernel set gpu", ...Object.keys(dispatches)],
    style: { head: [] },
  });
  for (const kernel of kernels) drawn.push([kernel, ...counted.map((one) => one.kernels.get(kernel) ?? "")]);
  drawn.push(["all", ...counted.map(({ total }) => total)]);
  write(drawn.toString());
}
const table = new Table({
  head: ["case", "ms", "GFLOP/s", "GB/s", "of limit", ...peers.map((p) => `${p.name} (ratio)`)],
  style: { head: [] },
});
for (const row of rows) {
  table.push([
    row.name,
    row.ms.toFixed(3),
    row.gflops?.toFixed(1) ?? "",
    row.gbps.toFixed(1),
    `${(100 * row.shareOfLimit).toFixed(0)} %`,
    ...peers.map(({ name }) => {
      const peer = row.peers[name];
      return typeof peer === "number" ? `${peer.toFixed(2)} (${(peer / row.ms).toFixed(1)}×)` : peer;
    }),
  ]);
}
if (rows.length > 0) write(table.toString());
for (const { name } of peers) {
  const ratios = rows.flatMap((row) =>
    typeof row.peers[name] === "number" ? [(row.peers[name] as number) / row.ms] : []
  );
  if (ratios.length === 0) continue;
  const mean = geometricMean(ratios);
  write(`${name}: ${mean.toFixed(1)} times our time in geometric mean over ${ratios.length} shared cases`);
}
const totals = Object.fromEntries(Object.entries(dispatches).map(([name, { total }]) => [name, total]));
await Deno.mkdir("bench/results", { recursive: true });
const file = `bench/results/${new Date().toISOString().replaceAll(":", "-")}.json`;
await Deno.writeTextFile(
  file,
  JSON.stringify(
    {
      adapter: device.info,
      kernels: device.kernels,
      limit,
      rows,
      fused,
      models,
      batches,
      ranks,
      presets,
      data,
      imports,
      view,
      dispatches: totals,
    },
    null,
    2,
  ),
);
write(`written to ${file}`);
await device.close();
// A peer may keep the process alive with a device of its own.
Deno.exit(0);

/** Measures and draws a table of models. */
async function drawModels(title: string, rows: AsyncIterable<ModelRow>): Promise<ModelRow[]> {
  const measured: ModelRow[] = [];
  const head = [title, "ms", "a second", "peak MiB", "dispatches", "in JavaScript", "PyTorch ms (ratio)"];
  const drawn = new Table({ head, style: { head: [] } });
  for await (const one of rows) {
    measured.push(one);
    drawn.push([
      one.name,
      one.ms.toFixed(1),
      (1000 * (one.batch ?? 1) / one.ms).toPrecision(3),
      one.peakMiB.toFixed(0),
      one.dispatches,
      `${(100 * one.host).toFixed(0)} %`,
      one.torch ? `${one.torch.toFixed(1)} (${(one.torch / one.ms).toFixed(2)}×)` : "–",
    ]);
  }
  write(drawn.toString());
  return measured;
}
