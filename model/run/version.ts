/** The version written into run folders and shown by `--version`, and what runs of earlier ones do otherwise. */
import configuration from "../../deno.json" with { type: "json" };
import type { Convolutions } from "./run_config.ts";

/** Semantic version of this engine. */
export const VERSION: string = configuration.version;

/**
 * Says that what an earlier version made, and is gone on with or evaluated, follows today's rules: those of 0.2 are not those
 * of before.
 */
export function sayNewRules(
  say: (text: string) => void,
  path: string,
  { version }: { readonly version: string },
): void {
  const [major, minor] = version.split(".").map(Number);
  if (major > 0 || minor >= 2) return;
  say(
    `${path}: made by version ${version}; boxes at borders, picture sizes, mirroring and updates of unused weights follow ` +
      `the rules of ${VERSION}, which are the authors' (CHANGELOG.md)`,
  );
}

/**
 * Says that a run without Winograd's convolutions goes on without them, as it began, and what else could change its last bits:
 * one line for all arithmetic that came after it.
 */
export function sayArithmetic(
  say: (text: string) => void,
  path: string,
  { convolutions }: { readonly convolutions: Convolutions },
): void {
  if (convolutions === "winograd") return;
  say(
    `${path}: goes on with direct convolutions, as it began; its last bits change on another adapter or with another ` +
      "tuning table alone",
  );
}
