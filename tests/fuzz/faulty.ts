/** Readers with a fault each, and a sound one: the fuzzer has to report the faults, and them alone. */
import { join } from "node:path";
import { UserError } from "../../engine/base/user_error.ts";
import { BINARY } from "./mutate/bytes.ts";
import type { FuzzReader } from "./reader.ts";

const FILE = "a.bin", WHOLE = Uint8Array.from({ length: 40 }, (_, i) => i);

/** A reader of 40 bytes, which must be those of the sample or are refused; `wrong` is done with others. */
function reader(
  name: string,
  wrong: (bytes: Uint8Array, path: string) => unknown,
  others: Partial<FuzzReader> = {},
): FuzzReader {
  return {
    name,
    samples: () => [{ [FILE]: WHOLE }],
    mutators: () => BINARY,
    read: async (folder) => {
      const path = join(folder, FILE),
        bytes = await Deno.readFile(path).catch(() => {
          throw new UserError(`${path}: there is no such file`);
        });
      const same = bytes.length === WHOLE.length && bytes.every((byte, i) => byte === WHOLE[i]);
      return same ? bytes : wrong(bytes, path);
    },
    check: (value) => (value as Uint8Array).every((byte) => byte < 128) ? null : "a byte of more than 7 bits",
    ...others,
  };
}

const refuse = (path: string): never => {
  throw new UserError(`${path}: is damaged`);
};

let calls = 0;
/** Kept, so that nothing is freed. */
const held: Uint8Array[] = [];

/** The readers. */
export const READERS: readonly FuzzReader[] = [
  reader("sound", (_, path) => refuse(path)),
  reader("raw error", () => (undefined as unknown as { length: number }).length),
  reader("raw words", (_, path) => {
    throw new UserError(`${path}: Cannot read properties of undefined`);
  }),
  reader("no file's name", () => {
    throw new UserError("the file is damaged");
  }),
  reader("hang", () => {
    for (;;);
  }),
  reader("endless wait", () => new Promise(() => setInterval(() => {}, 1000))),
  reader("memory", (_, path) => {
    held.push(new Uint8Array(64 * 2 ** 20).fill(1));
    return refuse(path);
  }),
  reader("crash", () => Deno.exit(3)),
  reader("unequal twice", (bytes) => [...bytes, calls++]),
  reader("other reason", (_, path) => refuse(`${path}: ${calls++}`)),
  reader("silently wrong", (bytes) => bytes.map((byte) => byte | 128)),
  reader("changed under a checksum", (bytes) => bytes.map((byte) => byte & 127), { onlyOriginal: true }),
  reader("refuses too much", (_, path) => refuse(path), { checkRefusal: () => "refused what another reader reads" }),
];
