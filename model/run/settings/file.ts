/** Files of settings that people write: JSON with comments, or YAML. A key that is there twice is refused by line. */
import { readTextSync } from "../../../engine/base/files.ts";
import { loadJsonc } from "../../../engine/base/packages/jsonc.ts";
import { loadYaml } from "../../../engine/base/packages/yaml.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { isObject, type Json, type Layer, parseJson } from "../layers.ts";

/**
 * The layer of a file of settings: YAML where it is named .yaml or .yml, else JSON, which may have comments and commas that
 * nothing follows. Throws {@link UserError} naming the file, with line and column of a mistake.
 */
export async function settingsLayer(path: string): Promise<Layer> {
  const text = readTextSync(path);
  const value = /\.ya?ml$/i.test(path) ? await parseYaml(path, text) : parseJson(path, await withoutComments(text));
  if (!isObject(value)) throw new UserError(`${path}: holds no object of settings`);
  return { source: path, value };
}

/** Longest YAML, in letters: the time it takes to read grows with the square of its keys. All settings together have some 5,000. */
const LONGEST_YAML = 1 << 16;

/** Deepest brackets, and most lists begun on a line: the library calls itself for each, and settings have some five. */
const DEEPEST_YAML = 100;

async function parseYaml(path: string, text: string): Promise<Json> {
  if (text.length > LONGEST_YAML) {
    throw new UserError(`${path}: has ${text.length} letters, settings in YAML have at most ${LONGEST_YAML}`);
  }
  if (bracketsIn(text) > DEEPEST_YAML || text.split("\n").some((line) => listsBegunIn(line) > DEEPEST_YAML)) {
    throw new UserError(`${path}: is nested more than ${DEEPEST_YAML} deep, which no settings are`);
  }
  const { parseDocument } = await loadYaml();
  const document = parseDocument(text, { prettyErrors: true, stringKeys: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (!fault) {
    try {
      return document.toJS() as Json;
    } catch (error) {
      // Aliases that stand for more than a file of settings can hold.
      throw new UserError(`${path}: is not YAML (${(error as Error).message})`);
    }
  }
  const { line, col } = fault.linePos![0];
  const reason = fault.message.split("\n")[0].replace(/ at line \d+, column \d+:?$/, "");
  throw new UserError(`${path}:${line}:${col}: is not YAML (${reason})`);
}

/** Most brackets open at once, those in strings and comments among them. */
function bracketsIn(text: string): number {
  let open = 0, most = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = Math.max(0, open + (bracket === "[" || bracket === "{" ? 1 : -1));
    most = Math.max(most, open);
  }
  return most;
}

/** Lists and keys that a line of YAML begins, one in the other: `- - ? - a`. */
function listsBegunIn(line: string): number {
  return /^[-? \t]*/.exec(line)![0].replace(/[^-?]/g, "").length;
}

/** The text with blanks for comments, and for commas that nothing follows: every other character stays at its place. */
async function withoutComments(text: string): Promise<string> {
  const { createScanner, TOKENS } = await loadJsonc();
  const scanner = createScanner(text, false), left = text.split("");
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (left[i] !== "\n") left[i] = " ";
  };
  let comma = -1, value = false;
  for (let kind = scanner.scan(); kind !== TOKENS.end; kind = scanner.scan()) {
    const at = scanner.getTokenOffset();
    if (TOKENS.comments.includes(kind)) {
      const end = at + scanner.getTokenLength();
      // One that is never closed is a mistake, and stays one: the file may have been cut short.
      if (/^\/\/|^\/\*[^]*\*\/$/.test(text.slice(at, end))) blank(at, end);
    } else if (!TOKENS.blanks.includes(kind)) {
      if (comma >= 0 && TOKENS.closing.includes(kind)) blank(comma, comma + 1);
      // A comma that follows no value is a mistake, and stays one.
      comma = kind === TOKENS.comma && value ? at : -1;
      value = kind !== TOKENS.comma && !TOKENS.opening.includes(kind);
    }
  }
  return left.join("");
}
