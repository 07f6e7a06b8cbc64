/** A page of Markdown as a page of the site. */
import { dirname, join, relative } from "node:path";
import { Marked } from "marked";
import { gfmHeadingId } from "marked-gfm-heading-id";
import { escape } from "../../model/run/report/parts.ts";

/** A page and where it goes. */
export interface Page {
  /** Of its source, relative to the project. */
  readonly path: string;
  /** In the site. */
  readonly place: string;
  readonly markdown: string;
  /** Places of all pages by the paths of their sources. */
  readonly places: ReadonlyMap<string, string>;
  /** True where the site has a live page. */
  readonly live: boolean;
}

/** Links at the top of every page. */
const MENU = [
  ["Documentation", "contents.html"],
  ["Tutorial", "tutorial.html"],
  ["Engine", "engine.html"],
  ["Reference", "api/index.html"],
] as const;

/** Renders a page whole. Links between pages of the project lead between pages of the site; those to code are its name alone. */
export async function renderPage(page: Page): Promise<string> {
  const { place, markdown, live } = page;
  const up = (target: string): string => relative(dirname(place), target) || target;
  const marked = new Marked({ gfm: true }, gfmHeadingId(), {
    renderer: {
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens), target = targetOf(page, href);
        return target === null ? text : `<a href="${escape(target)}">${text}</a>`;
      },
      image({ href, text }) {
        return `<img src="${escape(targetOf(page, href) ?? href)}" alt="${escape(text)}">`;
      },
      table(token) {
        const cells = (row: typeof token.header, tag: string): string =>
          row.map(({ tokens, align }) =>
            `<${tag}${align ? ` class="${align}"` : ""}>${this.parser.parseInline(tokens)}</${tag}>`
          ).join("");
        const rows = token.rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        return `<div class="wide"><table><thead><tr>${
          cells(token.header, "th")
        }</tr></thead><tbody>${rows}</tbody></table></div>\n`;
      },
    },
  });
  const title = /^# +(.+)$/m.exec(markdown)?.[1].replace(/[`*_]/g, "") ?? place;
  const menu = [...MENU, ...live ? [["Live page", "live.html"]] : []].map(([name, target]) =>
    `<a href="${up(target)}"${target === place ? ' aria-current="page"' : ""}>${name}</a>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}${title === "Itera" ? "" : " · Itera"}</title>
<link rel="stylesheet" href="${up("style.css")}">
</head>
<body>
<header><a class="home" href="${up("index.html")}">Itera</a><nav>${menu.join("")}</nav></header>
<main>
${await marked.parse(markdown)}
</main>
</body>
</html>
`;
}

/** The address of a link's target from this page; null where it is not part of the site. */
function targetOf({ path, place, places }: Page, href: string): string | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith("#")) return href;
  const [file, anchor] = href.split("#");
  const source = join(dirname(path), decodeURIComponent(file));
  const target = source === "docs" || source === "docs/"
    ? places.get("docs/README.md")
    : source.startsWith("docs/images/")
    ? source.slice("docs/".length)
    : places.get(source);
  if (target === undefined) return null;
  return (relative(dirname(place), target) || target) + (anchor === undefined ? "" : `#${anchor}`);
}
