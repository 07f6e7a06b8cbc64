/** Fused kernels beside the plain ops they stand for: whether each earns its place. */
import { contextOf } from "../engine/friends.ts";
import type { Device } from "../engine/mod.ts";
import { measure } from "../cli/time/measure.ts";
import type { Twin } from "./twins.ts";

/** One comparison. */
export interface FusedRow {
  readonly name: string;
  readonly pass: "forward" | "with gradients" | "update";
  readonly ms: number;
  readonly plainMs: number;
  readonly dispatches: number;
  readonly plainDispatches: number;
}

/** Times both ways of a twin at the size that fits the adapter; null where gradients are asked for and the twin has none. */
export async function fusedRow(
  device: Device,
  { name, shapes, differentiable, make }: Twin,
  { gradients, roundMs = 150 }: { readonly gradients: boolean; readonly roundMs?: number },
): Promise<FusedRow | null> {
  if (gradients && !differentiable) return null;
  using _scope = device.scope();
  const inputs = (device.info.isFallback ? shapes.small : shapes.full)
    .map((shape, i) => device.randn(shape, { seed: 100 + i, std: 0.05 }));
  const pair = make(inputs, device);
  const shape = (): readonly number[] => {
    using _inner = device.scope();
    return pair.fused().shape;
  };
  const dy = gradients ? device.ones(shape()) : undefined;
  for (const input of inputs) input.requiresGrad = gradients;
  const run = (which: "fused" | "plain"): void => {
    using _inner = device.scope();
    const y = pair[which]();
    if (!dy) return;
    y.backward(dy);
    for (const input of inputs) input.zeroGrad();
  };
  const dispatches = (which: "fused" | "plain"): number => {
    const before = contextOf(device).stats.dispatches;
    run(which);
    return contextOf(device).stats.dispatches - before;
  };
  let [ms, plainMs] = [Infinity, Infinity];
  try {
    // In turns: what else the machine does then falls on both.
    for (let turn = 0; turn < 2; turn++) {
      ms = Math.min(ms, await measure(device, () => () => run("fused"), { roundMs, rounds: 2 }));
      plainMs = Math.min(plainMs, await measure(device, () => () => run("plain"), { roundMs, rounds: 2 }));
    }
    return {
      name,
      pass: gradients ? "with gradients" : differentiable ? "forward" : "update",
      ms,
      plainMs,
      dispatches: dispatches("fused"),
      plainDispatches: dispatches("plain"),
    };
  } finally {
    pair.free?.();
  }
}
