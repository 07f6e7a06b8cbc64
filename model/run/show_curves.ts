/** Curves of a run's metrics, or of any numbers by step, for notebooks. */
import { UserError } from "../../engine/base/user_error.ts";
import { MetricsLog, type MetricsRecord } from "./logs/metrics_log.ts";
import { drawCurves } from "./draw_curves.ts";
import type { Curve } from "./report/charts.ts";
import { escape } from "./report/parts.ts";

/** Options of {@link showCurves}. */
export interface ShowCurvesOptions {
  /** Names of the numbers to draw, a curve each; default all but `step` and `rate`, whose scale is another. */
  readonly keys?: readonly string[];
  /** Words above the chart; default the run's name, or none. */
  readonly title?: string;
  /** Draw the y axis logarithmically, without what is not above 0; default false. */
  readonly logarithmic?: boolean;
}

/**
 * Curves over steps. A cell of `deno jupyter` that ends with them shows the chart.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { showCurves, type ShownCurves } from "@itera/itera/models";
 *
 * const shown: ShownCurves = showCurves([{ step: 1, loss: 3 }, { step: 2, loss: 2 }]);
 * deepStrictEqual(shown.curves, [{ name: "loss", points: [[1, 3], [2, 2]] }]);
 * ```
 */
export class ShownCurves {
  /** Words above the chart, or none. */
  readonly title: string;
  /** The curves. */
  readonly curves: readonly Curve[];
  /** The chart as a picture of its own. */
  readonly svg: string;

  /** The parts, as {@link showCurves} gives them. */
  constructor(title: string, curves: readonly Curve[], svg: string) {
    this.title = title;
    this.curves = curves;
    this.svg = svg;
  }

  /** The chart by MIME type: each curve's ends as text, the picture alone and with its title. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    const lines = this.curves.map(({ name, points }) => {
      const [[x0, y0], [x1, y1]] = [points[0], points.at(-1)!];
      return `${name}: ${short(y0)} at step ${x0}, ${short(y1)} at step ${x1}`;
    });
    const caption = this.title ? `<figcaption>${escape(this.title)}</figcaption>` : "";
    return {
      "text/plain": [...this.title ? [this.title] : [], ...lines].join("\n"),
      "image/svg+xml": this.svg,
      "text/html": `<figure>${this.svg}${caption}</figure>`,
    };
  }
}

const short = (value: number): string => String(Number(value.toPrecision(4)));

/**
 * Draws curves of a run, named by its folder, or of records: numbers by name with the step that they belong to.
 *
 * ```ts
 * import { ok, strictEqual } from "node:assert/strict";
 * import { showCurves } from "@itera/itera/models";
 *
 * const shown = showCurves([{ step: 0, loss: 2 }, { step: 10, loss: 0.5 }], { title: "a small run" });
 * strictEqual(shown.curves[0].name, "loss");
 * ok(shown.svg.startsWith("<svg "));
 * ```
 *
 * @throws {UserError} where the run has no metrics, or none of these names.
 */
export function showCurves(run: string | readonly MetricsRecord[], options: ShowCurvesOptions = {}): ShownCurves {
  const records = typeof run === "string" ? readRun(run) : run;
  const names = new Set(records.flatMap((record) => Object.keys(record).filter((key) => isNumber(record[key]))));
  names.delete("step");
  const { keys = [...names].filter((key) => key !== "rate"), logarithmic = false } = options;
  const missing = keys.filter((key) => !names.has(key));
  if (missing.length > 0) {
    throw new UserError(`showCurves: nothing is called ${missing.join(", ")}; there is ${[...names].join(", ")}`);
  }
  if (keys.length === 0) throw new UserError("showCurves: there are no numbers to draw");
  const curves = keys.map((name): Curve => ({
    name,
    points: records.flatMap((record) => isNumber(record[name]) ? [[record.step, record[name]] as const] : []),
  }));
  const title = options.title ?? (typeof run === "string" ? run.split("/").findLast((part) => part !== "")! : "");
  return new ShownCurves(title, curves, drawCurves(curves, logarithmic));
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function readRun(folder: string): MetricsRecord[] {
  return MetricsLog.read(`${folder}/metrics.jsonl`, "there is no such file; name the folder of a run");
}
