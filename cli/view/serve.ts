/** A page served to this machine alone. */
import { UserError } from "../../engine/base/user_error.ts";
import { fact, notice } from "../terminal/output.ts";

/** Serves a page at 127.0.0.1 until Ctrl-C. */
export async function servePage(page: Uint8Array<ArrayBuffer>, port: number = 0): Promise<void> {
  const stop = new AbortController(), end = (): void => stop.abort();
  Deno.addSignalListener("SIGINT", end);
  try {
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port,
      signal: stop.signal,
      onListen: ({ port }) => {
        fact("address", `http://127.0.0.1:${port}/`);
        notice(`serving http://127.0.0.1:${port}/ to this machine until Ctrl-C`);
      },
    }, ({ url, method }) => answer(page, new URL(url), method));
    await server.finished;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) && !(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new UserError(`--port ${port}: it cannot be served at: ${error.message}; leave it out and one is found`);
  } finally {
    Deno.removeSignalListener("SIGINT", end);
  }
}

/** Names of this machine by which it is asked: a name that leads here from elsewhere is a trick of some other page. */
const HERE = ["127.0.0.1", "localhost"];

function answer(page: Uint8Array<ArrayBuffer>, { hostname, pathname }: URL, method: string): Response {
  if (!HERE.includes(hostname)) return new Response(null, { status: 403 });
  if (pathname !== "/" || (method !== "GET" && method !== "HEAD")) return new Response(null, { status: 404 });
  return new Response(method === "GET" ? page : null, {
    headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" },
  });
}
