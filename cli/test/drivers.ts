/** `itera test --drivers`: the checks on every Vulkan driver that there is, a process each, and a table of what came of them. */
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../engine/base/user_error.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import { faultLine, sampleLine } from "../../engine/testing/checks/report.ts";
import { ProgramFailed } from "../terminal/failure.ts";
import { line, lines, Progress, table } from "../terminal/output.ts";
import type { Checked } from "./check.ts";
import { progressIn } from "./progress.ts";
import { fits, select, type Selection } from "./select.ts";
import { counts } from "./show.ts";

/** A driver, as a process is started on it. */
export interface Driver {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Folders of drivers' descriptions: the loader's own, Chromium's, and newer ones that are installed beside the system's. */
const FOLDERS = [
  "/usr/share/vulkan/icd.d",
  "/etc/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/usr/local/nvidia/share/vulkan/icd.d",
  "/usr/lib/chromium",
  "/opt/mesa/share/vulkan/icd.d",
];

/** Bits of llvmpipe's vectors: subgroups of 4, 8 and 16. */
const WIDTHS = [128, 256, 512];

/** Drivers whose descriptions lie in some folders; one that has no device here is found out when it is opened. */
export function driversIn(folders: readonly string[] = FOLDERS): Driver[] {
  return folders.flatMap((folder) => {
    let names: string[];
    try {
      names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /icd.*\.json$/.test(name)).sort();
    } catch {
      return [];
    }
    return names.flatMap((name) => driversOf(join(folder, name), {}));
  });
}

/** The driver of a description, or, of llvmpipe, one for each width of vectors. */
function driversOf(path: string, env: Driver["env"], beside = ""): Driver[] {
  const own = { ...env, VK_DRIVER_FILES: path, VK_ICD_FILENAMES: path };
  const title = basename(path, ".json").replace(/^vk_/, "").replace(/_icd.*$/, "");
  if (title !== "lvp") return [{ name: title + beside, env: own }];
  return WIDTHS.map((bits) => ({
    name: `llvmpipe ${bits}${beside}`,
    env: { ...own, LP_NATIVE_VECTOR_WIDTH: String(bits) },
  }));
}

/**
 * Drivers of descriptions that lie elsewhere, separated by colons as in `VK_DRIVER_FILES`; libraries are looked for beside a driver's
 * own first. Throws {@link UserError} for what is no description.
 */
export function driversAt(paths: string): Driver[] {
  return paths.split(":").filter((path) => path !== "").flatMap((path) => {
    let library: unknown;
    try {
      library = JSON.parse(Deno.readTextFileSync(path)).ICD.library_path;
    } catch {
      // Said below.
    }
    if (typeof library !== "string") {
      throw new UserError(`ITERA_DRIVERS: "${path}" is no description of a Vulkan driver`);
    }
    const folders = [dirname(library), Deno.env.get("LD_LIBRARY_PATH") ?? ""].filter((folder) =>
      !["", "."].includes(folder)
    );
    return driversOf(path, { LD_LIBRARY_PATH: folders.join(":") }, `, ${basename(dirname(path))}`);
  });
}

/** A browser beside the drivers: another compiler of WGSL, Tint, on the SwiftShader that it brings. */
const CHROMIUM: Driver = { name: "Chromium (Tint)", env: {} };
const NO_CHROMIUM = "not there, so nothing ran by Tint (apt-get install chromium, or set CHROMIUM)";

/** Results on a driver. */
interface Outcome {
  readonly driver: Driver;
  readonly reports: readonly Checked[];
  /** The error that ended it, in words. */
  readonly error: string | null;
}

/** Options of {@link onDrivers}. */
export interface DriverOptions {
  /** One kernel set; null for both. */
  readonly kernels: KernelSet | null;
  readonly seed: number;
  /** Names or patterns of the drivers. */
  readonly on: readonly string[];
  /** True for checks of the kernels as they are alone. */
  readonly brief: boolean;
}

