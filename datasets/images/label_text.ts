/** Words for a picture, safe for the library that draws them. */
import { printableLine } from "../../engine/base/printable.ts";

/** Longer words than this are cut: no picture is so wide. */
const LONGEST = 200;

/** Markup of a label: control characters as codes, long ones cut, a name that shows nothing as `(no name)`. */
export function labelMarkup(label: string): string {
  const letters = [...printableLine(label)];
  const text = letters.length > LONGEST ? letters.slice(0, LONGEST).join("") + "…" : letters.join("");
  // Blanks and marks without width: the drawing library refuses a text without anything to draw.
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)) return "(no name)";
  return text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]!);
}
