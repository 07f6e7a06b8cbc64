/** Time of a training update, by kernel on the device and in JavaScript. */
import { contextOf, flopsOf, type TimedDispatch } from "../../engine/internal.ts";
import { type Device, Tensor } from "../../engine/mod.ts";
import type { Learner } from "./loop.ts";

/** Measurements of a few updates. */
export interface UpdateProfile {
  readonly title: string;
  readonly updates: number;
  /** Milliseconds of an update as in training, without timing dispatches. */
  readonly wallMs: number;
  /** Milliseconds of JavaScript, and of waiting where the update waits. */
  readonly hostMs: number;
  /** Milliseconds in which the driver takes submits, and a software one computes. */
  readonly submitMs: number;
  /** Submits and dispatches of an update. */
  readonly submits: number;
  readonly dispatches: number;
  /** Every dispatch, timed; null where the adapter has no timestamp queries. */
  readonly timings: readonly TimedDispatch[] | null;
  readonly memory: Device["memory"];
  /** Buffers made in the profiled updates; 0 once the pool serves all. */
  readonly buffersMade: number;
}

/**
 * Makes updates as they are, then as many with every dispatch timed. `repeated` is how many different ones the learner makes
 * in turns: a shape's first update runs plainly and its second is captured, so as many come twice before anything is measured.
 */
export async function profileUpdates(
  learner: Pick<Learner, "device" | "title" | "update">,
  { updates, repeated }: { readonly updates: number; readonly repeated: number },
): Promise<UpdateProfile> {
  const { device, title } = learner, warm = 2 * repeated;
  const make = async (step: number): Promise<void> => {
    const { values } = await learner.update(step);
    if (values instanceof Tensor) values.dispose();
  };
  for (let i = 0; i < warm; i++) await make(i);
  await device.finish();
  const before = contextOf(device).stats;
  let hostMs = 0, wallMs = 0;
  for (let i = 0; i < updates; i++) {
    const start = performance.now();
    await make(warm + i);
    device.flush();
    hostMs += (performance.now() - start) / updates;
    await device.finish();
    wallMs += (performance.now() - start) / updates;
  }
  const after = contextOf(device).stats;
  let timings: readonly TimedDispatch[] | null = null;
  if (device.info.features.includes("timestamp-query")) {
    const stop = contextOf(device).time();
    for (let i = 0; i < updates; i++) await make(warm + updates + i);
    timings = await stop();
  }
  const submitMs = (after.submitMs - before.submitMs) / updates;
  return {
    title,
    updates,
    wallMs,
    hostMs: hostMs - submitMs,
    submitMs,
    submits: (after.submits - before.submits) / updates,
    dispatches: (after.dispatches - before.dispatches) / updates,
    timings,
    memory: device.memory,
    buffersMade: after.created - before.created,
  };
}

/** A kernel's share of an update. */
export interface KernelTime {
  readonly kernel: string;
  /** Dispatches an update. */
  readonly dispatches: number;
  /** Milliseconds an update. */
  readonly ms: number;
  /** Share of all kernels' time. */
  readonly share: number;
  /** 10⁹ operations a second; null for kernels that are no products. */
  readonly gflops: number | null;
  /** 10⁹ bytes a second, everything bound counted once. */
  readonly gbps: number;
}

/** The kernels of a profile, the longest first. */
export function kernelTimes(timings: readonly TimedDispatch[], updates: number): KernelTime[] {
  const length = ({ begin, end }: TimedDispatch): number => Math.max(0, end - begin);
  const total = timings.reduce((sum, one) => sum + length(one), 0);
  const rows = [...Map.groupBy(timings, ({ kernel }) => kernel)].map(([kernel, own]): KernelTime => {
    const sum = (of: (one: TimedDispatch) => number): number => own.reduce((all, one) => all + of(one), 0);
    const ns = sum(length), flops = sum((one) => flopsOf(one) ?? 0);
    return {
      kernel,
      dispatches: own.length / updates,
      ms: ns / 1e6 / updates,
      share: total === 0 ? 0 : ns / total,
      gflops: flops === 0 ? null : flops / ns,
      gbps: sum(({ bytes }) => bytes) / ns,
    };
  });
  return rows.sort((a, b) => b.ms - a.ms);
}

/** The trace in the format that Perfetto and Chrome open: one slice a dispatch. */
export function chromeTrace({ title, timings }: UpdateProfile): unknown {
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
