/** Ops along one axis: the axis as callers give it, and scalars, which have one element along none. */
import { type Axes, normaliseAxes, normaliseAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { reshape } from "../layout.ts";

/** `run` along the one axis given; a scalar is taken as a row of one element along axis 0 or -1, as PyTorch does. */
export function alongAxis(op: string, x: Tensor, axis: Axes, run: (x: Tensor, axis: number) => Tensor): Tensor {
  const rank = x.shape.length;
  if (rank > 0) return run(x, normaliseAxis(op, axis, rank));
  normaliseAxes(op, axis, rank);
  using scope = x.device.scope();
  return scope.keep(reshape(run(reshape(x, [1]), 0), []));
}
