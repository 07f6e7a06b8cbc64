/** Settings under the names and values that earlier versions had for them. */
import { type Json, lookup, merge, nest } from "./layers.ts";

/** A renamed setting, its values included. */
export interface Renamed {
  /** Dotted path of before. Renames are made in order: a path below a renamed one begins with the new name. */
  readonly old: string;
  /** Dotted path of today; may be the same where values alone were renamed. */
  readonly now: string;
  /** Values of before, printed, and those of today. */
  readonly values?: Readonly<Record<string, Json>>;
}

/** Settings with today's names and values. A setting given by both names keeps the new one. */
export function renamed(settings: Json, renames: readonly Renamed[]): Json {
  return renames.reduce<Json>((all, { old, now, values = {} }) => {
    const [from, to] = [old.split("."), now.split(".")], before = lookup(all, from), own = lookup(all, to);
    const moved = from.join() === to.join() || before === undefined
      ? all
      : merge(without(all, from), nest(to, own === undefined ? before : merge(before, own)));
    const value = lookup(moved, to);
    const today = value === undefined || typeof value === "object" ? undefined : values[String(value)];
    return today === undefined ? moved : merge(moved, nest(to, today));
  }, settings);
}

/** Settings without the one at a path that they have. */
function without(settings: Json, [key, ...rest]: readonly string[]): Json {
  const { [key]: inner, ...others } = settings as Readonly<Record<string, Json>>;
  return rest.length === 0 ? others : { ...others, [key]: without(inner, rest) };
}
