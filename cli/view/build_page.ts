/** The page: script, style and payload in one HTML file that asks nobody for anything. */
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/base/user_error.ts";
import { escape } from "../../model/run/report/parts.ts";
import { compactShaders } from "./compact_shaders.ts";
import style from "./page/style.css" with { type: "text" };
import programStyle from "./program/page/style.css" with { type: "text" };

/** Scripts of pages, with the style sheet of each. */
const PAGES = {
  regions: { script: "page/main.ts", style },
  program: { script: "program/page/main.ts", style: style + programStyle },
} as const;

/** Kind of a page: a region classifier's, or the module network's. */
export type PageKind = keyof typeof PAGES;

/** A page's script with all that it imports, small and in words that every browser with WebGPU knows. */
async function bundle(name: string): Promise<string> {
  const url = new URL(name, import.meta.url);
  const entry = url.protocol === "file:" ? fileURLToPath(url) : url.href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--no-lock", entry],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const [script, problems] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  // The bundler itself is a package, which Deno gets when it is first used.
  if (code !== 0) {
    throw new UserError(`the page's script could not be bundled by deno bundle: ${problems.trim().split("\n")[0]}`);
  }
  return await minified(script);
}

/** Names that `using` goes by, where a browser has none of its own. */
const SYMBOLS = ["dispose", "asyncDispose"].map((name) => `Symbol.${name}??=Symbol.for("Symbol.${name}");`).join("");

/**
 * A bundled script without `using`, which not every browser with WebGPU has yet, minified with its shaders. Deno's own `--minify`
 * would not do: it leaves shaders as they are, and takes a `using` that is read once for any other constant and puts its value where
 * it is read, so that it is never closed.
 */
export async function minified(script: string): Promise<string> {
  const { transform, stop } = await import("esbuild").catch((error: unknown) => {
    throw new UserError(`the package esbuild, which makes the page's script, cannot be loaded: ${lineOf(error)}`);
  });
  try {
    const options = { minify: true, target: "es2022", format: "esm", charset: "utf8" } as const;
    return SYMBOLS + (await transform(compactShaders(script), options)).code;
  } finally {
    await stop();
  }
}

function lineOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}

/** Text of a script as it may stand in a page: nothing in it looks like its end, or like a comment of HTML. */
function inlined(script: string): string {
  return `\n${script.trim().replace(/<\/(?=script)/gi, "<\\/").replaceAll("<!--", "<\\!--")}\n`;
}

async function digest(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `'sha256-${hash.toBase64()}'`;
}

/** The whole page. `payload` is Base64. */
export async function renderPage(
  kind: PageKind,
  { title, payload }: { readonly title: string; readonly payload: string },
): Promise<string> {
  const { script, style } = PAGES[kind], code = inlined(await bundle(script)), css = style.trim();
  const policy = [
    "default-src 'none'",
    `script-src ${await digest(code)}`,
    `style-src ${await digest(css)}`,
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${css}</style></head>
<body><noscript>This page runs a model and needs JavaScript.</noscript>
<script type="application/octet-stream" id="payload">${payload}</script>
<script type="module">${code}</script>
</body></html>
`;
}
