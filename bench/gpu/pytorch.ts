/** PyTorch on the same machine, where Python has it: products, convolutions with their gradients, and whole steps. */
import { SIZES } from "../models.ts";
import { torchMissing, torchRow } from "../peers/torch.ts";
import { opCases } from "./ops.ts";
import type { PeerRow } from "./report.ts";
import { type Item, Skip } from "./schedule.ts";

/** Name of its rows. */
export const PYTORCH = "PyTorch";

/** Size of the steps that are compared: the published one. */
const [, FULL] = SIZES;

/** Everything it is asked; `quick` leaves whole steps out. */
export async function torchItems(quick: boolean, found: (row: PeerRow) => void): Promise<Item[]> {
  const why = await torchMissing();
  if (why !== null) return [{ name: PYTORCH, run: () => Promise.reject(new Skip(why)) }];
  const asked = opCases(quick).flatMap(({ of: { name, task } }) =>
    task?.kind === "matmul" || task?.kind === "conv2d" ? [{ name, task }] : []
  );
  const answer = async <T>(script: string, args: readonly string[], deadline: number): Promise<T> => {
    const row = await torchRow<T>(script, args, AbortSignal.timeout(Math.max(1, deadline - performance.now() - 1000)));
    if (row === null) throw new Skip("PyTorch failed, or its time was up");
    return row;
  };
  const products: Item = {
    name: "products and convolutions, f32 without TF32",
    run: async (deadline) => {
      const args = [JSON.stringify(asked.map(({ task }) => task))];
      const { ms } = await answer<{ ms: number[] }>("torch_ops.py", args, deadline);
      asked.forEach(({ name }, i) => found({ name, peer: PYTORCH, ms: ms[i] }));
    },
  };
  const steps = ["baseline", "final"].map((model): Item => ({
    name: `training step of ${model}, ${FULL.name}`,
    run: async (deadline) => {
      const { height, width, regions, classes } = FULL;
      const args = [model, "resnet50", ...[height, width, regions, classes].map(String)];
      const { ms } = await answer<{ ms: number }>("torch_models.py", args, deadline);
      found({ name: `${model}: training step, ${FULL.name}`, peer: PYTORCH, ms });
    },
  }));
  return quick ? [products] : [products, ...steps];
}
