/** Parsers of the values of flags. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { isInside } from "../../datasets/index/inside.ts";

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

/** A flag's number above 0. */
export function toPositive(text: string): number {
  const value = toNumber(text);
  if (value <= 0) throw new InvalidArgumentError("It is not above 0.");
  return value;
}

/** A flag's whole number from 0 on. */
export function toWhole(text: string): number {
  const value = toNumber(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("It is not a whole number from 0 on.");
  return value;
}

/** The name of a folder inside another, such as a run's: it may not lead out of it. */
export function toName(text: string): string {
  if (!isInside(text)) {
    throw new InvalidArgumentError("It is not the name of a folder, or leads out of the runs' folder.");
  }
  return text;
}

/** All values of a flag that may be repeated. */
export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
