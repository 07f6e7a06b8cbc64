/** Launchers of MPI that this machine has, and processes started by them. */

/** A launcher. */
export interface Launcher {
  readonly name: string;
  readonly args: readonly string[];
}

/** Both families, with what Open MPI needs as root and on few cores. */
const KNOWN: readonly Launcher[] = [
  { name: "mpirun.mpich", args: [] },
  { name: "mpirun.openmpi", args: ["--allow-run-as-root", "--oversubscribe"] },
];

/** True where a file is there. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** True where a program of that name is in the path. */
export function isInstalled(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => isFile(`${folder}/${name}`));
}

/** Declares a test for each launcher, or for one; it is skipped, and its name says so, where that is not installed. */
export function testLaunchers(
  name: string,
  body: (launcher: Launcher) => Promise<void>,
  { one = false }: { readonly one?: boolean } = {},
): void {
  const installed = KNOWN.find((launcher) => isInstalled(launcher.name)) ?? KNOWN[0];
  for (const launcher of one ? [installed] : KNOWN) {
    const missing = !isInstalled(launcher.name);
    const title = `${name}, ${launcher.name}${missing ? " (skipped: not installed)" : ""}`;
    Deno.test({ name: title, ignore: missing, fn: () => body(launcher) });
  }
}

/** Starts `ranks` processes of Deno with these arguments. */
export function startRanks(
  { name, args }: Launcher,
  ranks: number,
  own: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(name, {
    args: [...args, "-n", String(ranks), Deno.execPath(), "run", "-A", "--no-check", ...own],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ITERA_TUNING: "none", ...env },
  }).spawn();
}
