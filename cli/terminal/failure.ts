/** Message and exit status of a failed command. */
import { CommanderError } from "commander";
import { UserError } from "../../engine/base/user_error.ts";
import {
  DeviceLostError,
  EngineError,
  NoAdapterError,
  OutOfMemoryError,
  RefusedKernelError,
} from "../../engine/base/errors.ts";
import { SafetensorsError } from "../../engine/safetensors.ts";

/** The end of a command that failed. */
export interface Failure {
  /** One line, or nothing where it was said already. */
  readonly message: string | null;
  /** 2 for what the user can mend, 130 after Ctrl-C, a program's own, 1 for everything else. */
  readonly status: number;
  /** True for faults of our own, whose stack trace helps whoever mends them. */
  readonly internal: boolean;
}

/** A command was stopped by Ctrl-C, after saving what there was to save. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** A program that a command started has failed, and has said why. */
export class ProgramFailed extends Error {
  override readonly name = "ProgramFailed";
  /** Its exit status. */
  readonly status: number;

  /** With that exit status. */
  constructor(status: number) {
    super(`the program ended with status ${status}`);
    this.status = status;
  }
}

/** Sorts an error by whose mistake it is. */
export function judge(error: unknown): Failure {
  // Commander has printed its message, and a suggestion, by itself.
  if (error instanceof CommanderError) return { message: null, status: error.exitCode === 0 ? 0 : 2, internal: false };
  if (error instanceof ProgramFailed) return { message: null, status: error.status, internal: false };
  if (error instanceof Stopped) return { message: error.message, status: 130, internal: false };
  const message = oneLine(error);
  if (error instanceof UserError || error instanceof NoAdapterError || error instanceof SafetensorsError) {
    return { message, status: 2, internal: false };
  }
  const named = [OutOfMemoryError, DeviceLostError, RefusedKernelError].some((kind) => error instanceof kind);
  if (named) {
    return { message, status: 1, internal: false };
  }
  const kind = error instanceof EngineError ? error.name : "internal error";
  return { message: `${kind}: ${message} (ITERA_DEBUG=1 shows where)`, status: 1, internal: true };
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, " ");
}
