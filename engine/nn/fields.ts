/** Checks of the fields that layers are made from. */
import { expectFlag, expectFunction, expectOneOf, expectOptions, expectSize, type NamesOf } from "../base/given.ts";
import { ACTIVATIONS } from "../ops/lib/library.ts";

/** Fields that mean the same in every layer that has them. */
interface Common {
  readonly activation?: unknown;
  readonly init?: unknown;
  readonly biasInit?: unknown;
  readonly bias?: unknown;
}

/**
 * Checks a layer's fields: known names only, whole numbers of at least 1 under the names of `sizes`, known activations.
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
  const { activation, init, biasInit, bias } = fields as Common;
  if (activation !== undefined) expectOneOf(layer, "activation", activation, activations);
  if (init !== undefined) expectFunction(layer, "init", init);
  if (biasInit !== undefined) expectFunction(layer, "biasInit", biasInit);
  if (bias !== undefined) expectFlag(layer, "bias", bias);
}
