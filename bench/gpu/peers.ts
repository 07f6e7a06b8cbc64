/** Peers on the same machine, asked for what the ops' phase timed. */
import type { PeerTask } from "../cases.ts";
import { openPeers } from "../peers/open.ts";
import { torchMissing, torchRow } from "../peers/torch.ts";
import { opCases } from "./ops.ts";
import type { PeerRow, Report } from "./report.ts";
import { type Item, Skip } from "./schedule.ts";

/** Every peer with every case it could do, and PyTorch where Python has it. */
export async function peerItems({ ops, peers, steps }: Report, quick: boolean): Promise<Item[]> {
  const tasks = opCases(quick).flatMap(({ of: { name, task } }) => task ? [{ name, task }] : []);
  const add = (name: string, peer: string, ms: number, ours: number | undefined): void => {
    const row: PeerRow = { name, peer, ms, ratio: ours ? ms / ours : null };
    peers.push(row);
  };
  const oursOf = (name: string): number | undefined => ops.find((row) => row.name === name)?.ms;
  const missing: Item[] = [];
  const opened = await openPeers((name, why) => missing.push(skipped(name, `it does not run here: ${why}`)));
  const forward = tasks.filter(({ task }) => task.kind !== "conv2d" || task.pass === "forward");
  const items = (asked: typeof tasks): Item[] =>
    asked.flatMap(({ name, task }) =>
      opened.filter((peer) => can(peer.name, task)).map((peer) => ({
        name: `${peer.name}, ${name}`,
        run: async () => {
          const ms = await peer.measure(task);
          if (ms === null) throw new Skip("it has no such op");
          add(name, peer.name, ms, oursOf(name));
        },
      }))
    );
  const torch = await torchItems(forward, quick, (name, ms) => {
    add(name, "PyTorch", ms, oursOf(name) ?? steps.find((row) => `${row.name}, ${row.size}` === name)?.ms);
  }, steps.findLast(({ name }) => name === "baseline: training step")?.size);
  // What only one of them can do comes last.
  return [...missing, ...items(forward), ...torch, ...items(tasks.filter((one) => !forward.includes(one)))];
}

const skipped = (name: string, why: string): Item => ({ name, run: () => Promise.reject(new Skip(why)) });

/** True where a library has the op at all: only tfjs has gradients of convolutions. */
function can(peer: string, task: PeerTask): boolean {
  if (task.kind === "crop") return peer.startsWith("tfjs");
  return task.kind !== "conv2d" || task.pass === "forward" || peer.startsWith("tfjs");
}

async function torchItems(
  tasks: readonly { readonly name: string; readonly task: PeerTask }[],
  quick: boolean,
  add: (name: string, ms: number) => void,
  size: string | undefined,
): Promise<Item[]> {
  const why = await torchMissing();
  if (why !== null) return [skipped("PyTorch", why)];
  const asked = tasks.filter(({ task }) => task.kind === "matmul" || task.kind === "conv2d");
  const until = (deadline: number): AbortSignal =>
    AbortSignal.timeout(Math.max(1, deadline - performance.now() - 1000));
  const none = new Skip("PyTorch failed, or its time was up");
  const ops: Item = {
    name: "PyTorch: products and convolutions, f32 without TF32",
    run: async (deadline) => {
      const args = [JSON.stringify(asked.map(({ task }) => task))];
      const rows = await torchRow<{ ms: number[] }>("torch_ops.py", args, until(deadline));
      if (!rows) throw none;
      asked.forEach(({ name }, i) => add(name, rows.ms[i]));
    },
  };
  const step: Item = {
    name: "PyTorch: training step of the baseline at 600×1000",
    run: async (deadline) => {
      const args = ["baseline", "resnet50", "600", "1000", "20", "1485"];
      const row = await torchRow<{ ms: number }>("torch_models.py", args, until(deadline));
      if (!row) throw none;
      add(`baseline: training step, ${size ?? "full"}`, row.ms);
    },
  };
  return quick ? [ops] : [ops, step];
}
