/** What features and masks are like, and which go together. */
import { UserError } from "../../engine/base/user_error.ts";
import { UNKNOWN_EXTRACTOR } from "../../datasets/refplus/files/feature_file.ts";

/** What the features and masks of a run are like. */
export interface Frame {
  /** Channels, rows and columns of the features. */
  readonly features: readonly [number, number, number];
  /** What made the features. */
  readonly extractor: string;
  /** Height and width of the masks. */
  readonly masks: readonly [number, number];
}

/**
 * Whether two names may be one extractor's. Files and checkpoints of the reference do not name theirs, or name the network
 * (`resnet101 stage 3 320x320`) and not its weights, whose digest ours end with.
 */
export function sameExtractor(a: string, b: string): boolean {
  return a === b || [a, b].includes(UNKNOWN_EXTRACTOR) || a.startsWith(`${b} `) || b.startsWith(`${a} `);
}

/** Throws {@link UserError} where features or masks are not those that `path` goes with. */
export function sameFrame(
  frame: Frame | null,
  { frame: other, path }: { readonly frame: Frame | null; readonly path: string },
): void {
  if (!frame || !other) return;
  const alike = (a: readonly number[], b: readonly number[]): boolean => a.every((extent, i) => extent === b[i]);
  if (
    alike(frame.features, other.features) && alike(frame.masks, other.masks) &&
    sameExtractor(frame.extractor, other.extractor)
  ) return;
  const words = ({ features, extractor, masks }: Frame): string =>
    `features of ${features.join(" × ")} by ${extractor}, masks of ${masks.join(" × ")}`;
  throw new UserError(`${path}: goes with ${words(other)}; given are ${words(frame)}`);
}
