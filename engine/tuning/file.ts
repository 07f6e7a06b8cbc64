/** The file of measured winners and of kernels that compute wrong numbers. */
import { EngineError } from "../base/errors.ts";
import { readJson } from "../base/json_text.ts";
import { isRefusedKernel, type RefusedKernel } from "./refused.ts";
import { blocksOf, MAX_SPLIT_K, sameBlock, TUNED_OPS, type TunedTiling, WINOGRAD_FORMS } from "./table.ts";

/** Format of the file. */
const FORMAT = 1;

/** All that is kept of adapters: what is fastest there, and what computes wrong numbers. */
export interface TuningFile {
  readonly winners: readonly TunedTiling[];
  readonly refused: readonly RefusedKernel[];
}

/** The text of a file. */
export function formatTuning({ winners, refused = [] }: Partial<TuningFile> & Pick<TuningFile, "winners">): string {
  const list = (name: string, entries: readonly unknown[]): string =>
    `  "${name}": [\n${entries.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n")}\n  ]`;
  const lists = [list("winners", winners), ...refused.length > 0 ? [list("refused", refused)] : []];
  return `{\n  "format": ${FORMAT},\n${lists.join(",\n")}\n}\n`;
}

/**
 * Winners and refused kernels from the text of the file at `path`.
 *
 * @throws {EngineError} where it is not such a text.
 */
export function parseTuning(text: string, path: string): TuningFile {
  // A letter that is not UTF-8 was replaced when the file was read.
  const read = readJson(text.includes("\ufffd") ? "" : text);
  const file = "value" in read
    ? read.value as { readonly format?: unknown; readonly winners?: unknown; readonly refused?: unknown } | null
    : null;
  if (file?.format !== FORMAT || !Array.isArray(file.winners)) {
    throw new EngineError(`${path} is no tuning file of format ${FORMAT}`);
  }
  const winners = file.winners.map(renamed);
  for (const winner of winners) {
    if (!isTunedTiling(winner)) {
      throw new EngineError(`${path} holds a winner that cannot be: ${JSON.stringify(winner).slice(0, 300)}`);
    }
  }
  const { refused = [] } = file;
  if (!Array.isArray(refused) || !refused.every(isRefusedKernel)) {
    throw new EngineError(`${path} holds a refused kernel that cannot be: ${JSON.stringify(refused).slice(0, 300)}`);
  }
  return { winners: winners as TunedTiling[], refused };
}

/** A winner as it is written now: files written before 0.2.0 have `cut` and in it `parts`. */
function renamed(winner: unknown): unknown {
  if (typeof winner !== "object" || winner === null || !("cut" in winner)) return winner;
  const { cut, ...rest } = winner;
  if (typeof cut !== "object" || cut === null || !("parts" in cut)) return winner;
  const { parts: splitK, ...tiling } = cut;
  return { ...rest, tiling: { ...tiling, splitK } };
}

/** True for a winner whose tiling the op's kernels know: with another they would compute something else. */
function isTunedTiling(x: unknown): x is TunedTiling {
  const whole = (n: unknown): boolean => Number.isInteger(n) && (n as number) > 0;
  const { adapter, op, shaders, shape, tiling } = (x ?? {}) as Partial<TunedTiling>;
  if (typeof adapter !== "string" || typeof shaders !== "string" || !TUNED_OPS.includes(op!)) return false;
  if (!Array.isArray(shape) || shape.length !== 4 || !shape.every(whole)) return false;
  const kernelSet = adapter.split(" | ").at(-1)!, { winograd } = tiling ?? {};
  if (winograd !== undefined && !(op!.startsWith("conv2d") && WINOGRAD_FORMS.includes(winograd))) return false;
  const known = blocksOf(kernelSet, winograd ? "matmul nn" : op!);
  return tiling !== undefined && known.some((block) => sameBlock(block, tiling)) &&
    whole(tiling.splitK) && tiling.splitK <= MAX_SPLIT_K;
}
