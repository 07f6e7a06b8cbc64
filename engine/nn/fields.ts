/** Checks of the fields that layers are made from. */
import { ArgumentError } from "../base/errors.ts";
import {
  described,
  expectFinite,
  expectFlag,
  expectFunction,
  expectOneOf,
  expectOptions,
  expectSize,
  type NamesOf,
} from "../base/given.ts";
import { ACTIVATIONS } from "../ops/lib/library.ts";

/** Fields that mean the same in every layer that has them. */
interface Common {
  readonly activation?: unknown;
  readonly init?: unknown;
  readonly biasInit?: unknown;
  readonly bias?: unknown;
  readonly learned?: unknown;
  readonly epsilon?: unknown;
}

/**
 * Checks a layer's fields: known names only, whole numbers of at least 1 under the names of `sizes`, known activations,
 * and what means the same in every layer that has it.
 *
 * @throws {ArgumentError} that names the layer and the field.
 */
export function checkFields<T extends object>(
  layer: string,
  fields: T,
  known: NamesOf<T>,
  sizes: readonly (keyof NamesOf<T> & string)[],
  activations: readonly string[] = Object.keys(ACTIVATIONS),
): void {
  expectOptions(layer, fields, known);
  const given = fields as Readonly<Record<string, unknown>>;
  for (const name of sizes) expectSize(layer, name, given[name]);
  const { activation, init, biasInit, bias, learned, epsilon } = fields as Common;
  if (activation !== undefined) expectOneOf(layer, "activation", activation, activations);
  if (init !== undefined) expectFunction(layer, "init", init);
  if (biasInit !== undefined) expectFunction(layer, "biasInit", biasInit);
  if (bias !== undefined) expectFlag(layer, "bias", bias);
  if (learned !== undefined) expectFlag(layer, "learned", learned);
  if (epsilon !== undefined) expectFinite(layer, "epsilon", epsilon, { least: 0 });
}

/** True for a pass in training: where its options say so, or where they do not and the module is in training. */
export function trainingOf(where: string, options: { readonly training?: boolean }, own: boolean): boolean {
  expectOptions(where, options, { training: true });
  const { training = own } = options;
  expectFlag(where, "training", training);
  return training;
}

const isWhole = (value: unknown, least: number): boolean => Number.isInteger(value) && (value as number) >= least;
const isPair = (value: unknown, least: number): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((one) => isWhole(one, least));

/** A value of a window's field in words, the numbers of a list among them. */
function listed(value: unknown): string {
  return Array.isArray(value)
    ? `[${value.map((one) => Array.isArray(one) ? listed(one) : String(one)).join(", ")}]`
    : described(value);
}

/** Throws {@link ArgumentError} unless steps of a window, where they are given, are a whole number or a pair [y, x]. */
export function expectSteps(layer: string, what: string, value: unknown): void {
  if (value === undefined || isWhole(value, 1) || isPair(value, 1)) return;
  throw new ArgumentError(`${layer}: ${what} is a whole number or [y, x], 1 or more, not ${listed(value)}`);
}

/** Throws {@link ArgumentError} unless padding, where it is given, is stated in one of the ways there are. */
export function expectPadding(layer: string, value: unknown): void {
  if (value === undefined || value === "same" || value === "valid" || isWhole(value, 0)) return;
  if (Array.isArray(value) && value.length === 2 && value.every((side) => isPair(side, 0))) return;
  throw new ArgumentError(
    `${layer}: padding is same, valid, a whole number or [[top, bottom], [left, right]], not ${listed(value)}`,
  );
}
