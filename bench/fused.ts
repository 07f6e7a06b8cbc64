/** Fused kernels beside the plain ops they stand for: whether each earns its place. */
import type { Device } from "../engine/mod.ts";
import { measure } from "./measure.ts";
import type { Pair, Twin } from "./twins.ts";

/** One comparison. */
export interface FusedRow {
  readonly name: string;
  readonly pass: "forward" | "with gradients" | "update";
  readonly ms: number;
  readonly plainMs: number;
  readonly dispatches: number;
  readonly plainDispatches: number;
}

/** Times both ways of a twin at the size that fits the adapter; null where gradients are asked of what has none. */
export async function fusedRow(
  device: Device,
  { name, shapes, differentiable, make }: Twin,
  { gradients, roundMs }: { readonly gradients: boolean; readonly roundMs?: number },
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
  const way = async (which: keyof Omit<Pair, "free">) => {
    const run = (): void => {
      using _inner = device.scope();
      const y = pair[which]();
      if (!dy) return;
      y.backward(dy);
      for (const input of inputs) input.zeroGrad();
    };
    const before = device.gpu.stats.dispatches;
    run();
    const dispatches = device.gpu.stats.dispatches - before;
    return { dispatches, ms: await measure(device, () => run, roundMs === undefined ? {} : { roundMs }) };
  };
  try {
    const [fused, plain] = [await way("fused"), await way("plain")];
    return {
      name,
      pass: gradients ? "with gradients" : differentiable ? "forward" : "update",
      ms: fused.ms,
      plainMs: plain.ms,
      dispatches: fused.dispatches,
      plainDispatches: plain.dispatches,
    };
  } finally {
    pair.free?.();
  }
}
