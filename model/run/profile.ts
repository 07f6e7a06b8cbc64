/** Profiles of a training step: its time by kernel on the device, and in JavaScript. */
import { flopsOf, type TimedDispatch } from "../../engine/internal.ts";
import type { Device } from "../../engine/mod.ts";

/** Training steps ready to run. */
export interface StepWork extends AsyncDisposable {
  readonly device: Device;
  /** Title of the work. */
  readonly title: string;
  /** Steps before every one is as in a long training: they compile, fill the pool and record. */
  readonly warm: number;
  /** Records and submits step `i`, counted from 0; may wait for the device where the step must. */
  step(i: number): void | Promise<void>;
}

/** A profiled run of a few steps. */
export interface StepProfile {
  readonly title: string;
  readonly steps: number;
  /** Milliseconds of a step as in training, without timing dispatches. */
  readonly wallMs: number;
  /** Milliseconds of JavaScript, and of waiting where the step waits. */
  readonly hostMs: number;
  /** Milliseconds in which the driver takes submits, and a software one computes. */
  readonly submitMs: number;
  /** Submits and dispatches of a step. */
  readonly submits: number;
  readonly dispatches: number;
  /** Every dispatch, timed; null where the adapter has no timestamp queries. */
  readonly timings: readonly TimedDispatch[] | null;
  readonly memory: Device["memory"];
  /** Buffers made in the profiled steps; 0 once the pool serves all. */
  readonly buffersMade: number;
}

/** Runs `steps` steps as they are, then as many with every dispatch timed. */
export async function profileSteps(work: StepWork, steps: number): Promise<StepProfile> {
  const { device, title, warm } = work;
  for (let i = 0; i < warm; i++) await work.step(i);
  await device.finish();
  const before = device.gpu.stats;
  let hostMs = 0, wallMs = 0;
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await work.step(warm + i);
    device.flush();
    hostMs += (performance.now() - start) / steps;
    await device.finish();
    wallMs += (performance.now() - start) / steps;
  }
  const after = device.gpu.stats;
  let timings: readonly TimedDispatch[] | null = null;
  if (device.info.features.includes("timestamp-query")) {
    const stop = device.gpu.time();
    for (let i = 0; i < steps; i++) await work.step(warm + steps + i);
    timings = await stop();
  }
  const submitMs = (after.submitMs - before.submitMs) / steps;
  return {
    title,
    steps,
    wallMs,
    hostMs: hostMs - submitMs,
    submitMs,
    submits: (after.submits - before.submits) / steps,
    dispatches: (after.dispatches - before.dispatches) / steps,
    timings,
    memory: device.memory,
    buffersMade: after.created - before.created,
  };
}

/** A kernel's share of a step. */
export interface KernelTime {
  readonly kernel: string;
  /** Dispatches a step. */
  readonly dispatches: number;
  /** Milliseconds a step. */
  readonly ms: number;
  /** Share of all kernels' time. */
  readonly share: number;
  /** 10⁹ operations a second; null for kernels that are no products. */
  readonly gflops: number | null;
  /** 10⁹ bytes a second, everything bound counted once. */
  readonly gbps: number;
}

/** The kernels of a profile, the longest first. */
export function kernelTimes(timings: readonly TimedDispatch[], steps: number): KernelTime[] {
  const length = ({ begin, end }: TimedDispatch): number => Math.max(0, end - begin);
  const total = timings.reduce((sum, one) => sum + length(one), 0);
  const rows = [...Map.groupBy(timings, ({ kernel }) => kernel)].map(([kernel, own]): KernelTime => {
    const sum = (of: (one: TimedDispatch) => number): number => own.reduce((all, one) => all + of(one), 0);
    const ns = sum(length), flops = sum((one) => flopsOf(one) ?? 0);
    return {
      kernel,
      dispatches: own.length / steps,
      ms: ns / 1e6 / steps,
      share: total === 0 ? 0 : ns / total,
      gflops: flops === 0 ? null : flops / ns,
      gbps: sum(({ bytes }) => bytes) / ns,
    };
  });
  return rows.sort((a, b) => b.ms - a.ms);
}

/** The trace in the format that Perfetto and Chrome open: one slice a dispatch. */
export function chromeTrace({ title, timings }: StepProfile): unknown {
  const track = { pid: 1, tid: 1 };
  const named = (name: string, args: unknown): unknown => ({ ph: "M", ...track, name, args });
  return {
    traceEvents: [
      named("process_name", { name: title }),
      named("thread_name", { name: "device" }),
      ...(timings ?? []).map(({ kernel, grid, params, bytes, begin, end }) => ({
        ph: "X",
        ...track,
        name: kernel,
        ts: begin / 1000,
        dur: Math.max(0, end - begin) / 1000,
        args: { grid: grid.join(" × "), bytes, ...params },
      })),
    ],
    displayTimeUnit: "ms",
  };
}
