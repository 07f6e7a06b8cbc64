import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders in which citations stand: the tree's own text, this file aside, which makes wrong ones up. */
const PLACES = ["engine", "shaders", "model", "datasets", "cli", "tests", "bench", "examples", "docs"];
const PAGES = ["README.md", "CHANGELOG.md"];
const CITING = /\.(ts|wgsl|py|md|sh|json)$/;
/** Weights, figures and the like: made, not written. */
const MADE = /\/(golden|results|fixtures\/[^/]*\.json|runs-[^/]*)(\/|$)/;

/** A page of docs/papers and a heading of it, as code cites them. */
const CITATION = /\bpapers\/([\w.-]+\.md)(?:#([\w-]*))?/g;

/** Forms of citation that lead nowhere: sections by number. */
const BY_NUMBER = [
  /\b[Ss]pecification('s)?,? (sections? )?\d/,
  /\b[Ss]pecification('s)? sections?\b/,
  /\b(iep-ref|iterative-reasoning|context-scenes)\.md, \S*\d/,
  /Deno\.test\(\s*["'`]\d+\.\d+: /,
];

/** Files below `folder` whose path is `wanted`, relative to the project. */
function files(folder: string, wanted: RegExp): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (MADE.test(path)) return [];
    if (isDirectory) return files(path, wanted);
    return wanted.test(path) ? [path] : [];
  });
}

/** The text without fenced blocks and code spans, which hold no links and no headings. */
function prose(markdown: string): string {
  return markdown.replace(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, "").replace(
    /`[^`]*`/g,
    (code) => code.replace(/[[\]()]/g, " "),
  );
}

/** The anchors that GitHub gives the headings of a page. */
function anchors(markdown: string): Set<string> {
  const found = new Set<string>();
  for (const [, title] of prose(markdown).matchAll(/^#{1,6} +(.+?) *#* *$/gm)) {
    const text = title.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const base = text.replace(/[^\p{L}\p{N}\p{M} _-]/gu, "").replaceAll(" ", "-");
    let anchor = base;
    for (let n = 1; found.has(anchor); n++) anchor = `${base}-${n}`;
    found.add(anchor);
  }
  return found;
}

/** Reads a file of the tree; null where there is none, the empty text for a folder. */
type Read = (path: string) => string | null;

const read: Read = (path) => {
  try {
    const full = join(root, path);
    return Deno.statSync(full).isDirectory ? "" : Deno.readTextFileSync(full);
  } catch {
    return null;
  }
};

/** The fault of a page and an anchor on it; null where both are there. */
function unresolved(path: string, anchor: string | undefined, read: Read): string | null {
  const text = read(path);
  if (text === null) return `there is no ${path}`;
  return anchor === undefined || anchors(text).has(anchor) ? null : `${path} has no heading #${anchor}`;
}

/** Faults of the citations of a text. */
function wrongCitations(path: string, text: string, read: Read): string[] {
  const broken = [...text.matchAll(CITATION)].flatMap(([, page, anchor]) => {
    if (anchor === undefined && !path.endsWith(".md")) return [`${path} cites ${page} without a heading`];
    return unresolved(`docs/papers/${page}`, anchor, read) ?? [];
  }).map((problem) => problem.startsWith(path) ? problem : `${path}: ${problem}`);
  const numbered = BY_NUMBER.flatMap((form) => form.exec(text)?.[0] ?? []).map((form) => `${path} has "${form}"`);
  return [...broken, ...numbered];
}

/** Faults of the relative links of a page. */
function wrongLinks(path: string, markdown: string, read: Read): string[] {
  const inline = [...prose(markdown).matchAll(/\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const defined = [...prose(markdown).matchAll(/^ *\[[^\]]+\]: +<?([^\s>]+)>?/gm)];
  return [...inline, ...defined].flatMap(([, target]) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [file, anchor] = target.split("#");
    const page = file === "" ? path : relative(root, join(root, dirname(path), decodeURIComponent(file)));
    const problem = unresolved(page, anchor, read);
    return problem === null ? [] : [`${path}: ${problem}`];
  });
}

const all = [...PAGES, ...PLACES.flatMap((place) => files(place, CITING)), "mod.ts"]
  .filter((path) => path !== "tests/docs_test.ts");

Deno.test("citations of the papers' pages name a heading that is there, and none goes by number", () => {
  const texts = all.map((path) => ({ path, text: read(path)! }));
  deepStrictEqual(texts.flatMap(({ path, text }) => wrongCitations(path, text, read)), []);
  const cited = texts.filter(({ path, text }) => !path.endsWith(".md") && text.match(CITATION));
  ok(cited.length >= 60, `only ${cited.length} files cite the papers: the form has changed`);
});

Deno.test("relative links of the pages lead to a file and a heading", () => {
  const pages = [...PAGES, ...files("docs", /\.md$/)];
  deepStrictEqual(pages.flatMap((path) => wrongLinks(path, read(path)!, read)), []);
});

Deno.test("wrong citations and links are found", () => {
  const tree = new Map([
    [
      "docs/papers/a.md",
      "# A\n\n## Memory update\n\n```\n# No heading\n```\n\n## Rows, `columns`: 7×7 (all)\n\n## A\n",
    ],
    ["docs/b.md", "# B\n"],
  ]);
  const given: Read = (path) => tree.get(path) ?? null;
  deepStrictEqual([...anchors(tree.get("docs/papers/a.md")!)], ["a", "memory-update", "rows-columns-77-all", "a-1"]);

  const citing = (text: string): string[] => wrongCitations("x.ts", text, given);
  deepStrictEqual(citing("/** So (papers/a.md#memory-update, papers/a.md#a-1). */"), []);
  deepStrictEqual(citing("(papers/a.md#memory-updat)"), ["x.ts: docs/papers/a.md has no heading #memory-updat"]);
  deepStrictEqual(citing("(papers/a.md#no-heading)"), ["x.ts: docs/papers/a.md has no heading #no-heading"]);
  deepStrictEqual(citing("(papers/c.md#a)"), ["x.ts: there is no docs/papers/c.md"]);
  deepStrictEqual(citing("(papers/a.md)"), ["x.ts cites a.md without a heading"]);
  for (
    const old of [
      "(specification 3.3)",
      "(specification sections 2.2 to 2.5)",
      "the specification's section 3",
      "the specification's 4.2",
      "(iep-ref.md, 6)",
      'Deno.test("11.6: memory',
    ]
  ) strictEqual(citing(old).length > 0, true, old);
  deepStrictEqual(citing("a specification of 0.25: so much"), []);

  const linking = (text: string): string[] => wrongLinks("docs/b.md", text, given);
  deepStrictEqual(linking("[a](papers/a.md#a) [b](#b) [c](https://c.org/#d) [d](../docs/b.md) `[e](e)`"), []);
  deepStrictEqual(linking("[a](a.md)"), ["docs/b.md: there is no docs/a.md"]);
  deepStrictEqual(linking("[a](papers/a.md#b)"), ["docs/b.md: docs/papers/a.md has no heading #b"]);
  deepStrictEqual(linking("[a](#c)"), ["docs/b.md: docs/b.md has no heading #c"]);
  deepStrictEqual(linking("[a]\n\n[a]: no.md"), ["docs/b.md: there is no docs/no.md"]);
});
