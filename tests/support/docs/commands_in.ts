/** Commands of `itera` that a page of the documentation names. */

/** A command as a page has it. */
export interface NamedCommand {
  /** Line of the page it begins in, from 1. */
  readonly line: number;
  /** Its words behind `itera`, without comments. */
  readonly words: readonly string[];
  /** True where a line's end cuts it, outside of a block. */
  readonly cut: boolean;
}

/** `itera` in each of its forms, at the beginning of a command. */
const CALL = /^(?:[A-Z_]+=\S+ )*(?:\.\/itera|itera|deno task itera|deno run -A cli\/main\.ts)(?=\s|$)\s*/;

/** The commands of a page, in its order: those of blocks, and those of code in lines. */
export function commandsIn(markdown: string): NamedCommand[] {
  const found: NamedCommand[] = [];
  const lineAt = (at: number): number => markdown.slice(0, at).split("\n").length;
  const add = (text: string, at: number, cut: boolean): void => {
    const call = CALL.exec(text);
    if (call) found.push({ line: lineAt(at), words: splitWords(text.slice(call[0].length)), cut });
  };
  const prose = markdown.replace(/^(```+)(\w*)\n([\s\S]*?)^\1/gm, (block, _, language, body, at) => {
    if (language === "sh") {
      let from = at + block.indexOf(body);
      for (const command of body.split(/(?<!\\)\n/)) {
        add(command.replace(/\\\n\s*/g, ""), from, false);
        from += command.length + 1;
      }
    }
    return block.replace(/[^\n]/g, " ");
  });
  for (const { 1: text, index } of prose.matchAll(/(?<!`)`([^`]+)`(?!`)/g)) {
    add(text.replace(/\s*\n\s*/g, " "), index, text.includes("\n"));
  }
  return found;
}

/** Words as a shell makes them of a line, up to a comment. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    if (plain?.startsWith("#")) break;
    words.push(double ?? single ?? plain);
  }
  return words;
}
