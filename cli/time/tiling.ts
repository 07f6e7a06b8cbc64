/** A tiling by its name. */
import { UserError } from "../../engine/base/user_error.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import { blocksOf, MATMULS, MAX_SPLIT_K, type Tiling, type WinogradForm } from "../../engine/tuning/table.ts";

/** A tiling such as `64x32`, `64x32/4` in four parts, `64x64b2` of 8 × 8 numbers an invocation in two buffers, or `F4:64x32` by Winograd's way. Throws {@link UserError} for others. */
export function tilingOf(name: string, kernels: KernelSet): Tiling {
  const known = blocksOf(kernels, MATMULS[0]);
  const pattern = /^(?:F([24]):)?(\d+)[x×](\d+)(?:b([12]))?(?:\/(\d+))?$/;
  const [, winograd, rows, columns, buffers, splitK = "1"] = pattern.exec(name) ?? [];
  const found = known.find((own) =>
    own.rows === Number(rows) && own.columns === Number(columns) && own.buffers === (buffers && Number(buffers))
  );
  if (!found) {
    const names = known.map(({ rows, columns, buffers }) => `${rows}x${columns}${buffers ? `b${buffers}` : ""}`).join(
      ", ",
    );
    throw new UserError(`--tiling: the ${kernels} kernels have no "${name}"; they have ${names}`);
  }
  const parts = Number(splitK), most = kernels === "cpu" ? 1 : MAX_SPLIT_K;
  if (parts < 1 || parts > most) {
    throw new UserError(`--tiling ${name}: the ${kernels} kernels split sums in 1 to ${most} parts`);
  }
  return { ...found, splitK: parts, ...winograd ? { winograd: Number(winograd) as WinogradForm } : {} };
}
