/** Peers on the same machine, asked for what the ops' phase timed. */
import type { PeerTask } from "../cases.ts";
import { openPeers } from "../peers/open.ts";
import { opCases } from "./ops.ts";
import type { PeerRow } from "./report.ts";
import { type Item, Skip } from "./schedule.ts";

/** Every peer with every case it could do. */
export async function peerItems(quick: boolean, found: (row: PeerRow) => void): Promise<Item[]> {
  const tasks = opCases(quick).flatMap(({ of: { name, task } }) => task ? [{ name, task }] : []);
  const missing: Item[] = [];
  const opened = await openPeers((name, why) =>
    missing.push({ name, run: () => Promise.reject(new Skip(`it does not run here: ${why}`)) })
  );
  const forward = tasks.filter(({ task }) => isForward(task));
  const items = (asked: typeof tasks): Item[] =>
    asked.flatMap(({ name, task }) =>
      opened.filter((peer) => can(peer.name, task)).map((peer) => ({
        name: `${peer.name}, ${name}`,
        run: async () => {
          const ms = await peer.measure(task);
          if (ms === null) throw new Skip("it has no such op");
          found({ name, peer: peer.name, ms });
        },
      }))
    );
  // What only one of them can do comes last.
  return [...missing, ...items(forward), ...items(tasks.filter(({ task }) => !isForward(task)))];
}

/** True for what all of them have: products as they are read, and convolutions forward. */
function isForward(task: PeerTask): boolean {
  if (task.kind === "matmul") return task.how === "nn";
  return task.kind !== "conv2d" || task.pass === "forward";
}

/** True where a library has the op at all: only tfjs has transposed products, gradients of convolutions, and crops. */
function can(peer: string, task: PeerTask): boolean {
  return peer.startsWith("tfjs") || isForward(task) && task.kind !== "crop";
}
