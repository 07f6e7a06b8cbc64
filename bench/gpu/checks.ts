/** The tests of ops and kernels as a phase: each in a process of its own, stopped when its time is up. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Item, Skip } from "./schedule.ts";
import { type CheckedFile, TestOutput } from "./test_output.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The folder whose tests are of values computed by kernels. */
const FOLDER = "tests/engine";

/** The one long file, and how it is taken in parts, by kernel set and by the first letters of an op's name. */
const LONG = "tests/engine/ops/registry_test.ts";
const KERNEL_SETS = ["gpu", "cpu"];
const LETTERS = ["a-b", "c-d", "e-l", "m-o", "p-r", "s", "t-z"];

/**
 * Time before the deadline at which a process is stopped: its results are still to be counted, and nothing may
 * outlive us.
 */
const MARGIN_MS = 1000;

/** Test files in a folder and those below it. */
function testsIn(folder: string): string[] {
  return [...Deno.readDirSync(`${ROOT}/${folder}`)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testsIn(path) : path.endsWith("_test.ts") ? [path] : [];
  });
}

/** A process of tests. */
export interface CheckItem extends Item {
  /** Arguments of `deno test` beside the path. */
  readonly args: readonly string[];
}

/** Every test file, the registry's with the kernels for GPUs first. `found` is given what came of each. */
export function checkItems(found: (file: CheckedFile) => void): CheckItem[] {
  const files = testsIn(FOLDER).filter((path) => path !== LONG).sort();
  const item = (path: string, name: string, args: readonly string[]): CheckItem => ({
    name,
    args,
    run: async (deadline) => {
      if (performance.now() > deadline - MARGIN_MS) throw new Skip("no time was left");
      const checked = await runTests(name, [...args, path], deadline - MARGIN_MS);
      found(checked);
      const { failures, notRun } = checked;
      if (failures.length > 0) throw new Error(`${failures.length} failed, listed under "Values"`);
      if (notRun > 0) throw new Skip(`${notRun} of its tests found no time`);
    },
  });
  const [gpu, cpu] = KERNEL_SETS.map((kernels) =>
    LETTERS.map((letters) =>
      item(LONG, `${LONG} (${kernels} kernels, ${letters})`, [
        "--filter",
        `/^[${letters}].*\\(${kernels} kernels/i`,
      ])
    )
  );
  return [...gpu, ...files.map((path) => item(path, path, [])), ...cpu];
}

async function runTests(name: string, args: readonly string[], deadline: number): Promise<CheckedFile> {
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--no-lock", "--cached-only", ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, deadline - start);
  const output = new TestOutput();
  const errors = new Response(child.stderr).text();
  let last = "";
  for await (const line of lines(child.stdout)) {
    output.line(line);
    if (line.startsWith("error: ")) last = line.slice(7);
  }
  const { code } = await child.status;
  clearTimeout(timer);
  const failures = [...output.failures];
  // A file that does not load, leaks or crashes has failed even where no test of its own did.
  if (code !== 0 && !late && failures.length === 0) {
    const reason = last || (await errors).trim().split("\n").at(-1) || `status ${code}`;
    const message = `its process failed after ${output.passed.length} tests had passed: ${reason}`;
    failures.push({ title: name, message });
  }
  const notRun = late ? Math.max(1, output.open) : output.open;
  return { name, passed: output.passed.length, failures, notRun, seconds: (performance.now() - start) / 1000 };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== "") yield rest;
}
