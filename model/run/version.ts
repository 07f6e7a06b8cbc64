/** The version written into run folders and shown by `--version`, and what runs of earlier ones do otherwise. */
import configuration from "../../deno.json" with { type: "json" };

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
