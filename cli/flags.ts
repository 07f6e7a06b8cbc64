/** What commands read from their flags. */
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** A flag's number. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It is not a number.");
  return value;
}

/** A flag's whole number from 1 on. */
export function toSize(text: string): number {
  const value = toNumber(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It is not a whole number from 1 on.");
  return value;
}

/** A flag's whole number from 1 on, or −1. */
export function toSizeOrAll(text: string): number {
  return Number(text) === -1 ? -1 : toSize(text);
}

/** All values of a flag that may be repeated. */
export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
