/** Lines that a script prints, as its reader sees them. */
// deno-lint-ignore-file no-console
import { inspect } from "node:util";

/** Runs `body`; returns the lines that it gave to `console.log`, which then prints nothing. */
export async function linesOf(body: () => unknown): Promise<string[]> {
  const lines: string[] = [], { log } = console;
  console.log = (...parts: unknown[]): void => {
    const text = parts.map((part) => typeof part === "string" ? part : inspect(part)).join(" ");
    lines.push(...text.split("\n"));
  };
  try {
    await body();
  } finally {
    console.log = log;
  }
  return lines;
}
