/** `itera time`: times of ops, kernels and shaders at the models' sizes, alone or in turns with others in their place. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/base/user_error.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { offer } from "../completion/words.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { line, notice } from "../terminal/output.ts";
import { select, type Selection, wordsForShells } from "../test/select.ts";
import { casesOf, type TimedCase } from "./cases.ts";
import { faultAtSize, faultOnSamples } from "./check.ts";
import { factsOf } from "./facts.ts";
import { measureLimits } from "./measure.ts";
import { showTimes, type Timed } from "./show.ts";
import { OwnSide, type Side } from "./sides.ts";
import { commitOf, othersBy, textIn, textsAt } from "./texts.ts";
import { tilingOf } from "./tiling.ts";
import { TreeSide } from "./tree.ts";
import { inTurns } from "./turns.ts";

/** Options of `itera time` by name. */
interface TimeOptions {
  readonly against?: string | undefined;
  readonly tiling?: string | undefined;
  readonly kernels?: KernelSet | undefined;
  readonly seconds: number;
  readonly seed: number;
  readonly all?: true | undefined;
}

/** Adds the command. */
export function addTime(program: Command): void {
  const names = program.createArgument("<names...>", "names or patterns such as conv2d, 'conv*', matmul_tiles.wgsl");
  offer(names, wordsForShells);
  program.command("time")
    .description("time what is named, checked first: ops, kernels, shader files; alone or in turns with another")
    .addArgument(names)
    .option("--against <what>", "a commit, such as HEAD~1, or a file with another text of the shader")
    .addOption(
      new Option("--tiling <tiling>", "in turns with another tiling, such as 64x32, 64x32/4 or F4:64x32").conflicts(
        "against",
      ),
    )
    .addOption(new Option("--kernels <set>", "a kernel set; by default the device's").choices(["cpu", "gpu"] as const))
    .addOption(new Option("--seconds <n>", "how long each size is timed").argParser(secondsOf).default(2))
    .addOption(new Option("--seed <n>", "which numbers are drawn").argParser(seedOf).default(1))
    .option("--all", "every size of products that the models have; by default a few")
    .action((names, options) => time(names, options as TimeOptions));
}

function secondsOf(text: string): number {
  if (Number(text) > 0 && Number(text) <= 3600) return Number(text);
  throw new InvalidArgumentError("It is a number of seconds above 0.");
}

function seedOf(text: string): number {
  if (/^\d+$/.test(text) && Number(text) < 2 ** 32) return Number(text);
  throw new InvalidArgumentError("It is a whole number from 0 to 4294967295.");
}

/** Kernels that today's are timed against. */
interface Other {
  readonly title: string;
  readonly side: Side;
  /** Another way to have them, where today's host code does not know how theirs want to be run. */
  readonly instead?: () => Promise<Other>;
}

async function time(words: readonly string[], options: TimeOptions): Promise<void> {
  const selection = select(words);
  await using today = await deviceFor(selection, options);
  const { device } = today, planned = casesOf(device, selection, options);
  if (planned.length === 0) {
    throw new UserError(`no op runs ${selection.kernels.join(", ")} in the ${device.kernels} kernels`);
  }
  const reached = new Set(planned.flatMap(({ kernels }) => kernels));
  let other = await otherOf(selection, reached, options, device.kernels);
  await using stack = new AsyncDisposableStack();
  if (other) stack.use(other.side);
  const wrong = new Set<string>(), ops = new Map<string, boolean>(), timed: Timed[] = [];
  const refuse = (title: string, what: string, fault: string): void => {
    line(`${what}: ${title} computes wrong numbers, and is not timed: ${fault}`);
    wrong.add(what);
  };
  /** True where both compute what they must; where the other does not, it is had in another way if there is one. */
  const bothRight = async (what: string, faultOf: (side: Side) => Promise<string | null>): Promise<boolean> => {
    const own = await faultOf(today);
    if (own !== null) refuse("today's", what, own);
    let fault = other && await faultOf(other.side);
    if (fault !== null && other?.instead) {
      const { title, side, instead } = other;
      other = await instead().catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        notice(error.message);
        return { title, side };
      });
      if (other.side !== side) {
        stack.use(other.side);
        // Nothing is known of what else it computes.
        ops.clear();
        fault = await faultOf(other.side);
      }
    }
    if (fault !== null) refuse(other!.title, what, fault);
    return own === null && fault === null;
  };
  const limits = await measureLimits(device, { roundMs: 100 });
  for (const { make } of planned) {
    const one = await make(), { name } = one.op;
    if (!ops.has(name)) ops.set(name, await bothRight(name, (side) => faultOnSamples(side, one.op, options.seed)));
    if (!ops.get(name)) continue;
    const right = await bothRight(one.title, async (side) => {
      await side.open(one.work);
      return await faultAtSize(side, one);
    });
    if (right) timed.push(await timeCase(one, selection, today, other?.side ?? null, options.seconds));
  }
  showTimes(device, limits, timed, other?.title ?? null);
  if (wrong.size > 0) throw new ProgramFailed(1);
}

