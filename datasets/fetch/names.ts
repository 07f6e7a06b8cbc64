/** Names in archives, which anybody may have written: none leads out of the folder, or is another file than it seems. */
import { printableLine } from "../../engine/base/printable.ts";

/** Longest name of a folder or file in bytes, and most of them in a path: what common file systems take. */
const [LONGEST, DEEPEST] = [255, 32];

/** Names that Windows keeps for devices, with any ending. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)( *\..*)?$/i;

/** Separators and signs that are none everywhere: `a\b`, `C:`, streams of files, wildcards. */
const SIGNS = /[\\:*?"<>|]/;

/**
 * The reason for which a path of an archive may not be unpacked; null where it may be: relative, between slashes, without `.`
 * and `..`, control characters, names of devices, and endings that Windows drops.
 */
export function nameFault(path: string): string | null {
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  if (!path.isWellFormed() || printableLine(path) !== path) return "has a control character";
  if (SIGNS.test(path)) return "has a sign that is no part of a name everywhere";
  const parts = path.replace(/\/$/, "").split("/");
  if (parts.length > DEEPEST) return `lies more than ${DEEPEST} folders deep`;
  for (const part of parts) {
    if (part === "..") return "leads out of its folder";
    if (part === "" || part === ".") return "has a part without a name";
    if (new TextEncoder().encode(part).length > LONGEST) return "is too long";
    if (DEVICE.test(part)) return "is the name of a device on Windows";
    if (/[. ]$/.test(part)) return "ends with a dot or a blank";
  }
  return null;
}

/** The form by which file systems that ignore case and spelling take two names for one. */
export function sameName(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

/** The paths of an archive so far, for faults that lie between two of them. */
export class Names {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  /** The reason for which a path may not be unpacked besides those before it; null where it may be. */
  fault(path: string, isFolder: boolean): string | null {
    const own = nameFault(path);
    if (own !== null) return own;
    const name = sameName(path.replace(/\/$/, ""));
    for (let end = name.indexOf("/"); end >= 0; end = name.indexOf("/", end + 1)) {
      const folder = name.slice(0, end);
      if (this.#files.has(folder)) return "lies in a file";
      this.#folders.add(folder);
    }
    if (isFolder) {
      if (this.#files.has(name)) return "is a file and a folder";
      this.#folders.add(name);
      return null;
    }
    if (this.#files.has(name)) return "is there twice";
    if (this.#folders.has(name)) return "is a file and a folder";
    this.#files.add(name);
    return null;
  }
}

/** The path below one of `roots`, at the first part of the path that bears its name; null where none does. */
export function belowRoot(path: string, roots: readonly string[]): string | null {
  const parts = path.split("/"), at = parts.findIndex((part) => roots.includes(part));
  return at < 0 ? null : parts.slice(at).join("/");
}
