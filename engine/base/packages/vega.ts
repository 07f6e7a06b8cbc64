/** Vega and Vega-Lite: charts from descriptions, as SVG. Large, so they are loaded with the first report and not before. */

/** Takes what the compiler would write to the terminal: it corrects sizes by itself, and says so. */
const SILENT = {
  level: () => SILENT,
  error: (...said: readonly unknown[]): never => {
    throw new Error(`a chart cannot be drawn: ${said.join(" ")}`);
  },
  warn: () => SILENT,
  info: () => SILENT,
  debug: () => SILENT,
};

/** A chart as text of SVG, from a description in Vega-Lite's terms. */
export async function vegaSvg(specification: Readonly<Record<string, unknown>>): Promise<string> {
  const [{ parse, View }, { compile }] = await Promise.all([import("npm:vega@6.4.0"), import("npm:vega-lite@6.5.0")]);
  const { spec } = compile(specification as unknown as Parameters<typeof compile>[0], { logger: SILENT });
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
