/** One file from a server, gone on with where it was cut off, its length and its checksum checked. */
import { explainWriteError } from "../../engine/base/atomic.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { type Checksum, checksumOf } from "./checksum.ts";
import { type Answer, ask, Passing } from "./server.ts";
import { forgetPart, type PartFacts, readPart, writePart } from "./part.ts";

/** A file to download. */
export interface Download {
  readonly address: string;
  /** Path that it gets when it is whole; until then it is `<path>.part`. */
  readonly path: string;
  /** Its length as stated; null where nothing is. */
  readonly bytes: number | null;
  readonly checksum: Checksum | null;
}

/** Hooks and patience of {@link download}. */
export interface DownloadOptions {
  /** Ends the download between two pieces; what there is stays. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes there, of how many. */
  readonly onProgress?: (done: number, of: number | null) => void;
  /** A line on what goes otherwise than it should. */
  readonly onMessage?: (text: string) => void;
  /** Tries without a new byte before it is given up; default 6. */
  readonly tries?: number;
  /** Milliseconds before the second try, doubled for each further one; default 1000. */
  readonly wait?: number;
  /** Milliseconds without a byte after which a connection is taken for dead; default 60,000. */
  readonly silence?: number;
}

/** Longest wait between two tries, in ms. */
const LONGEST_WAIT = 60_000;

/**
 * Downloads a file. A connection that is cut or silent is opened again and gone on with at the byte where it ended, if the
 * server sends parts and the file is still the same; so is one that an earlier process began.
 *
 * @throws {UserError} where the server refuses, the file has another length or checksum than stated, or cannot be written.
 */
export async function download(file: Download, options: DownloadOptions = {}): Promise<void> {
  const { signal, onMessage, tries = 6, wait = 1000 } = options, { address, path } = file;
  for (let failed = 0, stale = 0;;) {
    const before = readPart(path).have;
    try {
      await once(file, options);
      break;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Passing)) throw explainWriteError(path, error);
      if (error.stale) {
        forgetPart(path);
        stale++;
      }
      failed = readPart(path).have > before ? 1 : failed + 1;
      // A file that is another one each time would be begun anew without end.
      if (Math.max(failed, stale) >= tries) {
        throw new UserError(
          `${address}: ${error.message}; given up after ${tries} ${tries === 1 ? "try" : "tries"} in vain, ` +
            "run it again later, it goes on where it stopped",
        );
      }
      const pause = Math.min(LONGEST_WAIT, error.wait ?? wait * 2 ** (failed - 1));
      onMessage?.(`${address}: ${error.message}; tried again in ${Math.ceil(pause / 1000)} s`);
      await sleep(pause, signal);
    }
  }
  await finish(file, options);
}

/** One request, from where the part ends. Throws {@link Passing} for what another try may mend. */
async function once(file: Download, options: DownloadOptions): Promise<void> {
  const { address, path, bytes } = file, { onMessage } = options;
  const { have, facts } = readPart(path);
  if (bytes !== null && have === bytes) return;
  const resumes = have > 0 && canResume(file, have, facts);
  if (have > 0 && !resumes) {
    onMessage?.(`${address}: begins anew, nothing says that the part that is there belongs to it`);
    forgetPart(path);
  }
  const from = resumes ? have : 0;
  using answer = await ask(address, { from, validator: resumes ? facts!.validator : null, ...options });
  const before = facts?.total ?? null;
  if (answer.from > 0 && before !== null && answer.total !== before) {
    throw new Passing("it has another length than before", { stale: true });
  }
  if (answer.whole) return;
  if (answer.from === 0 && from > 0) {
    onMessage?.(`${address}: begins anew, the server sends no parts or has another file now`);
  }
  const total = answer.total ?? bytes;
  if (bytes !== null && answer.total !== null && answer.total !== bytes) {
    forgetPart(path);
    throw new UserError(
      `${address}: has ${answer.total} bytes, ${bytes} are stated; it was replaced, or an error's page stands there`,
    );
  }
  writePart(path, { address, validator: answer.validator, total: answer.total });
  await receive(answer, `${path}.part`, total, options);
}

/** Writes what the server sends behind what there is. */
async function receive(
  answer: Answer,
  part: string,
  total: number | null,
  { signal, onProgress }: DownloadOptions,
): Promise<void> {
  let have = answer.from;
  using out = await Deno.open(part, { write: true, create: true });
  await out.truncate(have);
  await out.seek(have, Deno.SeekMode.Start);
  onProgress?.(have, total);
  for await (const chunk of answer.chunks()) {
    signal?.throwIfAborted();
    have += chunk.length;
    if (total !== null && have > total) {
      await out.truncate(0);
      throw new Passing(`it sends more than the ${total} bytes that it has`);
    }
    for (let at = 0; at < chunk.length;) at += await out.write(chunk.subarray(at));
    onProgress?.(have, total);
  }
  if (total !== null && have < total) throw new Passing(`the connection was cut after ${have} of ${total} bytes`);
}

/**
 * True where the part is a beginning of the file: the server gave it a mark that it will know again, or a checksum of the
 * whole will tell.
 */
function canResume({ address, bytes, checksum }: Download, have: number, facts: PartFacts | null): boolean {
  if (facts === null || facts.address !== address || bytes !== null && have > bytes) return false;
  return facts.validator !== null || checksum !== null;
}

/** Checks the whole part and gives it its name. */
async function finish({ address, path, bytes, checksum }: Download, options: DownloadOptions): Promise<void> {
  const part = `${path}.part`;
  const { size } = await Deno.stat(part);
  if (bytes !== null && size !== bytes) {
    forgetPart(path);
    throw new UserError(`${address}: has ${size} bytes, ${bytes} are stated; run it again, it begins anew`);
  }
  if (checksum) {
    const found = await checksumOf(part, checksum.algorithm, options);
    if (found !== checksum.value) {
      forgetPart(path);
      throw new UserError(
        `${address}: its ${checksum.algorithm} is ${found}, ${checksum.value} is stated; run it again, it begins anew`,
      );
    }
  }
  try {
    using file = await Deno.open(part, { write: true });
    await file.sync();
    await Deno.rename(part, path);
  } catch (error) {
    throw explainWriteError(path, error);
  }
  forgetPart(path);
}

/** Waits; ends at once when the signal is given. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