/**
 * Drivers, and a browser beside them, that some names or patterns stand for; a pattern may fit none. Throws {@link UserError} for a
 * name that is no driver's, and where there is none at all.
 */
export function driversNamed(on: readonly string[], drivers: readonly Driver[]): readonly Driver[] {
  const fitting = (name: string): boolean => drivers.some((driver) => fits(name)(driver.name));
  const wrong = on.find((name) => !fitting(name) && (!/[*?]/.test(name) || !on.some(fitting)));
  if (wrong !== undefined) {
    throw new UserError(`--on: there is no driver "${wrong}"; there are ${drivers.map(({ name }) => name).join(", ")}`);
  }
  return drivers.filter((driver) => on.some((name) => fits(name)(driver.name)));
}

/** Runs the checks of some names on every driver and prints the table. */
export async function onDrivers(names: readonly string[], options: DriverOptions): Promise<void> {
  const selection = select(names), outcomes: Outcome[] = [];
  const all = [...driversIn(), ...driversAt(Deno.env.get("ITERA_DRIVERS") ?? ""), CHROMIUM];
  const drivers = driversNamed(options.on, all);
  using progress = new Progress("checked on drivers", "ops");
  const known = new Map<Driver, readonly [done: number, of: number]>();
  const see = (driver: Driver, far: readonly [done: number, of: number]): void => {
    known.set(driver, far);
    const all = [...known.values()], sum = (at: 0 | 1): number => all.reduce((total, own) => total + own[at], 0);
    // Drivers that have not begun check as much as those that have.
    const waiting = queue.filter(({ driver }) => driver !== CHROMIUM).length;
    progress.update(sum(0), Math.round(sum(1) * (1 + waiting / all.length)), driver.name);
  };
  const queue = drivers.map((driver) => ({
    driver,
    run: () =>
      driver === CHROMIUM
        ? runInChromium(selection, options)
        : runOn(driver, names, options, (far) => see(driver, far)),
  }));
  const order = queue.map(({ driver }) => driver.name);
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const outcome = await next.run();
      if (!outcome) continue;
      progress.notice(`${outcome.driver.name}: ${outcome.reports[0]?.device ?? "no result"}`);
      outcomes.push(outcome);
    }
  };
  await Promise.all([work(), work()]);
  if (outcomes.length === 0 && drivers.some((driver) => driver !== CHROMIUM)) {
    throw new UserError("no Vulkan driver was found that has a device here");
  }
  outcomes.sort((a, b) => order.indexOf(a.driver.name) - order.indexOf(b.driver.name));
  show(outcomes);
  if (drivers.includes(CHROMIUM) && !outcomes.some(({ driver }) => driver === CHROMIUM)) {
    line(`${CHROMIUM.name}: ${NO_CHROMIUM}`);
  }
  if (outcomes.some(({ error, reports }) => error !== null || reports.some(({ faults }) => faults.length > 0))) {
    throw new ProgramFailed(1);
  }
}

/** Runs a command of ours in a process on a driver; `see` gets the lines of its standard error, of which the last is returned. */
async function runWith(
  { env }: Driver,
  args: readonly string[],
  see: (line: string) => void = () => {},
): Promise<{ code: number; out: string; last: string }> {
  const url = new URL("../../deno.json", import.meta.url);
  if (url.protocol !== "file:") {
    throw new UserError("--drivers needs the project's folder; clone it and call ./itera there");
  }
  const all = ["run", "-A", "--no-check", join(dirname(fileURLToPath(url)), "cli/main.ts"), ...args];
  const child = new Deno.Command(Deno.execPath(), { args: all, env: { ...env }, stdout: "piped", stderr: "piped" })
    .spawn();
  let last = "";
  const watch = async (): Promise<void> => {
    for await (const text of linesOf(child.stderr)) {
      if (text.trim() !== "") last = text.trim();
      see(text);
    }
  };
  const [{ code }, out] = await Promise.all([child.status, new Response(child.stdout).text(), watch()]);
  return { code, out, last };
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
  yield rest;
}

