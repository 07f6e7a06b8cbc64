/** A model's parameters by the authors' variables. */
import type { NamedParameter } from "../../../engine/mod.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { partsOf, type Place, placeOf } from "./names.ts";

/** Numbers that are read in one turn: what is asked for together waits together, 10 ms and more, and more would not fit. */
const TOGETHER = 2 ** 24;

/** Parts of a list that are read in one turn each. `size` counts an item's numbers. */
export function* turns<T>(items: Iterable<T>, size: (item: T) => number): Generator<readonly T[]> {
  let turn: T[] = [], numbers = 0;
  for (const item of items) {
    if (turn.length > 0 && numbers + size(item) > TOGETHER) {
      yield turn;
      [turn, numbers] = [[], 0];
    }
    turn.push(item);
    numbers += size(item);
  }
  if (turn.length > 0) yield turn;
}

/** A model's parameters by name, and by the authors' variables. */
export class Parameters {
  /** By our names. */
  readonly all: ReadonlyMap<string, NamedParameter>;
  readonly #names: ReadonlySet<string>;

  /** The parameters of a model. */
  constructor(model: RegionModel) {
    this.all = new Map([...model.parameters()].map((p) => [p.name, p]));
    this.#names = new Set(this.all.keys());
  }

  /** The parameters that hold a variable: several for a wide weight. */
  holding(place: Place): NamedParameter[] {
    return partsOf(place, this.#names).map((name) => this.all.get(name)!);
  }

  /** Numbers of a variable's parameters, as `read` gives them, in the variable's order. */
  async numbers(variable: string, read: (p: NamedParameter) => Promise<Float32Array>): Promise<Float32Array> {
    const place = placeOf(variable);
    const parts = await Promise.all(this.holding(place).map(read));
    if (parts.length === 1 && place.channel === undefined) return parts[0];
    const whole = new Float32Array(parts.reduce((n, { length }) => n + length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return place.channel === undefined ? whole : whole.filter((_, i) => i % 2 === place.channel);
  }

  /** {@link numbers} of several variables, of the shapes the authors gave them. */
  async *each<T extends { readonly shape: readonly number[] }>(
    variables: Iterable<readonly [string, T]>,
    read: (p: NamedParameter) => Promise<Float32Array>,
  ): AsyncGenerator<readonly [string, Float32Array, T]> {
    for (const turn of turns(variables, ([, { shape }]) => shape.reduce((a, b) => a * b, 1))) {
      const values = await Promise.all(turn.map(([name]) => this.numbers(name, read)));
      for (const [i, [name, described]] of turn.entries()) yield [name, values[i], described];
    }
  }
}
