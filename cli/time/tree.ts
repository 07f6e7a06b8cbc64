/** The whole tree of a commit in a process of its own, for kernels that today's host code cannot run. */
import { dirname, join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import type { AnyOp } from "../../engine/op.ts";
import type { Prepared } from "../../engine/testing/samples/prepare.ts";
import type { Ran } from "../../engine/testing/samples/run_sample.ts";
import { fromWire, toWire } from "../../engine/testing/samples/wire.ts";
import type { Request } from "./child.ts";
import type { Side } from "./sides.ts";
import { git } from "./texts.ts";
import type { Work } from "./work.ts";

/** Files of today that drive the engine of that commit. */
const DRIVING = [
  "cli/time/child.ts",
  "cli/time/work.ts",
  "cli/time/timed_runs.ts",
  "engine/testing/samples/run_sample.ts",
  "engine/testing/samples/wire.ts",
  "engine/testing/float64/ndarray64.ts",
  "engine/testing/float64/autodiff64.ts",
  "engine/testing/float64/tape64.ts",
  "engine/testing/random.ts",
];

/** Lays out the engine and shaders of a commit of the project in `folder`, and what drives them. */
async function layOut(folder: string, commit: string, to: string): Promise<void> {
  const archive = await git(folder, "archive", "--format=tar", commit, "engine", "shaders");
  if (!archive) throw new UserError(`there is no engine in ${commit}`);
  const untar = new Deno.Command("tar", { args: ["-x", "-C", to], stdin: "piped", stderr: "null" }).spawn();
  const writer = untar.stdin.getWriter();
  await writer.write(archive);
  await writer.close();
  if (!(await untar.status).success) throw new UserError(`the tree of ${commit} cannot be unpacked`);
  for (const file of DRIVING) {
    await Deno.mkdir(dirname(join(to, file)), { recursive: true });
    await Deno.copyFile(join(folder, file), join(to, file));
  }
}

/** A side in a process of its own, by the engine of another commit. */
export class TreeSide implements Side {
  readonly sameKernels = false;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#writer = child.stdin.getWriter();
    this.#answers = linesOf(child.stdout);
  }

  /** The tree of a commit of the project in `folder`. */
  static async at(folder: string, commit: string, kernels: KernelSet): Promise<TreeSide> {
    const to = await Deno.makeTempDir({ prefix: "itera-time-" });
    try {
      await layOut(folder, commit, to);
      const args = ["run", "-A", "--no-check", "--no-config", join(to, "cli/time/child.ts")];
      const options = { args, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
      const side = new TreeSide(new Deno.Command(Deno.execPath(), options).spawn(), to);
      await side.#ask({ ask: "device", kernels });
      return side;
    } catch (error) {
      await Deno.remove(to, { recursive: true });
      throw error;
    }
  }

  async #ask(request: Request): Promise<unknown> {
    await this.#writer.write(new TextEncoder().encode(`${toWire(request)}\n`)).catch(() => {});
    const { value, done } = await this.#answers.next();
    if (done) {
      const said = await new Response(this.#child.stderr).text();
      throw new UserError(`the engine of that commit cannot be driven by today's: ${reason(said)}`);
    }
    const { result, error } = fromWire(value) as { readonly result?: unknown; readonly error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  }

  async samples(op: AnyOp, prepared: readonly Prepared[]): Promise<readonly Ran[]> {
    const tasks = prepared.map(({ sample, options }) => ({ sample, options }));
    return await this.#ask({ ask: "samples", op: op.name, tasks }) as readonly Ran[];
  }

  async open(work: Work): Promise<void> {
    await this.#ask({ ask: "open", work });
  }

  async read(): Promise<ArrayLike<number>> {
    return await this.#ask({ ask: "read" }) as ArrayLike<number>;
  }

  /** Its kernels may have other names: those of the whole run are timed. */
  async turn(runs: number): Promise<number> {
    return await this.#ask({ ask: "turn", runs }) as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#child.status;
    await this.#child.stderr.cancel().catch(() => {});
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of stream) {
    const [first, ...rest] = decoder.decode(chunk, { stream: true }).split("\n");
    parts.push(first);
    for (const next of rest) {
      yield parts.join("");
      parts = [next];
    }
  }
}

/** The line of a stack trace that says what went wrong. */
function reason(text: string): string {
  const lines = text.trim().split("\n");
  return (lines.find((own) => /error:/i.test(own)) ?? lines[0] ?? "it ended").replace(/^error: /, "").slice(0, 200);
}
