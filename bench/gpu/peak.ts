/** Theoretical rates of an NVIDIA chip, from the counts its driver gives. */

/** Theoretical rates. */
export interface Peak {
  /** Multiplications and additions a ms in float32, outside tensor cores. */
  readonly compute: number;
  /** Bytes a ms of its memory; null where the driver does not say. */
  readonly bandwidth: number | null;
  /** Counts and clocks that both were computed from. */
  readonly source: string;
}

/** CUDA's numbers of what can be asked of a device. */
const CLOCK_KHZ = 13, PROCESSORS = 16, MEMORY_KHZ = 36, BUS_BITS = 37, MAJOR = 75, MINOR = 76;

/** float32 lanes of a multiprocessor, by compute capability; 128 where it is not listed. */
const LANES: Readonly<Record<string, number>> = { "6.0": 64, "7.0": 64, "7.2": 64, "7.5": 64, "8.0": 64 };

/** The rates of the chip whose name `adapter` contains, else of the first; null where there is no such driver. */
export function nvidiaPeak(adapter: string): Peak | null {
  let cuda;
  try {
    cuda = Deno.dlopen("libcuda.so.1", {
      cuInit: { parameters: ["u32"], result: "i32" },
      cuDeviceGetCount: { parameters: ["buffer"], result: "i32" },
      cuDeviceGet: { parameters: ["buffer", "i32"], result: "i32" },
      cuDeviceGetName: { parameters: ["buffer", "i32", "i32"], result: "i32" },
      cuDeviceGetAttribute: { parameters: ["buffer", "i32", "i32"], result: "i32" },
    });
  } catch {
    return null;
  }
  try {
    const { symbols } = cuda;
    const word = new Int32Array(1);
    const asked = (status: number): number => status === 0 ? word[0] : 0;
    if (symbols.cuInit(0) !== 0) return null;
    const count = asked(symbols.cuDeviceGetCount(word));
    const devices = Array.from({ length: count }, (_, i) => asked(symbols.cuDeviceGet(word, i)));
    const nameOf = (device: number): string => {
      const text = new Uint8Array(256);
      symbols.cuDeviceGetName(text, text.length, device);
      return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
    };
    const device = devices.find((d) => adapter.includes(nameOf(d))) ?? devices[0];
    if (device === undefined) return null;
    const get = (what: number): number => asked(symbols.cuDeviceGetAttribute(word, what, device));
    return peakOf({
      name: nameOf(device),
      processors: get(PROCESSORS),
      clockKHz: get(CLOCK_KHZ),
      capability: `${get(MAJOR)}.${get(MINOR)}`,
      memoryKHz: get(MEMORY_KHZ),
      busBits: get(BUS_BITS),
    });
  } finally {
    cuda.close();
  }
}

/** Counts of a chip. */
export interface Chip {
  readonly name: string;
  readonly processors: number;
  readonly clockKHz: number;
  /** Compute capability, such as `9.0`. */
  readonly capability: string;
  readonly memoryKHz: number;
  readonly busBits: number;
}

/** Theoretical rates from counts: a lane multiplies and adds once a cycle, memory moves data twice a cycle. */
export function peakOf({ name, processors, clockKHz, capability, memoryKHz, busBits }: Chip): Peak | null {
  if (processors === 0 || clockKHz === 0) return null;
  const lanes = LANES[capability] ?? 128;
  const bandwidth = memoryKHz * busBits === 0 ? null : 2 * memoryKHz * busBits / 8;
  const memory = bandwidth === null
    ? ""
    : `; memory: ${busBits} bits at ${(memoryKHz / 1e6).toFixed(2)} GHz, twice a cycle`;
  return {
    compute: processors * lanes * 2 * clockKHz,
    bandwidth,
    source: `${name}'s driver: ${processors} multiprocessors × ${lanes} lanes × 2 at ${
      (clockKHz / 1e6).toFixed(2)
    } GHz${memory}`,
  };
}
