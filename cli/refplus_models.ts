/** Trained models that commands of `itera refplus` are given. */
import { UserError } from "../datasets/errors.ts";
import { digest } from "../datasets/refplus/encode.ts";
import { Device } from "../engine/mod.ts";
import type { ExecutionEngine } from "../model/refplus/execution_engine.ts";
import { engineOf, generatorOf, readRefplusCheckpoint, type RefplusCheckpoint } from "../model/refplus/models.ts";
import type { ProgramGenerator } from "../model/refplus/program_generator.ts";

/** Where models are. */
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
  /** Checkpoint of the engine: its vocabulary and frame hold. */
  readonly checkpoint: RefplusCheckpoint;
}

/** Opens them. Throws {@link UserError} when one is missing, or they have different vocabularies. */
export async function openModels(flags: ModelFlags): Promise<OpenModels> {
  const checkpoint = await readRefplusCheckpoint(flags.execution_engine);
  const path = flags.program_generator;
  const other = path === undefined ? null : await readRefplusCheckpoint(path);
  if (other && await digest(other.vocabulary) !== await digest(checkpoint.vocabulary)) {
    throw new UserError(`${path}: was trained with another vocabulary than ${flags.execution_engine}`);
  }
  const device = await Device.open({ adapter: flags.adapter });
  const stack = new AsyncDisposableStack();
  stack.use(device);
  try {
    const engine = stack.use(engineOf(device, checkpoint));
    const generator = other && stack.use(generatorOf(device, other));
    return { device, engine, generator, checkpoint, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
