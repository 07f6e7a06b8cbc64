/** Runs kernels in copies that take notes of themselves (`instrument.ts`), and reads the notes. */
import type { Device } from "../../device.ts";
import { contextOf } from "../../friends.ts";
import type { PoolBuffer } from "../../gpu/buffer_pool.ts";
import type { Run } from "../../gpu/context.ts";
import { declarationOf, type Kernel, type KernelDeclaration, variantOf } from "../../gpu/kernel.ts";
import { valueOf } from "./constants.ts";
import { HEAD, instrument, type Instrumented, LOG, NOTES, OWN } from "./instrument.ts";

/** Notes of one dispatch. */
export interface Noted {
  readonly kernel: KernelDeclaration;
  readonly instrumented: Instrumented;
  /** Constants that it was specialised by. */
  readonly constants: Readonly<Record<string, number>>;
  /** Workgroups, and invocations of each. */
  readonly groups: number;
  readonly lanes: number;
  /** Events of an invocation for which there was space. */
  readonly capacity: number;
  readonly notes: Uint32Array;
  readonly log: Uint32Array;
}

/** Events for which there is space at first, and words of all events of a dispatch. */
const FIRST = 64, MOST = 1 << 25;

const copies = new WeakMap<KernelDeclaration, { readonly copy: Kernel; readonly instrumented: Instrumented }>();

function copyOf(kernel: Kernel): { readonly copy: Kernel; readonly instrumented: Instrumented } {
  const declaration = declarationOf(kernel);
  let known = copies.get(declaration);
  if (!known) {
    const instrumented = instrument(declaration.code, declaration.entry);
    copies.set(declaration, known = { copy: variantOf(kernel, instrumented.code), instrumented });
  }
  return known;
}

/** Most events of an invocation of a dispatch. */
export function mostEvents({ notes, groups, lanes }: Noted): number {
  let most = 0;
  for (let own = 0; own < groups * lanes; own++) most = Math.max(most, notes[HEAD + OWN * own]);
  return most;
}

/**
 * Runs `body` in copies, and once more where there was not space for all that happened; where there is none then either, the
 * last events are missing. `body` must dispatch the same both times. Kernels that leave no binding for notes run as they are, and
 * are named to `unwatched`.
 */
export async function noted(
  device: Device,
  body: () => Promise<unknown>,
  unwatched: (kernel: KernelDeclaration) => void = () => {},
): Promise<readonly Noted[]> {
  const first = await pass(device, body, () => FIRST, unwatched);
  const needed = first.map(mostEvents);
  if (first.every(({ capacity }, i) => needed[i] <= capacity)) return first;
  return await pass(device, body, (dispatch) => needed[dispatch] ?? FIRST, unwatched);
}

async function pass(
  device: Device,
  body: () => Promise<unknown>,
  space: (dispatch: number) => number,
  unwatched: (kernel: KernelDeclaration) => void,
): Promise<Noted[]> {
  const gpu = contextOf(device), { run, pool } = gpu, { current, acquire } = pool;
  const reads: Promise<Noted>[] = [], held: PoolBuffer[] = [];
  gpu.run = (kernel: Kernel, options: Run): void => {
    const [x, y, z] = options.grid, groups = x * y * z;
    if (groups === 0) return;
    const declaration = declarationOf(kernel), { constants = {} } = options;
    if (declaration.interface.storage.length + 2 > device.info.limits.maxStorageBuffersPerShaderStage) {
      unwatched(declaration);
      return run.call(gpu, kernel, options);
    }
    const { copy, instrumented } = copyOf(kernel);
    const most = device.info.limits.maxComputeInvocationsPerWorkgroup;
    const lanes = valueOf(instrumented.lanes, constants, instrumented.constants) ?? most, own = groups * lanes;
    const capacity = Math.min(space(reads.length), Math.max(1, Math.floor(MOST / own) - 1));
    const [notes, log] = [HEAD + OWN * own, own * (capacity + 1)].map((words) => {
      const buffer = acquire.call(pool, 4 * words);
      held.push(buffer);
      return { buffer, bytes: 4 * words };
    });
    gpu.upload(notes.buffer, Uint32Array.of(capacity));
    run.call(gpu, copy, { ...options, bind: { ...options.bind, [NOTES]: notes.buffer, [LOG]: log.buffer } });
    reads.push(
      Promise.all([notes, log].map(({ buffer, bytes }) => gpu.read(buffer, bytes))).then(([notes, log]) => ({
        kernel: declaration,
        instrumented,
        constants,
        groups,
        lanes,
        capacity,
        notes: new Uint32Array(notes),
        log: new Uint32Array(log),
      })),
    );
  };
  try {
    await body();
    return await Promise.all(reads);
  } finally {
    gpu.run = run;
    for (const buffer of held) pool.release(buffer, current);
  }
}
