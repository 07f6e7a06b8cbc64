/** Shapes and origin of features and masks, and the check that two of them agree. */
import { UserError } from "../../engine/base/user_error.ts";
import { sameExtractor } from "./extractor/extractor_name.ts";

/** Shapes and origin of a run's features and masks. */
export interface DataSpec {
  /** Channels, rows and columns of the features. */
  readonly features: readonly [number, number, number];
  /** Name of the extractor that made the features. */
  readonly extractor: string;
  /** Height and width of the masks. */
  readonly masks: readonly [number, number];
}

/** Throws {@link UserError} where features or masks are not like those that `path` was made for. */
export function assertSameSpec(
  spec: DataSpec | null,
  { spec: other, path }: { readonly spec: DataSpec | null; readonly path: string },
): void {
  if (!spec || !other) return;
  const alike = (a: readonly number[], b: readonly number[]): boolean => a.every((extent, i) => extent === b[i]);
  if (
    alike(spec.features, other.features) && alike(spec.masks, other.masks) &&
    sameExtractor(spec.extractor, other.extractor)
  ) return;
  const words = ({ features, extractor, masks }: DataSpec): string =>
    `features of ${features.join(" × ")} by ${extractor}, masks of ${masks.join(" × ")}`;
  throw new UserError(`${path}: was made for ${words(other)}; given are ${words(spec)}`);
}
