/** Processes watched for the one that ends first. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { FirstGone } from "../../../cli/ranks/first_gone.ts";

const MARK = "ITERA_TEST_FIRST_GONE";

/** Waits until something is so. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Starts processes that wait, watched as ranks, and gives them to `use`. */
async function withWatched(
  count: number,
  use: (processes: readonly Deno.ChildProcess[], watch: FirstGone) => Promise<void>,
): Promise<void> {
  const value = crypto.randomUUID();
  const processes = Array.from(
    { length: count },
    (_, rank) => new Deno.Command("sleep", { args: ["1000"], env: { [MARK]: value, PMI_RANK: String(rank) } }).spawn(),
  );
  try {
    using watch = new FirstGone(MARK, value, count);
    await until(() => watch.processes.size === count);
    await use(processes, watch);
  } finally {
    for (const process of processes) {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await process.status;
    }
  }
}

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "of watched processes the one that ends first is known, whichever it is, and those that end later are not",
  ignore,
  fn: async () => {
    for (const [first, signal] of [[0, "SIGKILL"], [2, "SIGTERM"], [1, "SIGKILL"]] as const) {
      await withWatched(3, async (processes, watch) => {
        processes[first].kill(signal);
        await until(() => watch.ranks.length > 0);
        deepStrictEqual(watch.ranks, [first]);
        processes[(first + 1) % 3].kill("SIGKILL");
        await processes[(first + 1) % 3].status;
        await new Promise((resolve) => setTimeout(resolve, 50));
        deepStrictEqual(watch.ranks, [first]);
      });
    }
  },
});

Deno.test({
  name: "processes that end between two looks are all named, and one that is stopped is not",
  ignore,
  fn: async () => {
    await withWatched(3, async (processes, watch) => {
      processes[1].kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 60));
      strictEqual(watch.ranks.length, 0);
      // No look comes between: this thread does not wait.
      for (const rank of [2, 0]) processes[rank].kill("SIGKILL");
      await until(() => watch.ranks.length > 0);
      deepStrictEqual(watch.ranks, [0, 2]);
    });
  },
});
