/** A model's scores for the regions of one picture, as a table and maps. */
import { printable } from "../../../engine/base/printable.ts";

/** A class and its probability. */
export interface ScoredClass {
  readonly label: string;
  readonly share: number;
  readonly right: boolean;
}

/** Scores of one region. */
export interface ExplainedRegion {
  readonly truth: string;
  /** Aligned with the columns. */
  readonly scores: readonly ScoredClass[];
  /** Attention to each column but the last, summing to 1; null without attention. */
  readonly attention: readonly number[] | null;
  /** Strongest senders of messages to it: names and shares. */
  readonly senders: readonly string[];
}

/** A map of non-negative numbers. */
export interface HeatMap {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly values: ArrayLike<number>;
}

/** A model's scores for the regions of one picture. */
export interface Explained {
  /** Names of the predictions, the answer last. */
  readonly columns: readonly string[];
  readonly regions: readonly ExplainedRegion[];
  readonly maps: readonly HeatMap[];
}

/** Text safe inside HTML and SVG; control characters, which a page may not have and names from files do, as their codes. */
export function escape(value: string): string {
  return printable(value).replace(
    /[&<>"]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c,
  );
}

/** A table of scores with a column per prediction, and the memory's maps under it. */
export function renderExplained({ columns, regions, maps }: Explained): string {
  const anySenders = regions.some(({ senders }) => senders.length > 0);
  const head = `<tr><th>truth</th>${columns.map((name) => `<th>${escape(name)}</th>`).join("")}${
    anySenders ? "<th>strongest messages from</th>" : ""
  }</tr>`;
  const rows = regions.map(({ truth, scores, attention, senders }) => {
    const cells = scores.map(({ label, share, right }, i) => {
      const weight = attention?.[i];
      const bar = weight === undefined
        ? ""
        : `<div class="w" title="attention ${weight.toFixed(2)}" style="width:${(100 * weight).toFixed(0)}%"></div>`;
      return `<td class="${right ? "right" : "wrong"}">${escape(label)} ${share.toFixed(2)}${bar}</td>`;
    });
    return `<tr><td>${escape(truth)}</td>${cells.join("")}${
      anySenders ? `<td>${escape(senders.join(", "))}</td>` : ""
    }</tr>`;
  });
  const table = `<table class="x"><thead>${head}</thead><tbody>${rows.join("\n")}</tbody></table>`;
  return `${table}${maps.length > 0 ? `<p>${maps.map((map) => renderHeatMap(map, largest(maps))).join("")}</p>` : ""}`;
}

function largest(maps: readonly HeatMap[]): number {
  return maps.reduce((max, { values }) => Array.from(values).reduce((a, b) => Math.max(a, b), max), 0) || 1;
}

/** Cells from white to blue, all maps of a picture on one scale. */
function renderHeatMap({ title, width, height, values }: HeatMap, max: number): string {
  const scale = 200 / width;
  const cells = Array.from(values, (v, i) => {
    const part = Math.sqrt(Math.min(1, v / max));
    const [r, g, b] = [255 - 233 * part, 255 - 152 * part, 255 - 72 * part].map(Math.round);
    return `<rect x="${i % width}" y="${
      Math.floor(i / width)
    }" width="1.02" height="1.02" fill="rgb(${r},${g},${b})"/>`;
  });
  return `<figure><svg viewBox="0 0 ${width} ${height}" width="200" height="${Math.round(height * scale)}">${
    cells.join("")
  }</svg><figcaption>${escape(title)}</figcaption></figure>`;
}