/** True where a driver has a device here: where it has none, another that computes on the CPU may answer in its place. */
async function hasDevice(driver: Driver): Promise<boolean> {
  const { code, out } = await runWith(driver, ["doctor", "--brief"]);
  return code === 0 && driver.name.startsWith("llvmpipe") === /llvmpipe/.test(out);
}

async function runOn(
  driver: Driver,
  names: readonly string[],
  { kernels, seed, brief }: DriverOptions,
  see: (far: readonly [done: number, of: number]) => void,
): Promise<Outcome | null> {
  if (!await hasDevice(driver)) return null;
  const set = [...kernels ? ["--kernels", kernels] : [], ...brief ? ["--brief"] : []];
  const args = ["test", ...names, ...set, "--seed", `${seed}`, "--json"];
  const { code, out, last } = await runWith(driver, args, (text) => {
    const far = progressIn(text);
    if (far) see(far);
  });
  let reports: Checked[] = [], error: string | null = null;
  try {
    const result = JSON.parse(out);
    reports = result.reports ?? [];
    error = result.error ?? null;
  } catch {
    error = last || `status ${code}`;
  }
  return { driver, reports, error };
}

/** Runs the checks in a headless browser; null where there is none. */
async function runInChromium(
  selection: Selection,
  { kernels, seed, brief }: DriverOptions,
): Promise<Outcome | null> {
  // The browser's driver is loaded by whoever wants it.
  const { checkInChromium } = await import("./chromium/mod.ts");
  try {
    const reports = await checkInChromium(selection, kernels ? [kernels] : ["cpu", "gpu"], { seed, brief });
    if (reports === null) return null;
    return { driver: CHROMIUM, reports, error: null };
  } catch (error) {
    const [first] = (error as Error).message.trim().split("\n");
    return { driver: CHROMIUM, reports: [], error: first };
  }
}

/** Prints ops by drivers with the worst error of each, and what is wrong. */
function show(outcomes: readonly Outcome[]): void {
  const keyOf = ({ subject, kernels }: Checked): string => `${subject}, ${kernels}`;
  const keys = [...new Set(outcomes.flatMap(({ reports }) => reports.map(keyOf)))];
  const cellOf = (key: string, reports: readonly Checked[]): string => {
    const own = reports.find((report) => keyOf(report) === key);
    if (!own) return "none";
    const all = new Set(
      outcomes.flatMap((one) => one.reports.filter((report) => keyOf(report) === key)).flatMap(({ ran }) => ran),
    );
    const lacking = all.size - own.ran.length, { failed } = counts(own);
    const worst = own.samples.reduce((most, { compared }) => Math.max(most, Number(compared.worst?.error ?? 0)), 0);
    const words = failed > 0
      ? `${failed} FAILED, ${worst.toPrecision(2)}`
      : worst === 0
      ? "exact"
      : worst.toPrecision(2);
    return lacking > 0 ? `${words} (${lacking} kernels not run)` : words;
  };
  table({
    title: "worst error in units of its bound",
    columns: ["op, kernels", ...outcomes.map(({ driver }) => driver.name)],
    rows: keys.map((key) => [key, ...outcomes.map(({ reports }) => cellOf(key, reports))]),
  });
  for (const { driver, reports, error } of outcomes) {
    if (error) line(`${driver.name}: ${error}`);
    for (const report of reports) {
      for (const fault of report.faults) lines(`${driver.name}, ${keyOf(report)}: ${faultLine(fault)}`);
      const off = report.samples.filter(({ compared }) => compared.off > 0);
      if (off.length > 0) line(`${driver.name}, ${keyOf(report)}: ${sampleLine(off[0])}`);
    }
  }
}
