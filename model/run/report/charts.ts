/** Charts of reports as SVG, drawn by Vega-Lite in the page's own colours: they follow its light or dark. */
import { printable } from "../../../engine/base/printable.ts";
import { thin } from "./thin.ts";
import { vegaSvg } from "../../../engine/base/packages/vega.ts";

/** A line of a chart: y over x, in order of x. */
export interface Curve {
  /** Words beside it. */
  readonly name: string;
  /** Steps and values. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Curves over training steps. */
export interface CurveChart {
  readonly kind: "curves";
  readonly title: string;
  /** A sentence under the title. */
  readonly note?: string;
  readonly curves: readonly Curve[];
  /** Draw the y axis logarithmically. */
  readonly logarithmic?: boolean;
  /** A value holds until the next: draw steps. */
  readonly steps?: boolean;
}

/** Values of several names, side by side in groups. */
export interface BarChart {
  readonly kind: "bars";
  readonly title: string;
  /** A sentence under the title. */
  readonly note?: string;
  /** Groups along the axis. */
  readonly groups: readonly string[];
  /** Bars of each group, with half the height of a whisker where it is not 0. */
  readonly series: readonly {
    readonly name: string;
    readonly values: readonly number[];
    readonly spreads?: readonly number[];
  }[];
}

/** One horizontal bar an item, in the order given. */
export interface RankChart {
  readonly kind: "ranking";
  readonly title: string;
  /** A sentence under the title. */
  readonly note?: string;
  readonly items: readonly { readonly name: string; readonly value: number; readonly note?: string }[];
  /** Ends of the axis; by default those of the values. */
  readonly domain?: readonly [number, number];
}

/** A chart. */
export type Chart = CurveChart | BarChart | RankChart;

/** Colours of the page for series, as its style sheet sets them. */
export const SERIES = [
  "var(--c1)",
  "var(--c2)",
  "var(--c3)",
  "var(--c4)",
  "var(--c5)",
  "var(--c6)",
  "var(--c7)",
  "var(--c8)",
];

const AXIS = {
  labelColor: "currentColor",
  titleColor: "currentColor",
  titleFontWeight: "normal",
  gridColor: "var(--grid)",
  domainColor: "var(--grid)",
  tickColor: "var(--grid)",
} as const;

/** The chart, `width` pixels wide; null where there is nothing to draw. */
export async function chartSvg(chart: Chart, width: number): Promise<string | null> {
  const body = chart.kind === "curves"
    ? curves(chart, width)
    : chart.kind === "bars"
    ? bars(chart, width)
    : ranking(chart);
  if (body === null) return null;
  const svg = await vegaSvg({
    width,
    autosize: { type: "fit-x", contains: "padding" },
    padding: 2,
    background: "transparent",
    ...body,
    config: {
      font: "system-ui, sans-serif",
      view: { stroke: null },
      axis: AXIS,
      legend: {
        labelColor: "currentColor",
        titleColor: "currentColor",
        orient: "top",
        title: null,
        columns: width < 500 ? 1 : 4,
        labelLimit: 220,
      },
    },
  });
  // Names of classes are from files.
  return printable(svg).replace(
    "<svg ",
    `<svg role="img" aria-label="${printable(chart.title).replace(/[&<>"]/g, " ")}" `,
  );
}

type Body = Readonly<Record<string, unknown>> | null;

function curves({ curves, logarithmic = false, steps = false }: CurveChart, width: number): Body {
  const values = curves.flatMap(({ name, points }) => {
    const drawn = points.filter(([, y]) => Number.isFinite(y) && (!logarithmic || y > 0));
    return (steps ? drawn : thin(drawn)).map(([x, y]) => ({ name, x, y }));
  });
  if (values.length === 0) return null;
  const order = curves.map(({ name }) => name);
  // The scale of one value alone has ticks of any number of digits.
  const ticks = (key: "x" | "y", count: number): Readonly<Record<string, unknown>> =>
    values.every((one) => one[key] === values[0][key])
      ? { values: [values[0][key]], format: "~r" }
      : { tickCount: count };
  return {
    height: width < 500 ? 200 : 260,
    data: { values },
    // One point alone is no line.
    mark: {
      type: "line",
      strokeWidth: 1.8,
      interpolate: steps ? "step-after" : "linear",
      point: values.length <= curves.length && { size: 30 },
    },
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        title: "step",
        axis: { grid: false, tickMinStep: 1, ...ticks("x", width < 500 ? 4 : 8) },
        scale: { nice: false },
      },
      y: {
        field: "y",
        type: "quantitative",
        title: null,
        axis: ticks("y", 6),
        scale: logarithmic ? { type: "log" } : { zero: false, nice: true },
      },
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: order, range: SERIES },
        ...curves.length === 1 ? { legend: null } : {},
      },
    },
  };
}

function bars({ groups, series }: BarChart, width: number): Body {
  const values = series.flatMap(({ name, values, spreads }) =>
    values.map((value, i) => ({
      name,
      group: groups[i],
      value,
      low: value - (spreads?.[i] ?? 0),
      high: value + (spreads?.[i] ?? 0),
    }))
  ).filter(({ value }) => Number.isFinite(value));
  if (values.length === 0) return null;
  const order = series.map(({ name }) => name), narrow = width < 500;
  const place = {
    [narrow ? "y" : "x"]: {
      field: "group",
      type: "nominal",
      sort: [...groups],
      title: null,
      axis: { labelAngle: 0, labelLimit: 130 },
      scale: { paddingInner: 0.2 },
    },
    [narrow ? "yOffset" : "xOffset"]: { field: "name", type: "nominal", sort: order },
    color: { field: "name", type: "nominal", scale: { domain: order, range: SERIES } },
  };
  const length = narrow ? "x" : "y", whiskers = values.some(({ low, high }) => high > low);
  return {
    ...narrow ? { height: { step: 12, for: "offset" } } : { height: 260 },
    data: { values },
    layer: [
      {
        mark: { type: "bar" },
        encoding: { ...place, [length]: { field: "value", type: "quantitative", title: null, axis: { tickCount: 5 } } },
      },
      ...whiskers
        ? [{
          mark: { type: "rule", color: "currentColor" },
          encoding: {
            ...place,
            color: { value: "currentColor" },
            [length]: { field: "low", type: "quantitative" },
            [`${length}2`]: { field: "high" },
          },
        }]
        : [],
    ],
  };
}

function ranking({ items, domain }: RankChart): Body {
  const values = items.map(({ name, value, note = "" }, i) => ({
    place: i,
    name,
    value,
    text: `${value.toFixed(3)} ${note}`.trim(),
    edge: Math.max(value, 0),
  })).filter(({ value }) => Number.isFinite(value));
  if (values.length === 0) return null;
  const y = {
    field: "place",
    type: "ordinal",
    title: null,
    axis: {
      labelExpr: `${JSON.stringify(items.map(({ name }) => name))}[datum.value]`,
      labelLimit: 130,
      ticks: false,
      domain: false,
    },
  };
  const x = {
    type: "quantitative",
    title: null,
    axis: { orient: "top", tickCount: 5 },
    ...domain ? { scale: { domain: [...domain] } } : {},
  };
  return {
    height: { step: 17 },
    data: { values },
    layer: [
      { mark: { type: "bar", color: SERIES[0] }, encoding: { y, x: { field: "value", ...x } } },
      {
        mark: { type: "text", align: "left", dx: 4, color: "currentColor", fontSize: 10 },
        encoding: { y, x: { field: "edge", ...x }, text: { field: "text" } },
      },
    ],
  };
}
