/** A server of files on this machine that does to order what servers and connections do wrong. */

/** The way in which a file is served. */
export interface Served {
  bytes: Uint8Array;
  /** Mark of the file; null for none. */
  etag?: string | null;
  lastModified?: string;
  /** Sends parts; default true. */
  ranges?: boolean;
  /** Says its length; default true. */
  says?: boolean;
  /** Length that it says instead of the true one. */
  claims?: number;
  /** Bytes after which the connection is cut, one for each request in turn; then none is. */
  cuts?: number[];
  /** Bytes after which nothing more comes, one for each request in turn. */
  silences?: number[];
  /** Answers before any file, one for each request in turn: a status, or a line of headers too. */
  answers?: (number | string)[];
  /** Bytes sent more than there are. */
  excess?: number;
  /** Milliseconds between pieces of 16 KiB. */
  pace?: number;
  /** Encoding that the answer says it has. */
  encoding?: string;
}

/** A request as it came. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly ifRange: string | null;
}

/** A running server. */
export interface FaultyServer extends AsyncDisposable {
  readonly address: string;
  readonly seen: Seen[];
  readonly files: Map<string, Served>;
}

/** Serves `files` by their paths, such as `/a.zip`. */
export function serveFaultily(files: Readonly<Record<string, Served>>): FaultyServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = new Map(Object.entries(files)), seen: Seen[] = [], open = new Set<Deno.TcpConn>();
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      answer(connection, served, seen).catch(() => {}).finally(() => {
        open.delete(connection);
        try {
          connection.close();
        } catch { /* cut already */ }
      });
    }
  })();
  return {
    address: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    seen,
    files: served,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) {
        try {
          connection.close();
        } catch { /* closed already */ }
      }
      await accepting;
    },
  };
}

async function answer(connection: Deno.TcpConn, files: Map<string, Served>, seen: Seen[]): Promise<void> {
  const head = await headOf(connection);
  const [method, path] = head.split(" ");
  const header = (name: string): string | null => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1].trim() ?? null;
  const range = header("range"), ifRange = header("if-range");
  seen.push({ method, path, range, ifRange });
  const file = files.get(decodeURIComponent(path));
  const say = (status: string | number, ...lines: string[]): Promise<void> =>
    write(
      connection,
      new TextEncoder().encode([`HTTP/1.1 ${status}`, "connection: close", ...lines, "", ""].join("\r\n")),
    );
  if (!file) return await say("404 Not Found", "content-length: 0");
  const other = method === "GET" ? file.answers?.shift() : undefined;
  if (other !== undefined) return await say(...String(other).split("\n") as [string], "content-length: 0");
  const { bytes, etag = '"v1"', lastModified, ranges = true, says = true } = file;
  const marks = [
    ...etag === null ? [] : [`etag: ${etag}`],
    ...lastModified === undefined ? [] : [`last-modified: ${lastModified}`],
    ...file.encoding === undefined ? [] : [`content-encoding: ${file.encoding}`],
  ];
  const same = ifRange === null || ifRange === etag || ifRange === lastModified;
  const from = ranges && same ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
  if (range !== null && ranges && same && from >= bytes.length) {
    return await say("416 Range Not Satisfiable", `content-range: bytes */${bytes.length}`, "content-length: 0");
  }
  const rest = bytes.subarray(from), length = file.claims ?? rest.length;
  await say(
    from > 0 ? "206 Partial Content" : "200 OK",
    ...marks,
    ...says ? [`content-length: ${length}`] : [],
    ...from > 0 ? [`content-range: bytes ${from}-${bytes.length - 1}/${bytes.length}`] : [],
  );
  if (method === "HEAD") return;
  const cut = file.cuts?.shift() ?? Infinity, silence = file.silences?.shift() ?? Infinity;
  const body = file.excess ? new Uint8Array([...rest, ...new Uint8Array(file.excess)]) : rest;
  for (let at = 0; at < body.length && at < cut && at < silence; at += 16384) {
    await write(connection, body.subarray(at, Math.min(at + 16384, cut, silence)));
    if (file.pace) await new Promise((resolve) => setTimeout(resolve, file.pace));
  }
  // The client gives up: reading ends when it closes.
  if (silence < body.length) await connection.read(new Uint8Array(1));
}

async function headOf(connection: Deno.TcpConn): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.includes("\r\n\r\n")) {
    const read = await connection.read(buffer);
    if (read === null) throw new Error("no request came");
    head += new TextDecoder().decode(buffer.subarray(0, read));
  }
  return head;
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
