/** The words that can stand at each place of the command line, for scripts of shells. */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** Values that a flag or an argument takes: some of a list, files, or what no shell can guess. */
export type Values = readonly string[] | "files" | "unknown";

/** A flag of a command. */
export interface Flag {
  /** With its dashes, such as `--name`. */
  readonly name: string;
  /** Short form with its dash, where there is one. */
  readonly short?: string;
  readonly description: string;
  /** Its value; absent where it takes none. */
  readonly values?: Values;
  /** True where more values may follow. */
  readonly many: boolean;
}

/** A command, or a group of them. */
export interface Place {
  /** Words before it and its own, each behind a blank; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  /** Words that may follow. */
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly Flag[];
  /** Values of its arguments; absent where it takes none. */
  readonly values?: Values;
}

const offered = new WeakMap<Argument, () => readonly string[]>();

/** Offers words for an argument that takes others too. */
export function offer(argument: Argument, words: () => readonly string[]): void {
  offered.set(argument, words);
}

/** Names of values that are files or folders. */
const FILES = /^(file|folder|checkpoint|run|member|image|words|path)s?$/;

/** Every place of a program, itself first. */
export function placesOf(command: CommandUnknownOpts, path = ""): Place[] {
  const { commands, registeredArguments: [argument] } = command;
  return [{
    path,
    description: oneLine(command.description()),
    commands: commands.map((inner) => ({ name: inner.name(), description: oneLine(inner.description()) })),
    flags: [...command.createHelp().visibleOptions(command)].map(flagOf),
    ...argument === undefined
      ? {}
      : { values: offered.get(argument)?.() ?? valuesOf(argument.name(), argument.argChoices) },
  }, ...commands.flatMap((inner) => placesOf(inner, `${path} ${inner.name()}`))];
}

function flagOf({ long, short, description, required, optional, argChoices, variadic, flags }: Option): Flag {
  const [, value] = /[<[]([^>\].]+)/.exec(flags) ?? [];
  return {
    name: long ?? short!,
    ...long && short ? { short } : {},
    description: oneLine(description),
    ...required || optional ? { values: valuesOf(value ?? "", argChoices) } : {},
    many: variadic,
  };
}

function valuesOf(name: string, choices: readonly string[] | undefined): Values {
  if (choices) return choices;
  return FILES.test(name) ? "files" : "unknown";
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
