/** A lock of an output, so that one process at a time makes it. */
import { basename, dirname, join } from "node:path";
import { explainWriteError, requireReplaceable } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";

/**
 * The right to make a file, and the hidden files beside it until it is whole. The lock is the operating system's: it ends with
 * the process that holds it, in whatever way; a kill leaves only its empty file, which the next process takes.
 */
export class OutputLock implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Takes the lock of `output`, whose folder is made where it is missing.
   *
   * @throws {UserError} when another process has it, the folder may not be written, or the output is a device or a pipe.
   */
  static async take(output: string): Promise<OutputLock> {
    const path = join(dirname(output), `.${basename(output)}.lock`);
    try {
      await requireReplaceable(output);
      await Deno.mkdir(dirname(output), { recursive: true });
      for (;;) {
        const file = Deno.openSync(path, { write: true, create: true });
        if (!file.tryLockSync(true)) {
          file.close();
          throw new UserError(`${output}: another process is making it; wait for that one`);
        }
        // The last holder may have removed the file since it was opened; a lock on that would exclude nobody.
        if (isAt(file, path)) return new OutputLock(path, file);
        file.close();
      }
    } catch (error) {
      throw explainWriteError(output, error);
    }
  }

  /** Lets another process make the output. */
  [Symbol.dispose](): void {
    try {
      // Removed while it is still held, so that nobody else can have taken it.
      Deno.removeSync(this.#path);
    } catch {
      // It was removed with its folder, or stays, empty and unlocked, which does no harm.
    }
    this.#file.close();
  }
}

/** True where `path` still names the open file. */
function isAt(file: Deno.FsFile, path: string): boolean {
  try {
    return Deno.statSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
