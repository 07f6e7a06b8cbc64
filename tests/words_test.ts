/** Words of the tree: retired ones are refused, and doc comments that begin with a question word. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Folders and files of the tree's own text. CHANGELOG.md, which has the old names, is not among them. */
const PLACES = ["engine", "shaders", "model", "datasets", "cli", "tests", "bench", "examples", "docs"];
const PAGES = ["README.md", "CONTRIBUTING.md", "mod.ts", "itera", "deno.json"];
const WRITTEN = /\.(ts|wgsl|py|md|sh)$/;
/** Weights, figures and the like: made, not written. */
const MADE = /\/(golden|results|fixtures\/[^/]*\.json|runs-[^/]*)(\/|$)/;

/** Retired words, as words of a text and as parts of an identifier, with the field's words for them. */
const WORDS: Readonly<Record<string, string>> = {
  told: "reported, given, named, described",
  heard: "received, messages",
  belief: "assignment (of regions to classes), probabilities, scores",
  beliefs: "probabilities, scores",
  believed: "predicted, scored",
  believes: "is assigned to, predicts",
  clue: "deciding object",
  clues: "context distances",
  lesson: "supervised node, teacher forcing",
  lessons: "teacher forcing",
  taught: "supervised, teacher forcing",
  verdict: "HeadOutput",
  room: "bucket, space, memory, part of the tree",
  rooms: "buckets, parts of the tree",
};

/** Retired names, with those that took their places. */
const NAMES: Readonly<Record<string, string>> = {
  EXACT_ROOM: "EXACT_BUCKET",
  roomFor: "bucketSize",
  cutAs: "tilingRows",
  softwareCut: "softwareTiling",
  withCut: "withTiling",
  TunedCut: "TunedTiling",
  MOST_PARTS: "MAX_SPLIT_K",
  sumParts: "sumSplits",
  partsFor: "splitFor",
  PROFILES: "KERNEL_SETS",
  GraphSlots: "StaticGraph",
  RegionSlots: "StaticRegionInputs",
  SequenceSlots: "StaticSequences",
  ExpressionSlots: "StaticExpressions",
  CaptureMemory: "CapturePool",
  Replays: "StepCache",
  ReplaysOptions: "StepCacheOptions",
  TaughtSteps: "NodeTargets",
  ownAfter: "teacherForcingUntil",
  sameFrame: "assertSameSpec",
  planLines: "estimateLines",
  evaluateMissing: "evaluateWithDropout",
  MOST_POINTS: "MAX_POINTS",
};

/** Retired phrases, with better ones. */
const PHRASES: Readonly<Record<string, string>> = {
  "device.profile": "device.kernels",
  "type profile": "type KernelSet",
  "kernel profile": "kernel set",
  "profile gpu": "kernel set gpu",
  "profile cpu": "kernel set cpu",
  "fastest cut": "fastest tiling",
  "static slots": "static inputs",
};

/** Places of retired words that stay: where files written with them are read or that is tested, and where a room is a room. */
const ALLOWED: Readonly<Record<string, RegExp>> = {
  clues: /^model\/regions\/evaluation\/results\.ts$|^tests\/model\/regions\/experiments\/comparison_test\.ts$/,
  ownAfter: /^(tests\/)?model\/refplus\/training\//,
  room: /^datasets\/refplus\/scenes\/|^docs\/refplus\.md$|^tests\/model\/run\/renamed_test\.ts$/,
};

/** Files below `folder` that people write, relative to the project. */
function files(folder: string): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (MADE.test(path)) return [];
    if (isDirectory) return files(path);
    return WRITTEN.test(path) ? [path] : [];
  });
}

/** Line of a text that holds `index`, counted from 1. */
const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;

