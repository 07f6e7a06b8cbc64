/** One input: written, read twice, and what came of it. */
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../../engine/base/user_error.ts";
import { peakMemory, resetPeak } from "./memory.ts";
import { type Files, type FuzzReader, type Limits, memoryFor, type Outcome, sizeOf } from "./reader.ts";

/** An input's end, and words on it where it is a fault. */
export interface Judged {
  readonly outcome: Outcome;
  readonly detail: string;
}

/** Words of the language and its libraries that no message of the project has: an error of theirs, dressed up. */
const RAW =
  /Cannot (read|set|convert|destructure|mix)|is not a function|is not iterable|not a constructor|call stack|Invalid (typed )?array|Invalid string length|Array buffer allocation|offset is outside|start offset|(?<!received )\bundefined\b|\[object |\bat file:/;

/** Longest message: one line that a person reads. */
const LONGEST = 2000;

type Result = { readonly value: unknown } | { readonly error: unknown };

async function attempt({ read }: FuzzReader, folder: string): Promise<Result> {
  try {
    return { value: await read(folder) };
  } catch (error) {
    return { error };
  }
}

/** Writes the files of an input into an empty folder. Names that no file can have are the mutator's fault. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    if (name.includes("/")) await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
    await Deno.writeFile(join(folder, name), bytes);
  }
}

/** Judges an input in `folder`, which is emptied first and last. `original` is what is read of the sample. */
export async function judge(
  reader: FuzzReader,
  files: Files,
  folder: string,
  original: unknown,
  limits: Limits,
): Promise<Judged> {
  const once = async (): Promise<Result> => {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await writeFiles(folder, files);
    return await attempt(reader, folder);
  };
  const before = resetPeak();
  const first = await once();
  const taken = peakMemory() - before;
  const size = sizeOf(files, reader);
  if (taken > memoryFor(size, limits)) {
    return { outcome: "memory", detail: `${Math.round(taken / 2 ** 20)} MiB for ${size} bytes` };
  }
  if ("error" in first) return await judgeError(reader, files, folder, first.error, once);
  const second = await once();
  const equal = "value" in second && isDeepStrictEqual(second.value, first.value);
  if (!equal) return { outcome: "unequal twice", detail: "error" in second ? String(second.error) : "other values" };
  const same = isDeepStrictEqual(first.value, original);
  if (reader.onlyOriginal && !same) return { outcome: "wrong", detail: "read otherwise than what the checksum covers" };
  const complaint = reader.check?.(first.value, files) ?? null;
  if (complaint !== null) return { outcome: "wrong", detail: complaint };
  return { outcome: same ? "same" : "other", detail: "" };
}

async function judgeError(
  reader: FuzzReader,
  files: Files,
  folder: string,
  error: unknown,
  again: () => Promise<Result>,
): Promise<Judged> {
  const typed = reader.typed ??
    ((one: unknown, inside: string) => one instanceof UserError && one.message.includes(inside));
  const message = error instanceof Error ? error.message : String(error);
  const raw = (why: string): Judged => ({ outcome: "raw error", detail: `${why}: ${nameOf(error)}: ${message}` });
  if (!typed(error, folder)) return raw(error instanceof UserError ? "names no file" : "is not the project's");
  // Quoted words are the file's: a change may have put "undefined" there.
  if (RAW.test(message.replaceAll(folder, "").replace(/"[^"]*"/g, ""))) return raw("has words of the language's own");
  if (message.length > LONGEST) return raw(`has ${message.length} letters`);
  const second = await again();
  // What a library falls over leaves it in no state for a second reading.
  if (reader.spent?.() && "error" in second && typed(second.error, folder)) return { outcome: "refused", detail: "" };
  if (!("error" in second) || (second.error as Error).message !== message) {
    return {
      outcome: "unequal twice",
      detail: `first ${message}, then ${"error" in second ? second.error : "a value"}`,
    };
  }
  const complaint = reader.checkRefusal?.(message.replaceAll(`${folder}/`, ""), files) ?? null;
  return complaint === null ? { outcome: "refused", detail: "" } : { outcome: "wrong", detail: complaint };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
