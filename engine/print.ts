/** Tensors as text and as tables: a line for logs, nested brackets for their values, HTML for notebooks. */
import type { DType, TypedArray } from "./dtype.ts";
import { formatShape, type Shape } from "./shape.ts";

/** Elements shown at each end of an axis that is cut short. */
const ENDS = 3;

/** Elements up to which a tensor is shown whole. */
const WHOLE = 1000;

/** Significant digits of real numbers. */
const DIGITS = 6;

/** Whole numbers up to this are all in f32, and are shown in full. */
const EXACT = 2 ** 24;

/** Rows and columns a table shows. */
const TABLE = 20;

/** A tensor in one line: kind, shape, where it is. */
export function lineOf(
  { dtype, shape, place, disposed, requiresGrad }: {
    readonly dtype: DType;
    readonly shape: Shape;
    readonly place: string;
    readonly disposed: boolean;
    readonly requiresGrad: boolean;
  },
): string {
  const state = disposed ? ", disposed" : requiresGrad ? ", requiresGrad" : "";
  return `Tensor ${dtype} ${formatShape(shape)} on ${place}${state}`;
}

const withPoint = (text: string): string => /[.e]/.test(text) ? text : `${text}.`;

function number(value: number, dtype: DType): string {
  if (dtype === "i32" || dtype === "u32" || !Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return "-0.";
  if (Number.isInteger(value) && Math.abs(value) <= EXACT) return `${value}.`;
  const rounded = Number(value.toPrecision(DIGITS));
  // In full it would end in zeros that are not the value's.
  return Math.abs(rounded) >= 10 ** DIGITS ? rounded.toExponential() : withPoint(String(rounded));
}

/** Values as nested brackets, of many only those at the ends of each axis. */
export function valuesText(values: TypedArray, shape: Shape, dtype: DType): string {
  const cut = values.length > WHOLE;
  const texts = new Map<number, string>();
  let width = 0;
  const visit = (axis: number, first: number, length: number): void => {
    if (axis === shape.length) {
      const text = number(values[first], dtype);
      texts.set(first, text);
      width = Math.max(width, text.length);
      return;
    }
    const inner = length / Math.max(1, shape[axis]);
    for (const i of shown(shape[axis], cut)) if (i !== null) visit(axis + 1, first + i * inner, inner);
  };
  visit(0, 0, values.length);
  const text = (axis: number, first: number, length: number): string => {
    if (axis === shape.length) return texts.get(first)!.padStart(shape.length > 0 ? width : 0);
    const inner = length / Math.max(1, shape[axis]);
    const parts = shown(shape[axis], cut).map((i) => i === null ? "…" : text(axis + 1, first + i * inner, inner));
    const last = axis === shape.length - 1;
    return `[${parts.join(last ? " " : `${"\n".repeat(shape.length - 1 - axis)}${" ".repeat(axis + 1)}`)}]`;
  };
  return text(0, 0, values.length);
}

/** Indices of an axis that are shown; null where some are left out. */
function shown(extent: number, cut: boolean): (number | null)[] {
  const all = Array.from({ length: extent }, (_, i) => i);
  return cut && extent > 2 * ENDS + 1 ? [...all.slice(0, ENDS), null, ...all.slice(-ENDS)] : all;
}

/** Values as an HTML table: rows of the last axis; axes before the last two are flattened into rows. */
export function valuesTable(values: TypedArray, shape: Shape, dtype: DType, caption: string): string {
  const columns = shape.at(-1) ?? 1, rows = columns === 0 ? 0 : values.length / columns;
  const some = (count: number): (number | null)[] =>
    count <= TABLE ? Array.from({ length: count }, (_, i) => i) : [...Array(TABLE - 1).keys(), null];
  const body = some(rows).map((row) => {
    const cells = some(columns).map((column) =>
      `<td>${row === null || column === null ? "…" : number(values[row * columns + column], dtype)}</td>`
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  const escaped = caption.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<table><caption style="text-align:left;white-space:nowrap">${escaped}</caption><tbody>${
    body.join("")
  }</tbody></table>`;
}
