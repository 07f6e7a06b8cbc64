/** The examples, each run as it stands: what it prints must be right. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { ended, ROOT } from "./support/command.ts";
import { linesOf } from "./support/console.ts";
import { runNotebook } from "./support/notebook.ts";
import { shareDevices } from "./support/share_devices.ts";

shareDevices();

/** Runs an example in this process; returns the lines it prints. */
const example = (path: string): Promise<string[]> => linesOf(() => import(`../examples/${path}`));

/** Numbers of a line, in order. */
const numbers = (line: string): number[] => [...line.matchAll(/-?\d+(?:\.\d+)?/g)].map(([text]) => Number(text));

/** Losses that training printed, in order. */
const losses = (lines: readonly string[]): number[] =>
  lines.flatMap((line) => /loss ([\d.]+)$/.exec(line)?.[1] ?? []).map(Number);

/** The last line and its numbers. */
function last(lines: readonly string[]): { readonly line: string; readonly found: number[] } {
  const line = lines.at(-1)!;
  return { line, found: numbers(line) };
}

Deno.test("01: first gradients", async () => {
  const [device, value, gradient, sigmoid, ...rest] = await example("01_first_gradient.ts");
  match(device, /^on .*kernels: (cpu|gpu)/);
  deepStrictEqual([value, gradient], ["f(x)  = 14", "df/dx = [ 2, -4, 6 ]"]);
  strictEqual(sigmoid, "dσ/dx = [ 0.196612  0.104994 0.0451767]");
  deepStrictEqual(rest, []);
});

Deno.test("02: the line is found again", async () => {
  const lines = await example("02_linear_regression.ts"), { line, found: [slope, offset] } = last(lines);
  // With 200 points under noise of 0.1 the estimates' deviations are 0.012 and 0.007.
  ok(Math.abs(slope - 2.5) < 0.05 && Math.abs(offset + 0.75) < 0.03, line);
  ok(losses(lines).at(-1)! < 0.015, lines.join("\n"));
});

Deno.test("03: the spirals are separated", async () => {
  const { line, found: [right, all] } = last(await example("03_two_spirals.ts"));
  ok(all === 200 && right > 190, line);
});

Deno.test("04: drawn digits are read", async () => {
  const lines = await example("04_drawn_digits.ts"), { line, found: [accuracy] } = last(lines);
  ok(accuracy > 95, line);
  match(lines.at(-2)!, /^read as \d, \d, \d, \d$/);
});

Deno.test("05: parities of sequences eight times as long as those of training are right", async () => {
  const lines = await example("05_running_parity.ts"), [short, long] = lines.slice(-2).map(numbers);
  deepStrictEqual([short[0], long[0]], [12, 96]);
  ok(short[1] > 99 && long[1] > 95, lines.join("\n"));
});

Deno.test("06: the club's members are found from two", async () => {
  const { line, found: [right, all] } = last(await example("06_karate_club.ts"));
  ok(all === 34 && right >= 30, line);
});

Deno.test("07: a kernel of one's own has the right values and gradient", async () => {
  const [x, y, checked] = await example("07_own_kernel.ts");
  const expected = numbers(x).map((v) => v + Math.sin(3 * v) ** 2 / 3);
  strictEqual(expected.length, 5);
  numbers(y).forEach((value, i) => ok(Math.abs(value - expected[i]) < 1e-5, y));
  const [elements, decisive] = numbers(checked);
  ok(elements === 63 && decisive > 0, checked);
});

Deno.test("08: replayed steps give the same weights", async () => {
  const [times, weights] = await example("08_captured_step.ts");
  ok(numbers(times).every((ms) => ms > 0), times);
  strictEqual(weights, "weights equal to the bit after 200 steps");
});

Deno.test("09: the permission that its head names is the one it needs", async () => {
  const head = await Deno.readTextFile(`${ROOT}/examples/09_worker/main.ts`);
  const [, flags] = /`deno run (.*)examples\/09_worker\/main\.ts`/.exec(head)!;
  const run = (...args: string[]) => {
    const options = { args: ["run", "--no-prompt", "--no-check", ...args, `${ROOT}/examples/09_worker/main.ts`] };
    return ended(
      new Deno.Command(Deno.execPath(), { ...options, stdin: "null", stdout: "piped", stderr: "piped" }).spawn(),
    );
  };
  const allowed = await run(...flags.trim().split(" ")), refused = await run();
  strictEqual(allowed.code, 0, allowed.err);
  ok(refused.code !== 0 && refused.err.includes(flags.trim()), refused.err);
});

