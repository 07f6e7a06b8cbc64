/** An answer beside the truth. */
import type { App } from "./app.ts";
import type { Thing } from "./scene.ts";

/** Right, wrong, or of unknown truth. */
export function sideOf(app: App, thing: Thing): "right" | "wrong" | "unknown" {
  const named = app.named(thing.id);
  if (!named || thing.label === null) return "unknown";
  return named.label === thing.label ? "right" : "wrong";
}
