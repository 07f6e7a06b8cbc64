/** The one error that is meant for the person at the terminal. */
import { shortened } from "./printable.ts";

/**
 * A mistake of the user: a missing file, a broken image, a bad value. The message is one line that names the file or key
 * and says what to do; a command line prints it without a stack trace and exits with 2.
 *
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { openContext, UserError } from "@itera/itera/datasets";
 *
 * throws(() => openContext({ split: "train", images: 0 }), UserError);
 * throws(() => openContext({ split: "train", images: 0 }), /images/);
 * ```
 */
export class UserError extends Error {
  /** Name of the class. */
  override readonly name = "UserError";
  /** The file the message is about, where it is about one. */
  readonly path?: string;

  /** Makes the error from its one line of text and the file it names, if any. */
  constructor(message: string, options: { readonly path?: string; readonly cause?: unknown } = {}) {
    super(shortened(message), options.cause === undefined ? {} : { cause: options.cause });
    if (options.path !== undefined) this.path = options.path;
  }
}
