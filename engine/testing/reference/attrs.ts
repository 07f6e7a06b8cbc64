/** Reads attributes, which reach the references untyped, and fails on the wrong kind. */

/** Attributes of an op as the registry gives them. */
export type Attrs = Readonly<Record<string, unknown>>;

/** A number. */
export function number(attrs: Attrs, key: string): number {
  const value = attrs[key];
  if (typeof value !== "number") throw new Error(`reference: attribute ${key} must be a number, found ${value}`);
  return value;
}

/** A list of numbers. */
export function numbers(attrs: Attrs, key: string): number[] {
  const value = attrs[key];
  if (!Array.isArray(value) || !value.every((v) => typeof v === "number")) {
    throw new Error(`reference: attribute ${key} must be a list of numbers, found ${value}`);
  }
  return value;
}

/** A list of [before, after] pairs. */
export function pairs(attrs: Attrs, key: string): [number, number][] {
  const value = attrs[key];
  if (!Array.isArray(value)) throw new Error(`reference: attribute ${key} must be a list of pairs`);
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new Error(`reference: attribute ${key} must be a list of pairs`);
    }
    return [Number(pair[0]), Number(pair[1])];
  });
}

/** True or false. */
export function flag(attrs: Attrs, key: string): boolean {
  const value = attrs[key];
  if (typeof value !== "boolean") throw new Error(`reference: attribute ${key} must be a boolean, found ${value}`);
  return value;
}

/** A text. */
export function text(attrs: Attrs, key: string): string {
  const value = attrs[key];
  if (typeof value !== "string") throw new Error(`reference: attribute ${key} must be a text, found ${value}`);
  return value;
}

/** One of the given words. */
export function word<W extends string>(attrs: Attrs, key: string, words: readonly W[]): W {
  const value = words.find((w) => w === attrs[key]);
  if (value === undefined) throw new Error(`reference: attribute ${key} must be one of ${words}, found ${attrs[key]}`);
  return value;
}

/** Axis counted from the front; negative axes count from the end. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
