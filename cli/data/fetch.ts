/** `itera data fetch`: a published data set, from its official servers or the user's own downloads into a folder. */
import { type Command, Option } from "@commander-js/extra-typings";
import { fetchSet } from "../../datasets/fetch/fetch_set.ts";
import { overridden, readOverrides } from "../../datasets/fetch/overrides.ts";
import { type SourceRelease, SOURCES, type SourceSet } from "../../datasets/fetch/addresses.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { Stopped } from "../terminal/failure.ts";
import { fact, line, notice, Progress, table } from "../terminal/output.ts";

/** Adds the command to the group; settings are those of `program`. */
export function addDataFetch(group: Command, program: Command): void {
  group.command("fetch")
    .description(
      "download a published set and unpack what is needed of it; goes on where it stopped, and says what disk space it needs first",
    )
    .copyInheritedSettings(program)
    .addArgument(group.createArgument("<set>", "which set").choices(SOURCES.map(({ name }) => name)))
    .option("--to <folder>", "where to; by default a folder of the set's name")
    .addOption(
      new Option("--release <name>", "which release; by default the first that --list shows").choices([
        ...new Set(SOURCES.flatMap(({ releases }) => releases.map(({ name }) => name))),
      ]),
    )
    .option("--archive <files...>", "archives that you have downloaded yourself, such as after a registration")
    .option("--addresses <file>", "JSON of other addresses, lengths and checksums by the names of files")
    .option("--keep-archives", "keep downloaded archives after they are unpacked")
    .option("--list", "only list the files, with their addresses, lengths and checksums")
    .action(
      async (name, { to = name, release: wanted, archive = [], addresses, keepArchives = false, list = false }) => {
        const set = SOURCES.find((one) => one.name === name)!;
        const known = releaseOf(set, wanted);
        const release = addresses === undefined ? known : overridden(known, await readOverrides(addresses), addresses);
        if (list) return print(set, release);
        await stoppable(async (signal) => {
          using bars = new Bars();
          await fetchSet(set, release, to, {
            signal,
            archives: archive,
            keep: keepArchives,
            onMessage: (text) => bars.notice(text),
            onProgress: (phase, unit, done, of) => bars.update(phase, unit, done, of),
          });
        });
        fact("folder", to);
        if (set.dataset !== null) line(`look at it with: itera data check ${set.dataset} --data ${to}`);
      },
    );
}

function releaseOf({ title, releases }: SourceSet, wanted: string | undefined): SourceRelease {
  const found = wanted === undefined ? releases[0] : releases.find(({ name }) => name === wanted);
  if (found) return found;
  throw new UserError(`--release ${wanted}: ${title} has ${releases.map(({ name }) => name).join(", ")}`);
}

function print({ title, page, registration }: SourceSet, { name, files }: SourceRelease): void {
  fact("set", `${title}, release ${name}`);
  fact("page", page);
  if (registration !== undefined) fact("registration", registration);
  table({
    columns: ["file", "address", "bytes", "checksum"],
    rows: files.map(({ name, address, bytes, checksum }) => [
      name,
      address ?? "after a registration",
      bytes,
      checksum ? `${checksum.algorithm} ${checksum.value}` : "none is published",
    ]),
    counts: ["bytes"],
  });
}

/** Runs `work`, which Ctrl-C ends between two pieces. Throws {@link Stopped} then; a second one stops at once. */
async function stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const signals = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const ignore = (): void => {
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
  };
  const interrupt = (): void => {
    ignore();
    stop.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, interrupt);
  try {
    await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) throw new Stopped("stopped; run it again, it goes on where it stopped");
    throw error;
  } finally {
    if (!stop.signal.aborted) ignore();
  }
}

/** A bar for each phase, one after another. */
class Bars implements Disposable {
  #phase = "";
  #bar: Progress | undefined;

  update(phase: string, unit: string, done: number, of: number): void {
    if (phase !== this.#phase) {
      this[Symbol.dispose]();
      this.#bar = new Progress(phase, unit);
      this.#phase = phase;
    }
    this.#bar!.update(done, of);
  }

  notice(text: string): void {
    if (this.#bar) this.#bar.notice(text);
    else notice(text);
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]();
    this.#bar = undefined;
  }
}
