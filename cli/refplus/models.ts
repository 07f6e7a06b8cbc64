/** Trained models for the commands of `itera refplus`. */
import { UserError } from "../../engine/base/user_error.ts";
import type { Vocabulary } from "../../datasets/refplus/encoding/tokens.ts";
import type { Device } from "../../engine/mod.ts";
import type { ExecutionEngine } from "../../model/refplus/engine/execution_engine.ts";
import {
  engineOf,
  generatorOf,
  readRefplusCheckpoint,
  type RefplusCheckpoint,
  samePrograms,
} from "../../model/refplus/checkpoint.ts";
import { openDevice } from "../../model/run/run_config.ts";
import { sayNewRules } from "../../model/run/version.ts";
import { notice } from "../terminal/output.ts";
import type { ProgramGenerator } from "../../model/refplus/generator/program_generator.ts";

/** Flags that name models. */
export interface ModelFlags {
  readonly program_generator?: string | undefined;
  readonly execution_engine: string;
  readonly adapter: "auto" | "gpu" | "cpu";
}

/** Opened models with the device they are on. */
export interface OpenModels extends AsyncDisposable {
  readonly device: Device;
  readonly generator: ProgramGenerator | null;
  readonly engine: ExecutionEngine;
  /** Checkpoint of the engine, whose spec of the data holds. */
  readonly checkpoint: RefplusCheckpoint;
  /** The generator's where there is one, which may have more words than the engine's; otherwise the engine's. */
  readonly vocabulary: Vocabulary;
}

/** Opens them. Throws {@link UserError} when one is missing, or they have different program tokens. */
export async function openModels(flags: ModelFlags): Promise<OpenModels> {
  const onBroken = (path: string, reason: string): void => notice(`passed over ${path}: ${reason}`);
  const checkpoint = await readRefplusCheckpoint(flags.execution_engine, onBroken);
  const path = flags.program_generator;
  const other = path === undefined ? null : await readRefplusCheckpoint(path, onBroken);
  for (const read of [checkpoint, ...other ? [other] : []]) sayNewRules(notice, read.path, read.config);
  if (other && !samePrograms(other.vocabulary, checkpoint.vocabulary)) {
    throw new UserError(`${path}: was trained with other program tokens than ${flags.execution_engine}`);
  }
  const device = await openDevice({ ...checkpoint.config, adapter: flags.adapter });
  const stack = new AsyncDisposableStack();
  stack.use(device);
  try {
    const engine = stack.use(engineOf(device, checkpoint));
    const generator = other && stack.use(generatorOf(device, other));
    const { vocabulary } = other ?? checkpoint;
    return { device, engine, generator, checkpoint, vocabulary, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
