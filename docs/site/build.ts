/**
 * Builds the documentation as a site: every page of docs/ and the pages of the top, the reference of every entry point, and a
 * live page where one is given: `deno task site [--out FOLDER] [--live PAGE]`.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Page, renderPage } from "./page.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Pages of the top; the rest of the tree is not part of the site. */
const TOP = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/** A site to build. */
export interface Site {
  /** Folder to write. */
  readonly out: string;
  /** A page that `itera view` wrote. */
  readonly live?: string;
  /** Leaves out the reference, which takes most of the time. */
  readonly reference?: boolean;
}

/** Paths of all Markdown files below a folder, relative to the project. */
function markdownIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? markdownIn(path) : name.endsWith(".md") ? [path] : [];
  }).sort();
}

/** A page's place in the site: docs/data.md is data.html. The README is where a visitor arrives. */
function placeOf(path: string): string {
  if (path === "README.md") return "index.html";
  return path === "docs/README.md" ? "contents.html" : path.replace(/^docs\//, "").replace(/\.md$/, ".html");
}

/** Builds the site; returns the places of its pages. */
export async function buildSite({ out, live, reference = true }: Site): Promise<string[]> {
  const sources = [...markdownIn("docs"), ...TOP];
  const places = new Map(sources.map((path) => [path, placeOf(path)]));
  await Deno.mkdir(out, { recursive: true });
  for (const [path, place] of places) {
    const page: Page = {
      path,
      place,
      markdown: await Deno.readTextFile(join(ROOT, path)),
      places,
      live: live !== undefined,
    };
    await write(join(out, place), await renderPage(page));
  }
  for await (const { name } of Deno.readDir(join(ROOT, "docs/images"))) {
    await write(join(out, "images", name), await Deno.readFile(join(ROOT, "docs/images", name)));
  }
  await write(join(out, "style.css"), await Deno.readTextFile(new URL("style.css", import.meta.url)));
  if (live !== undefined) await write(join(out, "live.html"), await Deno.readFile(live));
  if (reference) await writeReference(join(out, "api"));
  return [...places.values()];
}

async function write(path: string, contents: string | Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await (typeof contents === "string" ? Deno.writeTextFile(path, contents) : Deno.writeFile(path, contents));
}

/** The reference, by the task that everybody has for it. */
async function writeReference(folder: string): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const words: string[] = tasks.api.command.split(" ").slice(1);
  const args = words.map((word) => word.startsWith("--output=") ? `--output=${relative(ROOT, folder)}` : word);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "null" }).output();
  if (!success) throw new Error(`deno doc failed: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const { values: { out = "site", live } } = parseArgs({
    options: { out: { type: "string" }, live: { type: "string" } },
  });
  const places = await buildSite({ out, ...live === undefined ? {} : { live } });
  await Deno.stdout.write(
    new TextEncoder().encode(`${places.length} pages and the reference: ${join(out, "index.html")}\n`),
  );
}
