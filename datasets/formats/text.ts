/** Text files of data sets whose authors' programs wrote no UTF-8. */
import { explainReadError, refuseDevice } from "../../engine/base/files.ts";
import { UserError } from "../../engine/base/user_error.ts";

/**
 * The text of a file in UTF-8, or in Latin-1 where it is no UTF-8, as some of ADE20K's files are not.
 *
 * @throws {UserError} naming the file, with `missing` where there is none.
 */
export async function readAnyText(path: string, missing?: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    refuseDevice(path, await Deno.stat(path));
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(path, error, missing);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

/**
 * Lines of such a file without blanks around them, empty ones left out.
 *
 * @throws {UserError} naming the file, with `advice` where it is missing.
 */
export async function readAnyLines(path: string, advice = ""): Promise<string[]> {
  const text = await readAnyText(path, advice ? `there is no such file; ${advice}` : undefined);
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
