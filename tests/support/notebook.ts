/** Notebooks run as scripts: their cells of code in order, each last value shown as the kernel would show it. */
import { join } from "node:path";
import { withFolder } from "./folder.ts";

/** The MIME bundle of a value. */
export type Bundle = Readonly<Record<string, string>>;

/** A script of the cells; `show` gets what each ends with, where that is an expression of one line. */
export function scriptOf(notebook: string): string {
  const { cells } = JSON.parse(notebook) as { cells: { cell_type: string; source: string[] }[] };
  return cells.filter((cell) => cell.cell_type === "code").map(({ source }) => {
    const lines = source.join("").split("\n"), last = lines.pop()!;
    const expression = /^(?!(?:const|let|import|function|class)\b)(\w.*?);?$/.exec(last)?.[1];
    return [...lines, expression ? `await show(${expression});` : last].join("\n");
  }).join("\n\n");
}

/** Runs a notebook, whose imports begin at `folder`; returns the bundles of what its cells end with. */
export async function runNotebook(path: string, folder: string): Promise<Bundle[]> {
  const shown: Bundle[] = [];
  const show = async (value: unknown): Promise<void> => {
    if (value === undefined) return;
    const display = (value as Record<symbol, () => Bundle | Promise<Bundle>>)[Symbol.for("Jupyter.display")];
    shown.push(display ? await display.call(value) : { "text/plain": JSON.stringify(value) });
  };
  const script = scriptOf(await Deno.readTextFile(path)).replace(
    /from "(\.[^"]+)"/g,
    (_, to) => `from ${JSON.stringify(new URL(to, `file://${folder}/`).href)}`,
  );
  Object.assign(globalThis, { show });
  try {
    await withFolder(async (own) => {
      const file = join(own, "cells.ts");
      await Deno.writeTextFile(file, script);
      await import(`file://${file}`);
    });
  } finally {
    delete (globalThis as { show?: unknown }).show;
  }
  return shown;
}
