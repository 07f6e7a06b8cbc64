import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { COMMANDS } from "../../cli/commands.ts";
import { program } from "../../cli/program.ts";
import { judge, Stopped } from "../../cli/terminal/failure.ts";
import { UserError } from "../../engine/base/user_error.ts";
import {
  DeviceLostError,
  NoAdapterError,
  OutOfMemoryError,
  RefusedKernelError,
  ShapeError,
} from "../../engine/base/errors.ts";
import { itera, spawned } from "../support/command.ts";

Deno.test("a mistyped command or flag ends with 2 and one line that suggests the right one", async () => {
  const mistakes: [string[], string][] = [
    [["doctr"], "itera: unknown command 'doctr' (did you mean doctor?)\n"],
    [["doctor", "--bref"], "itera: unknown option '--bref' (did you mean --brief?)\n"],
    [["doctor", "extra"], "itera: too many arguments for 'doctor'. Expected 0 arguments but got 1: extra.\n"],
  ];
  const ends = await Promise.all(mistakes.map(([args]) => itera(...args)));
  ends.forEach((end, i) => deepStrictEqual(end, { code: 2, out: "", err: mistakes[i][1] }));
  // What a call in this process says is what a process says.
  deepStrictEqual(await spawned(...mistakes[0][0]), ends[0]);
});

Deno.test("help and version end with 0", async () => {
  const [help, version, nothing] = await Promise.all([itera("--help"), spawned("--version"), spawned()]);
  strictEqual(help.code, 0);
  ok(/Usage: itera/.test(help.out) && /doctor/.test(help.out));
  strictEqual(version.code, 0);
  ok(/^\d+\.\d+\.\d+\n$/.test(version.out));
  strictEqual(nothing.code, 2);
});

Deno.test("a command is called what its row says", () => {
  deepStrictEqual(program().commands.map((command) => command.name()), Object.keys(COMMANDS));
});

Deno.test("the doctor names the adapter in one line when asked to be brief", async () => {
  const { code, out, err } = await itera("doctor", "--brief");
  deepStrictEqual([code, err], [0, ""]);
  ok(/^adapter: .+; kernels: (cpu|gpu); Deno \d+\.\d+\.\d+\n$/.test(out), out);
});

Deno.test("the doctor proves features, measures rates and says whether something is wrong", async () => {
  const { code, out } = await itera("doctor");
  strictEqual(code, 0);
  ok(/compute +│ yes +│ yes +│ 3 \/ 5 = 0\.6, 7 × 11 = 77/.test(out), out);
  for (const name of ["shader-f16", "timestamp-query", "subgroups", "maxBufferSize"]) ok(out.includes(name), name);
  const [, matmul] = /matmul \d+³ +│ +(\S+) │ GFLOP\/s/.exec(out)!;
  const [, copy] = /copy +│ +(\S+) │ GB\/s/.exec(out)!;
  ok(Number(matmul) > 0.1 && Number(copy) > 0.1, `${matmul} ${copy}`);
  ok(/^(nothing is wrong|wrong: .+)$/m.test(out));
});

Deno.test("every command prints JSON where it is asked to, and nothing else", async () => {
  const leaves = (command: CommandUnknownOpts): CommandUnknownOpts[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
  const without = leaves(program()).filter(({ options }) => !options.some(({ long }) => long === "--json"));
  deepStrictEqual(without.map((command) => command.name()), ["run", "bench", "completion"]);
  const brief = await itera("doctor", "--brief", "--json");
  deepStrictEqual([brief.code, brief.err], [0, ""]);
  const { tables, lines } = JSON.parse(brief.out);
  deepStrictEqual(tables, []);
  ok(/^adapter: /.test(lines[0]), brief.out);
  // A command that fails says why in both places.
  const failed = await itera("graph", "show", "no-such-file", "--json");
  strictEqual(failed.code, 2);
  strictEqual(failed.err, `itera: ${JSON.parse(failed.out).error}\n`);
});

Deno.test("an error's status says whose mistake it is, and its message is one line", () => {
  const judged = (error: unknown): [number, boolean] => [judge(error).status, judge(error).internal];
  deepStrictEqual(judged(new UserError("a.json: broken")), [2, false]);
  deepStrictEqual(judged(new NoAdapterError("none")), [2, false]);
  deepStrictEqual(judged(new Stopped("saved")), [130, false]);
  deepStrictEqual(judged(new OutOfMemoryError("all")), [1, false]);
  deepStrictEqual(judged(new DeviceLostError("gone")), [1, false]);
  deepStrictEqual(judged(new RefusedKernelError("a kernel")), [1, false]);
  deepStrictEqual(judged(new ShapeError("conv2d")), [1, true]);
  deepStrictEqual(judged("thrown text"), [1, true]);
  strictEqual(judge(new UserError("one\n  two")).message, "one two");
});
