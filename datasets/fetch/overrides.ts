/** Addresses, lengths and checksums that a user gives in place of the known ones: servers move, and mirrors are nearer. */
import { z } from "../../engine/base/packages/zod.ts";
import { readText } from "../../engine/base/files.ts";
import { parseJsonFile } from "../../engine/base/json_text.ts";
import { UserError } from "../../engine/base/user_error.ts";
import type { Checksum, SourceFile, SourceRelease } from "./addresses.ts";

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-fA-F]{${digits}}$`), `${digits} digits are wanted`);

const fileSchema = z.strictObject({
  address: z.string().regex(/^https?:\/\//, "an address begins with http:// or https://").optional(),
  bytes: z.int().min(0).nullable().optional(),
  md5: hex(32).nullable().optional(),
  sha256: hex(64).optional(),
});

const schema = z.record(z.string(), fileSchema);

/** Facts of files by name. */
export type Overrides = z.output<typeof schema>;

/**
 * Reads such a file: `{"train2017.zip": {"address": "https://…", "bytes": 1, "md5": "…"}}`; what a file's entry leaves out stays
 * as it is known, `null` says that nothing is.
 *
 * @throws {UserError} naming the file and what is wrong in it.
 */
export async function readOverrides(path: string): Promise<Overrides> {
  const parsed = schema.safeParse(parseJsonFile(path, await readText(path)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`${path}: ${issue.path.join(".") || "the whole"}: ${issue.message}`, { path });
}

/**
 * The release by these facts.
 *
 * @throws {UserError} for the name of a file that the release has not.
 */
export function overridden({ name, files }: SourceRelease, overrides: Overrides, where: string): SourceRelease {
  const unknown = Object.keys(overrides).find((own) => !files.some((file) => file.name === own));
  if (unknown !== undefined) {
    throw new UserError(
      `${where}: "${unknown}" is no file of it; they are ${files.map((file) => file.name).join(", ")}`,
    );
  }
  return {
    name,
    files: files.map((file) => Object.hasOwn(overrides, file.name) ? changed(file, overrides[file.name]) : file),
  };
}

function changed(file: SourceFile, { address, bytes, md5, sha256 }: Overrides[string]): SourceFile {
  const checksum = checksumOf(md5, sha256);
  return {
    ...file,
    address: address ?? file.address,
    bytes: or(bytes, file.bytes),
    checksum: or(checksum, file.checksum),
  };
}

/** The checksum that was given: null for none, undefined where nothing was said. */
function checksumOf(md5: string | null | undefined, sha256: string | undefined): Checksum | null | undefined {
  if (sha256 !== undefined) return { algorithm: "sha256", value: sha256.toLowerCase() };
  return md5 ? { algorithm: "md5", value: md5.toLowerCase() } : md5 as null | undefined;
}

function or<T>(given: T | undefined, known: T): T {
  return given === undefined ? known : given;
}
