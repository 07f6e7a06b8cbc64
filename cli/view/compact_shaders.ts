/** Shaders in a page's script, minified as the script is. */

/** A shader's text in what Deno's bundler makes, under a comment that names its file; its line breaks are written as `\n`. */
const SHADER = /^(\/\/ \S+\.wgsl\n(?:var|const|let) \w+ = ")((?:[^"\\]|\\.)*)";$/gm;

/** Operators between blanks and what is no other operator: `array<f32> = x` stays, and `a - -b`. */
const BETWEEN = /(?<=[\w)\]]) ?([=!<>]=|&&|\|\||<<|>>|[-+*]=?|->|[=<>%/&|^]) ?(?=[\w(])/g;

/** A bundled script whose shaders have no comments, few blanks and the short names of vectors. WGSL has no strings that could hold such. */
export function compactShaders(script: string): string {
  return script.replace(SHADER, (_, before: string, text: string) => {
    const lines = text.replace(/\/\*[^]*?\*\//g, " ").split("\\n");
    const code = lines.map((line) => line.replace(/\/\/.*$/, "").trim()).filter((line) => line !== "");
    // No two of these make another word of WGSL with what stands beside them.
    const close = code.join(" ").replace(/ ?([{}(),;]) ?/g, "$1").replace(
      /(: |\b(?:if|for|while|switch|return) (?=\())/g,
      (found) => found.trimEnd(),
    );
    const short = close.replace(/\bvec([234])<([fiu])32>/g, "vec$1$2");
    return `${before}${short.replace(BETWEEN, "$1")}";`;
  });
}
