/** MPI's shared library: where it is, and the handles that its family knows things by. */
import { UserError } from "../../../engine/base/user_error.ts";
import type { Family } from "./launched.ts";

/** A handle of MPI's: a number, or an address. */
export type Handle = number | bigint;

/** A library of MPI's, found. */
export interface MpiLibrary {
  /** Name or path by which it is opened. */
  readonly path: string;
  /** Type of a handle in calls. */
  readonly handle: "i32" | "usize";
  readonly handles: {
    readonly world: Handle;
    readonly float: Handle;
    readonly byte: Handle;
    readonly sum: Handle;
    readonly errorsReturn: Handle;
  };
}

/** Handles of MPICH and whatever keeps to its binary interface, such as Intel MPI and MVAPICH. */
const MPICH = { world: 0x44000000, float: 0x4c00040a, byte: 0x4c00010d, sum: 0x58000003, errorsReturn: 0x54000001 };

/** Handles of the standard's binary interface (MPI 5.0, appendix A). */
const STANDARD = { world: 0x101, float: 0x210, byte: 0x247, sum: 0x21, errorsReturn: 0x142 };

/** Objects of Open MPI, whose addresses are its handles. */
const OPEN_MPI = {
  world: "ompi_mpi_comm_world",
  float: "ompi_mpi_float",
  byte: "ompi_mpi_byte",
  sum: "ompi_mpi_op_sum",
  errorsReturn: "ompi_mpi_errors_return",
} as const;

/** Names of libraries by family, first choice first. Both families may be installed: the launcher's is meant. */
const NAMES: Readonly<Record<Family, readonly string[]>> = {
  mpich: ["libmpich.so.12", "libmpi.so.12", "libmpi_abi.so.0", "libmpi_abi.so"],
  openmpi: ["libmpi.so.40", "libmpi.so.80", "libmpi_abi.so.0", "libmpi_abi.so"],
  unknown: ["libmpi_abi.so.0", "libmpi_abi.so", "libmpich.so.12", "libmpi.so.12", "libmpi.so.40", "libmpi.so.80"],
};

/**
 * Finds the library of a family, or the one that `ITERA_MPI` names.
 *
 * @throws {UserError} that says what to install.
 */
export function findLibrary(family: Family, named: string | undefined = Deno.env.get("ITERA_MPI")): MpiLibrary {
  using loader = openLoader();
  const names = named ? [named] : NAMES[family];
  for (const path of names) {
    const address = loader.open(path);
    if (address !== null) return { path, ...handlesOf(path, (name) => loader.symbol(address, name)) };
  }
  throw new UserError(
    named
      ? `ITERA_MPI: ${named} cannot be opened; name MPI's shared library, such as /usr/lib/x86_64-linux-gnu/libmpich.so.12`
      : `several ranks were started, but none of ${names.join(", ")} is found: apt-get install ` +
        `${family === "openmpi" ? "openmpi-bin" : "mpich"}, or name MPI's library by ITERA_MPI`,
  );
}

function handlesOf(path: string, symbol: (name: string) => bigint | null): Omit<MpiLibrary, "path"> {
  if (/mpi_abi/.test(path)) return { handle: "usize", handles: STANDARD };
  if (symbol(OPEN_MPI.world) === null) return { handle: "i32", handles: MPICH };
  const entries = Object.entries(OPEN_MPI).map(([name, object]) => [name, symbol(object)!] as const);
  return { handle: "usize", handles: Object.fromEntries(entries) as unknown as MpiLibrary["handles"] };
}

/** `RTLD_NOW | RTLD_GLOBAL`: Open MPI's own parts look for each other's symbols among all of the process. */
const NOW_AND_GLOBAL = 0x102;

/** The system's loader. */
function openLoader() {
  const symbols = {
    dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
    dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
  } as const;
  if (Deno.build.os !== "linux") {
    throw new UserError(`several ranks were started, but they train together only on Linux, not on ${Deno.build.os}`);
  }
  const open = (path: string) => Deno.dlopen(path, symbols);
  let lib: ReturnType<typeof open>;
  try {
    lib = open("libc.so.6");
  } catch {
    // Before glibc 2.34 the loader's functions had a library of their own.
    lib = open("libdl.so.2");
  }
  const text = (name: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(`${name}\0`);
  return {
    open: (path: string) => lib.symbols.dlopen(text(path), NOW_AND_GLOBAL),
    symbol: (library: Deno.PointerObject, name: string): bigint | null => {
      const found = lib.symbols.dlsym(library, text(name));
      return found === null ? null : BigInt(Deno.UnsafePointer.value(found));
    },
    [Symbol.dispose]: () => lib.close(),
  };
}
