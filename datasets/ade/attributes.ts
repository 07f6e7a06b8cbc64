/** Names of instances in the text files of ADE20K's release of 2016. */
import { UserError } from "../../engine/base/user_error.ts";
import { readAnyText } from "../formats/text.ts";

/**
 * Reads lines `number # level # occluded # class # raw name # attributes`: raw names, blanks as underscores, by level and
 * instance number.
 *
 * @throws {UserError} naming file and line.
 */
export async function readAttributes(path: string): Promise<Map<number, Map<number, string>>> {
  const text = await readAnyText(path);
  const names = new Map<number, Map<number, string>>();
  text.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    const fields = line.split("#").map((field) => field.trim());
    const [number, level] = fields.slice(0, 2).map((field) => /^\d+$/.test(field) ? Number(field) : NaN);
    if (fields.length < 5 || Number.isNaN(number) || Number.isNaN(level)) {
      throw new UserError(
        `${path}:${i + 1}: is no instance; wanted number # level # occluded # class # name # attributes`,
        { path },
      );
    }
    const own = names.get(level) ?? new Map<number, string>(), name = fields[4].replaceAll(" ", "_");
    if (own.has(number) && own.get(number) !== name) {
      throw new UserError(`${path}:${i + 1}: instance ${number} of level ${level} has another name before`, { path });
    }
    own.set(number, name);
    names.set(level, own);
  });
  return names;
}
