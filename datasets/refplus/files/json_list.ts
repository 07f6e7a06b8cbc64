/**
 * Reads a long list out of a JSON file, one element at a time. The published files of expressions hold gigabytes, more than
 * one string can: only the current element is kept.
 */
import { UserError } from "../../../engine/base/user_error.ts";
import { jsonElements } from "../../formats/json_arrays.ts";

/** An element with its place in the list. */
export interface Element {
  readonly index: number;
  readonly value: unknown;
}

/**
 * The elements of the list under `key` of the object that `file` holds.
 *
 * @throws {UserError} when there is no such file, it is not whole JSON, or it has no such list.
 */
export async function* readList(file: string, key: string): AsyncGenerator<Element> {
  let found = false;
  const onList = (list: string | null): void => void (found ||= list === key);
  for await (const { key: list, index, value } of jsonElements(file, { onList })) {
    if (list === key) yield { index, value };
  }
  if (!found) throw new UserError(`${file}: ${key}: there is no such list`);
}
