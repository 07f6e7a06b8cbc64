/** One process at a time makes an output. */
import { basename, dirname, join } from "node:path";
import { explainWriteError } from "../../../engine/base/atomic.ts";
import { UserError } from "../../../engine/base/user_error.ts";

/**
 * The right to make a file and what lies hidden beside it until it is whole. The lock is the operating system's: it goes
 * with the process that holds it, however that ends; a kill leaves only its empty file, which the next one takes.
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
   * @throws {UserError} when another process has it, or the folder may not be written.
   */
  static async take(output: string): Promise<OutputLock> {
    const path = join(dirname(output), `.${basename(output)}.lock`);
    try {
      await Deno.mkdir(dirname(output), { recursive: true });
      for (;;) {
        const file = Deno.openSync(path, { write: true, create: true });
        if (!file.tryLockSync(true)) {
          file.close();
          throw new UserError(`${output}: another process is making it; wait for that one`);
        }
        // Who had it may have removed the file since it was opened: others would not meet a lock on that.
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
      // While it is still held: nobody else can have taken it.
      Deno.removeSync(this.#path);
    } catch {
      // It went with its folder, or stays: empty and free, it is in nobody's way.
    }
    this.#file.close();
  }
}

/** Whether `path` still names the open file. */
function isAt(file: Deno.FsFile, path: string): boolean {
  try {
    return Deno.statSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
