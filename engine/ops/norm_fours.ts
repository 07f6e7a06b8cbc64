/** Batch normalisation on GPUs, channels in fours: statistics in one pass; see `shaders/norm_fours.wgsl` and `norm_teams.wgsl`. */
import foursText from "../../shaders/norm_fours.wgsl" with { type: "text" };
import teamsText from "../../shaders/norm_teams.wgsl" with { type: "text" };
import { powerAbove } from "../buckets.ts";
import type { Device } from "../device.ts";
import { declareKernel } from "../gpu/kernel.ts";
import type { Tensor } from "../tensor.ts";
import { mayRun } from "./lib/choice.ts";
import { GROUP, indexLib } from "./lib/library.ts";
import { teamsFor } from "./reduce_teams.ts";
import { sum } from "./reduce.ts";

const fours = [indexLib, { file: "norm_fours.wgsl", text: foursText }] as const;
const teams = [...fours, { file: "norm_teams.wgsl", text: teamsText }] as const;
const kernels = {
  normalise: declareKernel("normalise_fours", { kernelSet: "gpu" }, ...fours),
  frozenGrad: declareKernel("frozen_grad_fours", { kernelSet: "gpu" }, ...fours),
  inputGrad: declareKernel("input_grad_fours", { kernelSet: "gpu" }, ...fours),
  moments: declareKernel("moments", { kernelSet: "gpu" }, ...teams),
  mergeMoments: declareKernel("merge_moments", { kernelSet: "gpu" }, ...teams),
  sums: declareKernel("norm_sums", { kernelSet: "gpu" }, ...teams),
};

/** Rows that an invocation has, and invocations of a team's workgroup. */
const ROWS = 4, LANES = 256;

/** True where these kernels take x's channels: on GPUs in fours, none of them left out. */
export function normalisesFours(device: Device, channels: number): boolean {
  return device.kernels === "gpu" && channels % 4 === 0 && Object.values(kernels).every((one) => mayRun(device, one));
}

/** Fills y [..., channels] by an elementwise kernel. */
export function runFours(
  which: "normalise" | "frozenGrad" | "inputGrad",
  bind: Readonly<Record<string, Tensor>>,
  y: Tensor,
  channels: number,
  epsilon: number,
): void {
  const { device } = y, rows = y.size / channels;
  device.run(kernels[which], {
    bind: { ...bind, y },
    params: { rows, channels: channels / 4, chunks: 1, length: 0, epsilon },
    grid: device.grid(Math.ceil(rows / ROWS) * channels / 4, GROUP),
  });
}

/** Parameters of the kernels whose teams share rows, and their constants and workgroups. */
function shared(device: Device, rows: number, channels: number, epsilon = 0) {
  const { team, chunks } = teamsFor({ outer: 1, reduced: rows, inner: channels });
  const length = chunks === 1 ? rows : powerAbove(rows) / chunks;
  return {
    chunks,
    params: { rows, channels: channels / 4, chunks, length, epsilon },
    constants: { TEAM: team },
    grid: device.grid(chunks * channels / 4, LANES / team),
  };
}

/** Mean and biased variance of each channel of x [..., channels]. */
export function momentsOfFours(x: Tensor, channels: number, mean: Tensor, variance: Tensor): void {
  const { device } = x, { chunks, ...run } = shared(device, x.size / channels, channels);
  const parts = chunks === 1 ? null : [1, 2].map(() => device.empty([chunks, channels]));
  const [means, squares] = parts ?? [mean, variance];
  device.run(kernels.moments, { bind: { x, means, squares }, ...run });
  if (!parts) return;
  device.run(kernels.mergeMoments, {
    bind: { mean: means, variance: squares, means: mean, squares: variance },
    params: run.params,
    grid: device.grid(channels / 4, GROUP),
  });
}

/** Gradients to gamma and to beta, [channels], from x, dy [..., channels] and what x was normalised by. */
export function sumsOfFours(
  bind: Readonly<Record<"x" | "dy" | "mean" | "variance", Tensor>>,
  channels: number,
  epsilon: number,
): readonly [dgamma: Tensor, dbeta: Tensor] {
  const { x } = bind, { device } = x, { chunks, ...run } = shared(device, x.size / channels, channels, epsilon);
  const [means, squares] = [1, 2].map(() => device.empty(chunks === 1 ? [channels] : [chunks, channels]));
  device.run(kernels.sums, { bind: { ...bind, means, squares }, ...run });
  return chunks === 1 ? [means, squares] : [sum(means, 0), sum(squares, 0)];
}
