/**
 * Checks of what callers give, for those who call without types: an option that is misspelt, a promise for a tensor or a
 * number in a string is refused where it is given, in one sentence.
 */
import { ArgumentError } from "./errors.ts";

/** Keys of a type, those of each member of a union. */
type KeysOf<T> = T extends unknown ? keyof T & string : never;

/** Every name that an options object may have. */
export type NamesOf<T> = Readonly<Record<KeysOf<T>, true>>;

function isPromise(value: object): boolean {
  return typeof (value as PromiseLike<unknown>).then === "function";
}

/** A value in words, for errors. */
export function described(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === "string") return `the string "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return `${typeof value} ${value}`;
  }
  if (typeof value === "function") return "a function";
  if (isPromise(value)) return "a promise: await it";
  if (Array.isArray(value)) return "an array";
  const { name } = value.constructor ?? {};
  return name && name !== "Object" ? `a ${name}` : "an object";
}

/** True for an object without a class, of this realm or of another. */
export function isPlain(value: unknown): value is object {
  if (value === null || typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Throws {@link ArgumentError} unless `options` is an object with known names only. */
export function expectOptions<T extends object>(where: string, options: T, known: NamesOf<T>): void {
  const plain = options !== null && typeof options === "object" && !Array.isArray(options) && !isPromise(options);
  if (!plain) {
    throw new ArgumentError(`${where}: options are an object, not ${described(options)}`);
  }
  for (const name in options) {
    if (Object.hasOwn(known, name)) continue;
    throw new ArgumentError(`${where}: there is no option "${name}"; it takes ${Object.keys(known).join(", ")}`);
  }
}

/** Throws {@link ArgumentError} unless `value` is one of some names. */
export function expectOneOf(where: string, what: string, value: unknown, names: readonly string[]): void {
  if (typeof value === "string" && names.includes(value)) return;
  throw new ArgumentError(`${where}: ${what} is ${described(value)}; it is one of ${names.join(", ")}`);
}

/** Throws {@link ArgumentError} unless `value` is a number. */
export function expectNumber(where: string, what: string, value: unknown): void {
  if (typeof value !== "number") throw new ArgumentError(`${where}: ${what} is a number, not ${described(value)}`);
}

/** Bounds of a number, each where it is given. */
export interface Range {
  /** It is this or more. */
  readonly least?: number;
  /** It is this or less. */
  readonly most?: number;
  /** It is more than this. */
  readonly above?: number;
  /** It is less than this. */
  readonly below?: number;
}

/** Throws {@link ArgumentError} unless `value` is a finite number within a range. */
export function expectFinite(where: string, what: string, value: unknown, range: Range = {}): void {
  const { least = -Infinity, most = Infinity, above = -Infinity, below = Infinity } = range;
  if (Number.isFinite(value)) {
    const number = value as number;
    if (number >= least && number <= most && number > above && number < below) return;
  }
  const words: Readonly<Record<keyof Range, string>> = {
    least: `${least} or more`,
    above: `more than ${above}`,
    most: `${most} or less`,
    below: `less than ${below}`,
  };
  const bounds = (["least", "above", "most", "below"] as const).flatMap((name) => name in range ? [words[name]] : []);
  const list = bounds.length > 0 ? `, ${bounds.join(" and ")}` : "";
  throw new ArgumentError(`${where}: ${what} is a finite number${list}, not ${described(value)}`);
}

/** Throws {@link ArgumentError} unless `value` is true or false. */
export function expectFlag(where: string, what: string, value: unknown): void {
  if (typeof value !== "boolean") {
    throw new ArgumentError(`${where}: ${what} is true or false, not ${described(value)}`);
  }
}

/** Throws {@link ArgumentError} unless `value` is a whole number of at least `least`. */
export function expectSize(where: string, what: string, value: unknown, least = 1): void {
  if (Number.isInteger(value) && (value as number) >= least) return;
  throw new ArgumentError(`${where}: ${what} is a whole number, ${least} or more, not ${described(value)}`);
}

/** Throws {@link ArgumentError} unless `value` is a list of numbers. */
export function expectNumbers(where: string, what: string, value: unknown): void {
  if (Array.isArray(value) && value.every((one) => typeof one === "number")) return;
  const found = Array.isArray(value) ? described(value.find((one) => typeof one !== "number")) : described(value);
  throw new ArgumentError(
    `${where}: ${what} is a list of numbers, not ${Array.isArray(value) ? "one with " : ""}${found}`,
  );
}

/** Throws {@link ArgumentError} unless `value` is a function. */
export function expectFunction(where: string, what: string, value: unknown): void {
  if (typeof value !== "function") throw new ArgumentError(`${where}: ${what} is a function, not ${described(value)}`);
}
