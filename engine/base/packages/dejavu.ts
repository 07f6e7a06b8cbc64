/** DejaVu Sans: the font of labels on pictures. It travels with the packages, for a bare machine has none. */
import { fileURLToPath } from "node:url";

/** Path of the font's file. */
export async function fontFile(): Promise<string> {
  // A package that was not imported has no file to resolve to.
  const { default: { name, version } } = await import("npm:dejavu-fonts-ttf@2.37.3/package.json", {
    with: { type: "json" },
  });
  return fileURLToPath(import.meta.resolve(`npm:${name}@${version}/ttf/DejaVuSans.ttf`));
}
