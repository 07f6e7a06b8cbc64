/** Text from files, fit to be shown: on a terminal or in a picture, where control characters would act instead. */

/** Control characters but tab and line break, and those that turn the direction of writing. */
// deno-lint-ignore no-control-regex -- these are what it is about.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text with each control character written as its code: `\x1b`, `\u202e`. Tabs and line breaks stay, broken pairs of UTF-16 become U+FFFD. */
export function printable(text: string): string {
  return text.toWellFormed().replace(CONTROL, escaped);
}

/** The same on one line: tabs and line breaks are written as codes too. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\t\n\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}

/** Letters of a message, and of them at its end. Names from files may be of any length. */
const [LONGEST, END] = [1500, 300];

/** A message with its middle left out where it is longer than a person reads. */
export function shortened(message: string): string {
  if (message.length <= LONGEST) return message;
  return `${message.slice(0, LONGEST - END - 3)} … ${message.slice(-END)}`;
}
