/** Names of feature extractors, as files of features and checkpoints hold them: printed and read here alone. */
import { UNKNOWN_EXTRACTOR } from "../../../datasets/refplus/files/feature_file.ts";

/** Size of the pictures that an extractor reads, in pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** ResNets whose third stage can be read, by the reference's names. */
export const RESNETS = ["resnet50", "resnet101", "resnet152"] as const;

/** An extractor, and all that its features depend on. */
export type ExtractorName =
  /** Each cell's own pixels; `cell` is its side. */
  | PictureSize & { readonly kind: "pixels"; readonly cell: number }
  /** A network of `itera refplus extractor`; those of earlier versions are not `scaled`. */
  | PictureSize & Weights & { readonly kind: "cells"; readonly scaled: boolean }
  /** The body of a network that `itera train` trained. */
  | PictureSize & Weights & { readonly kind: "run" }
  /** A pretrained ResNet's third stage. */
  | PictureSize & Weights & { readonly kind: "resnet"; readonly model: typeof RESNETS[number] }
  /** Any other name, such as that of the reference's files, which lack one. */
  | { readonly kind: "other"; readonly text: string };

/** Digest of an extractor's weights, 8 hexadecimal digits; null where it is not known, as of the reference's checkpoints. */
interface Weights {
  readonly digest: string | null;
}

/** The text of a name. */
export function printExtractor(name: ExtractorName): string {
  if (name.kind === "other") return name.text;
  const size = `${name.width}x${name.height}`;
  if (name.kind === "pixels") return `pixels ${size} cell ${name.cell}`;
  const digest = name.digest === null ? "" : ` ${name.digest}`;
  switch (name.kind) {
    case "cells":
      return `cells ${size}${name.scaled ? " scaled" : ""}${digest}`;
    case "run":
      return `run ${size}${digest}`;
    case "resnet":
      return `${name.model} stage 3 ${size}${digest}`;
  }
}

/** The kind, the size, and the parts that some kinds have. */
const NAME =
  /^(?<kind>pixels|cells|run|(?<model>resnet\d+) stage 3) (?<width>\d+)x(?<height>\d+)(?: cell (?<cell>\d+))?(?<scaled> scaled)?(?: (?<digest>[0-9a-f]{8}))?$/;

/** The name that a text stands for. */
export function readExtractor(text: string): ExtractorName {
  const read = parsed(NAME.exec(text)?.groups ?? {});
  // A part that the kind does not have, or a number written otherwise, makes it another name.
  return read && printExtractor(read) === text ? read : { kind: "other", text };
}

function parsed(groups: Readonly<Record<string, string | undefined>>): ExtractorName | null {
  const { kind, cell, scaled, digest = null } = groups;
  const size = { width: Number(groups.width), height: Number(groups.height) };
  if (kind === "pixels") return { kind, ...size, cell: Number(cell) };
  if (kind === "cells") return { kind, ...size, scaled: scaled !== undefined, digest };
  if (kind === "run") return { kind, ...size, digest };
  const model = RESNETS.find((name) => name === groups.model);
  return model ? { kind: "resnet", model, ...size, digest } : null;
}

/**
 * True where two names may be one extractor's: the same, or the same but for a digest that one of them lacks, or one is
 * unknown.
 */
export function sameExtractor(a: string, b: string): boolean {
  if (a === b || [a, b].includes(UNKNOWN_EXTRACTOR)) return true;
  const [one, other] = [readExtractor(a), readExtractor(b)];
  if (!("digest" in one && "digest" in other) || (one.digest !== null && other.digest !== null)) return false;
  return printExtractor({ ...one, digest: null }) === printExtractor({ ...other, digest: null });
}
