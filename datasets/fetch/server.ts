/** A request to a server for a file or the rest of it, and its answer in the words of a download. */
import { UserError } from "../../engine/base/user_error.ts";

/** A failure that another try may mend. */
export class Passing extends Error {
  override readonly name = "Passing";
  /** Milliseconds that the server asks to wait. */
  readonly wait: number | null;
  /** True where the part that is there is of no use to the server. */
  readonly stale: boolean;

  /** With a reason. */
  constructor(
    reason: string,
    { wait = null, stale = false }: { readonly wait?: number | null; readonly stale?: boolean } = {},
  ) {
    super(reason);
    this.wait = wait;
    this.stale = stale;
  }
}

/** Options of {@link ask}. */
export interface AskOptions {
  /** First byte that is wanted. */
  readonly from: number;
  /** Mark of the file that the bytes before it belong to. */
  readonly validator: string | null;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly silence?: number;
}

/** A server's answer. */
export interface Answer extends Disposable {
  /** First byte that it sends. */
  readonly from: number;
  /** Length of the whole file; null where it does not say. */
  readonly total: number | null;
  /** True where everything is there already. */
  readonly whole: boolean;
  /** Mark of the file; null where it gives none that may be used to ask for parts. */
  readonly validator: string | null;
  /** The bytes. Throws {@link Passing} where the connection ends or is silent. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Codes of passing trouble: time-outs, too many requests, the server's own. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/**
 * Asks for a file from a byte on.
 *
 * @throws {Passing} where another try may do better.
 * @throws {UserError} where the server refuses.
 */
export async function ask(
  address: string,
  { from, validator, signal, silence = 60_000 }: AskOptions,
): Promise<Answer> {
  const connection = new AbortController();
  const stop = (): void => connection.abort(signal!.reason);
  signal?.addEventListener("abort", stop, { once: true });
  let timer = setTimeout(() => connection.abort(SILENT), silence);
  const received = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => connection.abort(SILENT), silence);
  };
  const end = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  };
  try {
    const response = await fetch(address, {
      signal: connection.signal,
      headers: {
        // Packed on the way, a file has other bytes than its ranges and its length say.
        "accept-encoding": "identity",
        ...from > 0 ? { range: `bytes=${from}-` } : {},
        ...from > 0 && validator !== null ? { "if-range": validator } : {},
      },
    });
    received();
    const answer = await read(address, response, from);
    return {
      ...answer,
      async *chunks() {
        try {
          for await (const chunk of response.body ?? []) {
            received();
            yield chunk;
          }
        } catch (error) {
          throw passing(error, silence);
        }
      },
      [Symbol.dispose]() {
        end();
        connection.abort();
      },
    };
  } catch (error) {
    end();
    connection.abort();
    signal?.throwIfAborted();
    throw error instanceof UserError ? error : passing(error, silence);
  }
}

/** The length of a file as its server gives it; null where it gives none, or cannot be asked. */
export async function lengthAt(address: string, signal?: AbortSignal): Promise<number | null> {
  try {
    const limit = AbortSignal.timeout(20_000);
    const response = await fetch(address, {
      method: "HEAD",
      headers: { "accept-encoding": "identity" },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    await response.body?.cancel();
    return response.ok ? wholeNumber(response.headers.get("content-length")) : null;
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

async function read(
  address: string,
  response: Response,
  from: number,
): Promise<Pick<Answer, "from" | "total" | "whole" | "validator">> {
  const { status, headers } = response, validator = validatorOf(headers);
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  const total = wholeNumber(range?.[2] ?? null);
  const encoding = headers.get("content-encoding") ?? "identity";
  const answer = async (): Promise<Pick<Answer, "from" | "total" | "whole" | "validator">> => {
    if (status === 416) {
      await response.body?.cancel();
      if (total === from) return { from, total, whole: true, validator };
      throw new Passing("it has no such part any more", { stale: true });
    }
    if (status === 206) {
      if (from === 0 || range?.[1] === undefined || Number(range[1]) !== from) {
        throw new Passing("it sends another part than the one asked for", { stale: true });
      }
      return { from, total, whole: false, validator };
    }
    return { from: 0, total: wholeNumber(headers.get("content-length")), whole: false, validator };
  };
  if (PASSING.includes(status)) {
    await response.body?.cancel();
    throw new Passing(`the server answers ${status}`, { wait: retryAfter(headers.get("retry-after")) });
  }
  if (![200, 206, 416].includes(status)) {
    await response.body?.cancel();
    throw new UserError(
      `${address}: the server answers ${status}; it may have moved: \`itera data fetch --help\` says how to name another address`,
    );
  }
  if (encoding !== "identity") {
    throw new UserError(`${address}: the server packs what it sends (${encoding}), which was not asked for`);
  }
  return await answer();
}

/** A strong mark of the file, or the time of its last change. Weak marks may not be used with parts (RFC 9110, 13.1.5). */
function validatorOf(headers: Headers): string | null {
  const mark = headers.get("etag");
  return mark !== null && !mark.startsWith("W/") ? mark : headers.get("last-modified");
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function retryAfter(text: string | null): number | null {
  const seconds = wholeNumber(text);
  return seconds === null ? null : 1000 * seconds;
}

const SILENT = Symbol("silent");

function passing(error: unknown, silence: number): Passing {
  if (error instanceof Passing) return error;
  if (error === SILENT) return new Passing(`nothing came for ${Math.ceil(silence / 1000)} s`);
  const { message, cause } = error as { readonly message?: string; readonly cause?: { readonly message?: string } };
  const reason = (cause?.message ?? message ?? String(error)).split("\n")[0];
  return new Passing(`the connection failed (${reason})`);
}
