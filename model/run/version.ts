/** The version written into run folders and shown by `--version`. */
import configuration from "../../deno.json" with { type: "json" };

/** Semantic version of this engine. */
export const VERSION: string = configuration.version;
