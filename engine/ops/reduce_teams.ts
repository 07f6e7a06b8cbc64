/** Reductions on GPUs: teams of invocations share columns, and most sizes take one dispatch that loads each number once. */
import text from "../../shaders/reduce.wgsl" with { type: "text" };
import teamsText from "../../shaders/reduce_teams.wgsl" with { type: "text" };
import { powerAbove } from "../buckets.ts";
import { declareKernel } from "../gpu/kernel.ts";
import type { Tensor } from "../tensor.ts";
import { mayRun } from "./lib/choice.ts";
import { indexLib, nanLib, rowAloneLib, scalarLib, vec4Lib } from "./lib/library.ts";

const parts = [nanLib, rowAloneLib, indexLib, { file: "reduce.wgsl", text }, {
  file: "reduce_teams.wgsl",
  text: teamsText,
}] as const;
const kernels = {
  1: declareKernel("reduce_teams", { kernelSet: "gpu" }, scalarLib, ...parts),
  4: declareKernel("reduce_teams", { kernelSet: "gpu" }, { ...vec4Lib, variant: "vec4" }, ...parts),
};
const rowsKernel = declareKernel("reduce_row_teams", { kernelSet: "gpu" }, vec4Lib, ...parts);

/** Extents around the reduced axis, as in `lib/reduce.ts`. */
interface Columns {
  readonly outer: number;
  readonly reduced: number;
  readonly inner: number;
}

/** Invocations of a workgroup. */
const LANES = 256;

/** Workgroups that keep a large GPU's memory busy, and those below which a second pass pays: one on each of some 130 multiprocessors. */
const BUSY = 512, FEWEST = 128;

/** Loads of an invocation up to which a second dispatch takes longer than it saves. */
const SHORT = 32;

/** Invocations that share a column or fours of a row, and parts that the reduced axis is cut in. */
export interface Teams {
  readonly team: number;
  readonly chunks: number;
}

/** Teams of rows of neighbours (`inner` = 1) or of columns, by powers of two above the extents, so that padding regions moves no sum. */
export function teamsFor({ outer, reduced, inner }: Columns): Teams {
  const many = powerAbove(outer), rows = powerAbove(reduced);
  if (inner === 1) {
    // Eight loads of an invocation; not more invocations than have a number each where rows are no whole fours.
    const team = Math.min(LANES / 4, Math.max(1, rows / 32));
    const chunks = Math.min(4 * BUSY / many, rows / 1024);
    const few = rows / (4 * team) <= SHORT || chunks < 4;
    return few || many * team / LANES >= FEWEST ? { team, chunks: 1 } : { team, chunks };
  }
  const across = many * powerAbove(inner) / 4, groups = (team: number): number => across * team / LANES;
  const most = Math.max(1, rows / 4), widest = Math.min(most, LANES / 2);
  // Two fours side by side are 32 bytes, which memory gives at once; sixteen are two whole lines.
  const team = Math.min(most, LANES / 16), chunks = Math.min(BUSY / Math.max(1, groups(team)), rows / (4 * team));
  if (rows / widest > SHORT && groups(widest) < FEWEST && chunks >= 4) return { team, chunks };
  let own = widest;
  while (own > 1 && groups(own / 2) >= 2 * FEWEST) own /= 2;
  return { team: own, chunks: 1 };
}

/** Folds columns of x into y as `reduceColumns` does; false where GPUs' kernels are not those of the device, or left out. */
export function reduceByTeams(
  op: number,
  x: Tensor,
  columns: Columns,
  y: Tensor,
  scale: number,
  add: boolean,
): boolean {
  const { device } = x, { outer, reduced, inner } = columns, along = inner === 1;
  const per = (along ? reduced : inner) % 4 === 0 ? 4 : 1, rows = along && per === 4;
  const kernel = rows ? rowsKernel : kernels[per];
  if (device.kernels !== "gpu" || !mayRun(device, kernel, { OP: op })) return false;
  const { team, chunks } = teamsFor(columns), TEAM = along && per === 1 ? 4 * team : team;
  const target = chunks === 1 ? y : device.empty([outer, chunks, inner]);
  const count = outer * chunks * (along ? 1 : inner / per),
    length = chunks === 1 ? reduced : powerAbove(reduced) / chunks;
  device.run(kernel, {
    bind: { x, [rows ? "totals" : "y"]: target },
    params: {
      count,
      reduced: rows ? reduced / 4 : reduced,
      inner: along ? 1 : inner / per,
      chunks,
      length: rows ? length / 4 : length,
      scale: chunks === 1 ? scale : 1,
    },
    constants: { OP: op, ADD: Number(add && chunks === 1), TEAM, ALONG: Number(along) },
    grid: device.grid(count, LANES / TEAM),
  });
  if (chunks === 1) return true;
  return reduceByTeams(op, target, { outer, reduced: chunks, inner }, y, scale, add);
}