Deno.test("09: a worker trains and this thread goes on", async () => {
  const lines = await example("09_worker/main.ts");
  deepStrictEqual(losses(lines).length, 7);
  const [bytes, ticks] = numbers(lines.at(-2)!);
  ok(bytes > 4 * (32 + 32 + 32 * 32 + 32 + 32 + 1) && ticks > 10, lines.at(-2));
  const sines = numbers(lines.at(-1)!.split(":")[1]);
  strictEqual(sines.length, 4);
  [0, 0.5, 1, -1].forEach((sine, i) => ok(Math.abs(sines[i] - sine) < 0.15, lines.at(-1)));
});

Deno.test("10: the server answers fifty requests at once, refuses what is no rows, and leaves no tensor", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net", "--no-check", `${ROOT}/examples/10_server.ts`, "0", "52"],
    stdout: "piped",
    stderr: "inherit",
    env: { NO_COLOR: "1", ITERA_TUNING: "none" },
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader.read()).value ?? "";
  const [port] = numbers(first);
  const ask = async (body: string): Promise<{ status: number; answer: unknown }> => {
    const response = await fetch(`http://localhost:${port}`, { method: "POST", body });
    return { status: response.status, answer: await response.json() };
  };
  const rows = (i: number): string => JSON.stringify([[i / 10, -1], [1, i / 20]]);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(rows(i))));
  for (const { status, answer } of answers) {
    strictEqual(status, 200);
    for (const row of answer as number[][]) ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-5 && row.length === 3);
  }
  strictEqual(new Set(answers.map(({ answer }) => JSON.stringify(answer))).size, 50, "answers were mixed up");
  deepStrictEqual(await ask(rows(7)), answers[7], "a request alone is answered as among others");
  const refused = await ask("[[1], [2, 3]]");
  strictEqual(refused.status, 400);
  match(JSON.stringify(refused.answer), /nested arrays have unequal lengths/);
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  strictEqual((await child.status).code, 0);
  strictEqual(rest, "52 requests answered, 0 tensors left behind\n");
});

Deno.test("11: a kernel passes its checks, and the barrier that it lacks is missed", async () => {
  const [passed, race, ...rest] = await example("11_check_kernel.ts");
  match(passed, /^1\d checks passed on 6 samples$/);
  match(
    race,
    /^races: sum_rows\.wgsl:\d+: `found\[lane\].*" is (read|written) by invocation .* with no barrier between/,
  );
  deepStrictEqual(rest, []);
});

Deno.test("12: a function that loses digits is named with its argument", async () => {
  const [careful, plain, ...rest] = await example("12_check_function.ts");
  strictEqual(careful, "careful: of 4096 arguments none is off by more than 4 units in the last place");
  match(plain, /^values: plain\([\d.e-]+\) is [\d.e-]+, expected [\d.e-]+, .* numbers are off, the others within/);
  deepStrictEqual(rest, []);
});

Deno.test("13: an op passes its checks in both kernel sets", async () => {
  const [cpu, gpu, sigmoid, ...rest] = await example("13_check_op.ts");
  match(cpu, /^mish, cpu kernels: 1\d checks passed$/);
  match(gpu, /^mish, gpu kernels: 1\d checks passed$/);
  ok(numbers(sigmoid)[0] < 100, sigmoid);
  deepStrictEqual(rest, []);
});

Deno.test("the notebook shows a tensor, the curve of a training and an image with its boxes", async () => {
  const [title, product, curve, image, ...rest] = await runNotebook(
    `${ROOT}/examples/notebook.ipynb`,
    `${ROOT}/examples`,
  );
  deepStrictEqual(rest, []);
  match(title["text/plain"], /kernels: (cpu|gpu)/);
  match(product["text/plain"], /\n\[\[14\. 32\.\]\n \[32\. 77\.\]\]$/);
  match(product["text/html"], /<td>14\.<\/td><td>32\.<\/td>/);
  const [, first, , end] = /^Loss\nloss: ([\d.]+) at step (\d+), ([\d.]+) at step 200$/.exec(curve["text/plain"]) ?? [];
  ok(Number(end) < Number(first) / 2, curve["text/plain"]);
  match(curve["image/svg+xml"], /^<svg .*<\/svg>$/);
  match(image["text/plain"], /^context val 3: .*\n1 \w+: \d+, \d+, \d+, \d+\n/);
  strictEqual(image["image/png"].slice(0, 8), "iVBORw0K");
});

Deno.test("a reasoning module of one's own is trained and measured", async () => {
  const { code, out, err } = await ended(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `${ROOT}/examples/scene_vote.ts`, "60"],
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn(),
  );
  strictEqual(code, 0, err);
  match(out, /^image: per-instance accuracy \d\.\d{3}, per-class AP \d\.\d{3}\nvote: .*\n$/);
  const accuracies = [...out.matchAll(/accuracy (\d\.\d+)/g)].map(([, value]) => Number(value));
  // Whoever always answers the commonest class has 8 %; sixty steps gave the ConvNet 20 % and the vote 11 %.
  const [image, vote] = accuracies;
  ok(image > 0.14 && vote > 0.09, out);
});
