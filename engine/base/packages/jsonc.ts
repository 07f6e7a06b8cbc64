/** jsonc-parser: the scanner that tells comments in JSON from its text. Loaded with the first file of settings. */

const load = () => import("npm:jsonc-parser@3.3.1");

type Library = Awaited<ReturnType<typeof load>>;

/** Kinds of tokens by their numbers, which the package has in its types alone. */
const TOKENS = {
  opening: [1, 3],
  closing: [2, 4],
  comma: 5,
  comments: [12, 13],
  blanks: [14, 15],
  end: 17,
} as const satisfies Record<
  string,
  number | readonly number[]
>;

/** The scanner, and the kinds of its tokens. */
export interface JsoncLibrary extends Pick<Library, "createScanner"> {
  /** Opening and closing brackets, comma, comments, blanks with line breaks, and the end. */
  readonly TOKENS: Readonly<
    Record<"opening" | "closing" | "comments" | "blanks", readonly number[]> & Record<"comma" | "end", number>
  >;
}

/** Loads the library once. */
export async function loadJsonc(): Promise<JsoncLibrary> {
  return { createScanner: (await load()).createScanner, TOKENS };
}
