/**
 * `deno task bench`: our kernels at model sizes beside the peers that run under Deno on the same adapter, and beside the
 * limits of this device measured in the same run. Prints a table and writes `bench/results/<time>.json`.
 */
import Table from "cli-table3";
import { Device } from "../mod.ts";
import { type Case, cases } from "./cases.ts";
import { dataRows, STEP_MS } from "./data.ts";
import { type ModelRow, modelRows, SIZES } from "./models.ts";
import { REFPLUS_SIZES, refplusRows } from "./refplus.ts";
import { type PresetRow, presetRows } from "./presets.ts";
import type { Peer } from "./peer.ts";
import { jax } from "./peers/jax.ts";
import { onnx } from "./peers/onnx.ts";
import { tfjs } from "./peers/tfjs.ts";

interface Row {
  readonly name: string;
  readonly ms: number;
  readonly gflops: number | null;
  readonly gbps: number;
  readonly shareOfLimit: number;
  readonly peers: Readonly<Record<string, number | string>>;
}

const write = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));

async function measure(device: Device, one: Case): Promise<number> {
  using _scope = device.scope();
  const run = one.make(device);
  // A wait for the device costs about 10 ms whatever was asked of it.
  let idle = Infinity;
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    await device.finish();
    idle = Math.min(idle, performance.now() - from);
  }
  run();
  await device.finish();
  const from = performance.now();
  run();
  await device.finish();
  const once = Math.max(performance.now() - from - idle, 0.05);
  const count = Math.max(2, Math.min(200, Math.round(250 / once)));
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    await device.finish();
    best = Math.min(best, (performance.now() - start - idle) / count);
  }
  return best;
}

/** The device's limits as measured: bytes per ms of a large copy, flops per ms of the best of several products. */
async function limits(device: Device): Promise<{ bandwidth: number; compute: number }> {
  const size = 16 << 20;
  const copy = await measure(device, {
    name: "copy",
    flops: 0,
    bytes: 0,
    make: (d) => {
      const x = d.zeros([size / 4]);
      return () => x.clone().dispose();
    },
  });
  let compute = 0;
  for (const n of device.info.isFallback ? [256, 512, 1024] : [1024, 2048, 4096]) {
    const ms = await measure(device, {
      name: "product",
      flops: 0,
      bytes: 0,
      make: (d) => {
        const [a, b] = [d.randn([n, n], { seed: 1 }), d.randn([n, n], { seed: 2 })];
        return () => a.matmul(b).dispose();
      },
    });
    compute = Math.max(compute, 2 * n ** 3 / ms);
  }
  return { bandwidth: 2 * size / copy, compute };
}

async function openPeers(): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const [name, open] of [["tfjs webgpu", tfjs], ["jax-js webgpu", jax], ["onnxruntime CPU", onnx]] as const) {
    try {
      peers.push(await open());
    } catch (error) {
      write(`${name} does not run here: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
    }
  }
  return peers;
}

const only = Deno.args.find((a) => a.startsWith("--only="))?.slice(7);
const device = await Device.open();
const limit = await limits(device);
write(`${device.info.description}, profile ${device.profile}`);
write(
  `measured limits: ${(limit.compute / 1e6).toFixed(1)} GFLOP/s (best product), ${
    (limit.bandwidth / 1e6).toFixed(1)
  } GB/s (copy)`,
);
// "data" is the section of that name, though some kernels have the word in theirs too.
const onlyData = only === "data";
const peers = Deno.args.includes("--no-peers") || onlyData || only?.startsWith("presets") || only === "refplus"
  ? []
  : await openPeers();
const rows: Row[] = [];
for (const one of cases()) {
  if (onlyData || only && !one.name.includes(only)) continue;
  const ms = await measure(device, one);
  const share = Math.max(one.flops / limit.compute, one.bytes / limit.bandwidth) / ms;
  const measured: Record<string, number | string> = {};
  for (const peer of peers) {
    try {
      const time = one.task ? await peer.measure(one.task) : null;
      measured[peer.name] = time ?? "no such op";
    } catch (error) {
      measured[peer.name] = `fails: ${error instanceof Error ? error.message.split("\n")[0].slice(0, 40) : error}`;
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
  const mean = Math.exp(ratios.reduce((s, r) => s + Math.log(r), 0) / ratios.length);
  write(`${name}: ${mean.toFixed(1)} times our time in geometric mean over ${ratios.length} shared cases`);
}
await Deno.mkdir("bench/results", { recursive: true });
const file = `bench/results/${new Date().toISOString().replaceAll(":", "-")}.json`;
await Deno.writeTextFile(
  file,
  JSON.stringify({ adapter: device.info, profile: device.profile, limit, rows, models, presets, data }, null, 2),
);
write(`written to ${file}`);
await device.close();
// A peer may keep the process alive with a device of its own.
Deno.exit(0);

/** Measures and draws a table of models. */
async function drawModels(title: string, rows: AsyncIterable<ModelRow>): Promise<ModelRow[]> {
  const measured: ModelRow[] = [];
  const head = [title, "ms", "peak MiB", "dispatches", "in JavaScript", "PyTorch ms (ratio)"];
  const drawn = new Table({ head, style: { head: [] } });
  for await (const one of rows) {
    measured.push(one);
    drawn.push([
      one.name,
      one.ms.toFixed(1),
      one.peakMiB.toFixed(0),
      one.dispatches,
      `${(100 * one.host).toFixed(0)} %`,
      one.torch ? `${one.torch.toFixed(1)} (${(one.torch / one.ms).toFixed(2)}×)` : "–",
    ]);
  }
  write(drawn.toString());
  return measured;
}
