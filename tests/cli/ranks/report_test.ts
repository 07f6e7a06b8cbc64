/** Lines of launchers, the causes read from them, and devices for ranks. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { withoutRanks } from "../../../cli/ranks/launch.ts";
import { choiceFor } from "../../../cli/ranks/own_device.ts";
import { RankReport } from "../../../cli/ranks/report.ts";

const MPICH_KILLED = `
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 12623 RUNNING AT vm
=   EXIT CODE: 9
=   CLEANING UP REMAINING PROCESSES
=   YOU CAN IGNORE THE BELOW CLEANUP MESSAGES
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)
This typically refers to a problem with your application.
Please see the FAQ page for debugging suggestions`;
const OPEN_MPI_KILLED = `--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
--------------------------------------------------------------------------
mpirun.openmpi noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).
--------------------------------------------------------------------------`;
const ABORTED = "Abort(2) on node 1 (rank 1 in comm 0): application called MPI_Abort(MPI_COMM_WORLD, 2) - process 1";

/** Lines that pass, and the cause where no rank has said one. */
function reported(
  text: string,
  ranks: [number, number][],
  status: number,
  gone: readonly number[] = [],
): [string[], string | null] {
  const report = new RankReport(), lines = text.split("\n").filter((line) => report.keeps(line));
  return [lines, report.cause(new Map(ranks), status, { count: 3, gone })];
}

Deno.test("a rank that was killed is named by what its launcher says, in one line", () => {
  const cause = (rank: string) =>
    `${rank} was ended by signal 9, and the others with it; checkpoints saved before are whole`;
  deepStrictEqual(reported(`run: a${MPICH_KILLED}`, [[12622, 0], [12623, 2]], 9), [["run: a"], cause("rank 2")]);
  deepStrictEqual(reported(`run: a${MPICH_KILLED}`, [[12620, 0], [12621, 2]], 9), [["run: a"], cause("rank 1")]);
  deepStrictEqual(reported(`run: a${MPICH_KILLED}`, [], 9), [["run: a"], cause("a rank")]);
  deepStrictEqual(reported(`run: a\n${OPEN_MPI_KILLED}\nb`, [], 137), [["run: a", "b"], cause("rank 1")]);
});

Deno.test("a rank that was ended because another was gone is not named for it", () => {
  const aborted = MPICH_KILLED.replace("signal 9", "signal 6"), ranks: [number, number][] = [[12623, 0], [12624, 1]];
  const died = "rank 1 has died, and the others with it; checkpoints saved before are whole";
  const cause = (text: string, gone: readonly number[]) => reported(text, ranks, 9, gone)[1];
  strictEqual(cause(aborted, [1]), died);
  strictEqual(cause(aborted, [0, 1]), died);
  strictEqual(cause(MPICH_KILLED, [0, 1]), died.replace("rank 1 has died", "rank 0 was ended by signal 9"));
  strictEqual(cause(MPICH_KILLED, [1]), died);
  strictEqual(cause(aborted, [0]), died.replace("rank 1 has died", "rank 0 was ended by signal 6"));
  strictEqual(cause("", [1]), died);
  // Which of two it was, nothing tells.
  strictEqual(cause("", [0, 1]), died.replace("rank 1 has died", "a rank ended with status 9"));
});

Deno.test("where a rank has said why it ends, its line is the only one", () => {
  const line = "itera: rank 1: the graphics device was lost";
  deepStrictEqual(reported(`${line}\n${ABORTED}`, [], 2), [[line], null]);
  deepStrictEqual(
    reported(`--------------------------------------------------------------------------\n${line}`, [], 2),
    [
      [line],
      null,
    ],
  );
});

Deno.test("a launcher's command is the same without the flag that starts it", () => {
  deepStrictEqual(withoutRanks(["train", "--ranks", "4", "--batch", "4"]), ["train", "--batch", "4"]);
  deepStrictEqual(withoutRanks(["train", "--rank-timeout", "9", "--ranks=2"]), ["train", "--rank-timeout", "9"]);
});

Deno.test("ranks of a host get a device each, by model or by place on the bus; one device needs no choice", () => {
  const device = (vendor: number, model: number, type: number, bus: string | null) => ({ vendor, model, type, bus });
  const software = [device(0x10005, 0, 4, null), device(0x1ae0, 0xc0de, 4, null)];
  deepStrictEqual([0, 1, 2].map((rank) => choiceFor(rank, software)), [
    ["MESA_VK_DEVICE_SELECT", "10005:0000!"],
    ["MESA_VK_DEVICE_SELECT", "1ae0:c0de!"],
    ["MESA_VK_DEVICE_SELECT", "10005:0000!"],
  ]);
  const cards = [device(0x10de, 0x2330, 2, "0000_19_00_0"), device(0x10de, 0x2330, 2, "0000_3b_00_0")];
  // Software is nobody's where there are cards.
  deepStrictEqual([0, 1].map((rank) => choiceFor(rank, [software[0], ...cards])), [
    ["DRI_PRIME", "pci-0000_19_00_0"],
    ["DRI_PRIME", "pci-0000_3b_00_0"],
  ]);
  strictEqual(choiceFor(1, [software[0], cards[0]]), null);
  strictEqual(choiceFor(1, []), null);
  strictEqual(choiceFor(1, cards.map((card) => ({ ...card, bus: null }))), null);
});
