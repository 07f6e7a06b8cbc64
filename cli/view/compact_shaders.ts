/** Shaders in a page's script, minified as the script is. */

/** A shader's text in what Deno's bundler makes, under a comment that names its file; its line breaks are written as `\n`. */
const SHADER = /^(\/\/ \S+\.wgsl\n(?:var|const|let) \w+ = ")((?:[^"\\]|\\.)*)";$/gm;

/** A bundled script whose shaders have no comments and few blanks. WGSL has no strings that could hold such. */
export function compactShaders(script: string): string {
  return script.replace(SHADER, (_, before: string, text: string) => {
    const lines = text.replace(/\/\*[^]*?\*\//g, " ").split("\\n");
    const code = lines.map((line) => line.replace(/\/\/.*$/, "").trim()).filter((line) => line !== "");
    // No two of these make another word of WGSL with what stands beside them.
    return `${before}${code.join("\\n").replace(/ ?([{}(),;]) ?/g, "$1")}";`;
  });
}
