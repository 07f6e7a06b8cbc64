/** Flags of a task, or its usage instead of a stack trace. */
import { parseArgs, type ParseArgsConfig } from "node:util";

/** `parseArgs`, but what it refuses ends with one line and the usage, status 2; `--help` with the usage alone. */
export function parsed<T extends ParseArgsConfig>(config: T, usage: string): ReturnType<typeof parseArgs<T>> {
  const end = (text: string, status: number): never => {
    Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
    Deno.exit(status);
  };
  try {
    const found = parseArgs(config);
    return (found.values as { help?: boolean }).help ? end(usage, 0) : found;
  } catch (error) {
    return end(`${error instanceof Error ? error.message.split(". ")[0] : error}\n${usage}`, 2);
  }
}