/** Takes turns with work that both sides have open. */
async function timeCase(
  one: TimedCase,
  { ops, kernels }: Selection,
  today: OwnSide,
  other: Side | null,
  seconds: number,
): Promise<Timed> {
  const whole = ops.includes(one.op.name) || (other && !other.sameKernels), counted = whole ? [] : kernels;
  const turns = await inTurns(
    (runs) => today.turn(runs, counted),
    other ? (runs) => other.turn(runs, counted) : null,
    seconds,
  );
  notice(`timed ${one.title}: ${turns.own.median.toPrecision(3)} ms`);
  return { title: one.title, ...turns, ...factsOf(today.device, one.work, counted) };
}

/** Today's kernels in the set that is asked for, else in the device's, else in one where something runs what is named. */
async function deviceFor(selection: Selection, { kernels, ...options }: TimeOptions): Promise<OwnSide> {
  const side = await OwnSide.today(kernels);
  if (kernels || casesOf(side.device, selection, options).length > 0) return side;
  const { kernels: own } = side.device;
  await side[Symbol.asyncDispose]();
  return await OwnSide.today(own === "cpu" ? "gpu" : "cpu");
}

async function otherOf(
  selection: Selection,
  reached: ReadonlySet<string>,
  { against, tiling }: TimeOptions,
  kernels: KernelSet,
): Promise<Other | null> {
  if (tiling !== undefined) {
    const own = tilingOf(tiling, kernels);
    return { title: `tiling ${tiling}`, side: await OwnSide.ofTiling(own, kernels) };
  }
  if (against === undefined) return null;
  const chosen = allKernels().filter(({ name }) => selection.kernels.includes(name));
  if (isFile(against)) {
    if (selection.ops.length > 0) {
      throw new UserError(`--against ${against}: name the shader that it stands for, not an op`);
    }
    const { parts, misfit } = othersBy(await textIn(against, chosen), chosen);
    if (misfit !== null) throw new UserError(`${against} does not fit in: ${misfit}`);
    if (parts.size === 0) throw new UserError(`${against} is the same text`);
    return { title: against, side: await OwnSide.ofTexts(parts, kernels) };
  }
  const folder = projectFolder(), commit = await commitOf(folder, against);
  const { parts, misfit } = othersBy(
    await textsAt(folder, commit),
    allKernels().filter(({ name }) => reached.has(name)),
  );
  const wholeTree = async (why: string): Promise<Other> => {
    notice(`${why} at ${against}: its whole tree runs in a process of its own, and whole runs are timed`);
    return { title: against, side: await TreeSide.at(folder, commit, kernels) };
  };
  if (misfit !== null) return await wholeTree(misfit);
  if (parts.size === 0) notice(`${against} has the same shaders: what differs between them is noise`);
  const side = await OwnSide.ofTexts(parts, kernels);
  // A text may want to be run otherwise than today's, without a sign of it: by tilings that it does not know.
  const instead = () => wholeTree("the shaders compute other numbers, run as today's are,");
  return { title: against, side, ...parts.size > 0 ? { instead } : {} };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function projectFolder(): string {
  const url = new URL("../../deno.json", import.meta.url);
  if (url.protocol === "file:") return dirname(fileURLToPath(url));
  throw new UserError("--against a commit needs the project's folder; clone it and call ./itera there");
}