/** Retired words, names and phrases of a text, each with its line and with what to say instead. */
function retired(path: string, text: string): string[] {
  const found: string[] = [];
  const refuse = (index: number, old: string, better: string): void => {
    if (!ALLOWED[old]?.test(path)) found.push(`${path}:${lineOf(text, index)}: "${old}": say ${better}`);
  };
  for (const { 0: name, index } of text.matchAll(/[A-Za-z_]\w*/g)) {
    if (Object.hasOwn(NAMES, name)) refuse(index, name, NAMES[name]);
    else {
      for (const part of name.split(/_|(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)) {
        const word = part.toLowerCase();
        if (Object.hasOwn(WORDS, word)) refuse(index, word, WORDS[word]);
      }
    }
  }
  const flat = text.toLowerCase().replace(/\n\s*(\*|\/\/|#)? ?/g, (gap) => " ".repeat(gap.length));
  for (const [phrase, better] of Object.entries(PHRASES)) {
    const form = new RegExp(`\\b${phrase.replaceAll(" ", " +")}\\b`, "g");
    for (const { index } of flat.matchAll(form)) refuse(index, phrase, better);
  }
  return found;
}

/** Doc comments, and heads of shaders, that begin with a question word where a noun would say more. */
function questions(path: string, text: string): string[] {
  const form = path.endsWith(".wgsl")
    ? /^\/\/ *(What|Whether|How|Where)\b/g
    : /\/\*\*[\s*]*(What|Whether|How|Where)\b/g;
  return [...text.matchAll(form)].map(({ 1: word, index }) =>
    `${path}:${lineOf(text, index)}: a doc comment begins with "${word}": begin with a noun, or with "True where"`
  );
}

const all = [...PLACES.flatMap(files), ...PAGES].filter((path) => path !== "tests/words_test.ts");
const read = (path: string): string => Deno.readTextFileSync(join(root, path));

Deno.test("no text of the tree has a retired word, name or phrase", () => {
  deepStrictEqual(all.flatMap((path) => retired(path, read(path))), []);
  for (const [word, where] of Object.entries(ALLOWED)) {
    const used = all.some((path) => where.test(path) && new RegExp(`\\b${word}\\b`).test(read(path)));
    ok(used, `nothing needs "${word}" any longer: allow it no more`);
  }
});

Deno.test("no doc comment begins with What, Whether, How or Where", () => {
  const paths = all.filter((path) => /\.(ts|wgsl)$/.test(path));
  ok(paths.length > 200, `only ${paths.length} files are looked at`);
  deepStrictEqual(paths.flatMap((path) => questions(path, read(path))), []);
});

Deno.test("retired words and question words are found", () => {
  const found = (text: string): string[] => retired("x.ts", text).map((fault) => fault.split('"')[1]);
  deepStrictEqual(found("const toldOnce = Told.asWell; // HEARD\nROOM_SIZE, clue_table"), [
    "told",
    "told",
    "heard",
    "room",
    "clue",
  ]);
  deepStrictEqual(found("a mushroom, foretold, StepProfile, profile, Frames, a profile of gpus"), []);
  deepStrictEqual(found("new RegionSlots(), withCut(device), device.profile"), [
    "RegionSlots",
    "withCut",
    "device.profile",
  ]);
  deepStrictEqual(found("/**\n * by adapter and kernel\n * profile\n */\n// Profile gpu: tiles"), [
    "kernel profile",
    "profile gpu",
  ]);
  deepStrictEqual(retired("x.ts", "a\nb\ntold"), ['x.ts:3: "told": say reported, given, named, described']);
  deepStrictEqual(retired("model/regions/evaluation/results.ts", "clues").concat(retired("x.ts", "clues")), [
    'x.ts:1: "clues": say context distances',
  ]);

  strictEqual(questions("x.ts", "a\n  /** What a file holds. */").length, 1);
  strictEqual(questions("x.ts", "/**\n * Whether it is.\n */ /** How */ /** Where\n*/").length, 3);
  strictEqual(questions("x.ts", "/** A file's contents: what it holds. */ // What else?\n/** Whatever. */").length, 0);
  strictEqual(questions("x.wgsl", "// How rows are summed.\n// What else").length, 1);
});
