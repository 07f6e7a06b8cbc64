/** A headless Chromium on SwiftShader, with the engine's bundle on a page of its own. */
import { join } from "node:path";
import { chromium, type Page as BrowserPage } from "playwright-core";

/** WebGPU on the software adapter that Chromium brings; without a sandbox, which root may not have. */
const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Functions of a page by name; each answers in words. */
// deno-lint-ignore no-explicit-any
type Functions = Readonly<Record<string, (...args: any[]) => Promise<string>>>;

/** Calls a function of a page. */
export type Call<P extends Functions> = <N extends keyof P>(name: N, ...args: Parameters<P[N]>) => Promise<string>;

/** The path of a Chromium: `CHROMIUM` where it is set, or the first found; null where there is none. */
export function chromiumPath(): string | null {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const all = [Deno.env.get("CHROMIUM") ?? "", ...names.flatMap((name) => folders.map((folder) => join(folder, name)))];
  return all.find((path) => {
    try {
      return path !== "" && Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  }) ?? null;
}

/**
 * Opens a browser and gives `body` a page at an address; throws where the page's script did. `first` is run before the
 * page's own scripts.
 */
export async function withAddress(
  executablePath: string,
  address: string,
  body: (page: BrowserPage) => Promise<void>,
  first?: string,
): Promise<void> {
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    const page = await browser.newPage(), problems: string[] = [], said: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    // A script that cannot be loaded says so there alone.
    page.on("console", (message) => message.type() === "error" && said.push(message.text()));
    if (first !== undefined) await page.addInitScript(first);
    await page.goto(address);
    await body(page).catch((error) => {
      throw new Error([...problems, ...said, String(error)].join("\n"));
    });
    if (problems.length > 0) throw new Error(problems.join("\n"));
  } finally {
    await browser.close();
  }
}

/** Opens a page that has run the script, beside other files of its server; gives `body` a way to call its functions, `globalThis.itera`. */
export async function withPage<P extends Functions>(
  executablePath: string,
  { script, files = {} }: {
    readonly script: string;
    readonly files?: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  },
  body: (call: Call<P>) => Promise<void>,
): Promise<void> {
  const answers: Readonly<Record<string, readonly [BodyInit, string]>> = {
    ...Object.fromEntries(
      Object.entries(files).map(([name, bytes]) => [`/${name}`, [bytes, "application/octet-stream"]]),
    ),
    "/": ['<!doctype html><title>Itera</title><script type="module" src="page.js"></script>', "text/html"],
    "/page.js": [script, "text/javascript"],
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, ({ url }) => {
    const [content, type] = answers[new URL(url).pathname] ?? [null, "text/plain"];
    return new Response(content, { status: content === null ? 404 : 200, headers: { "content-type": type } });
  });
  try {
    await withAddress(executablePath, `http://127.0.0.1:${server.addr.port}/`, async (page) => {
      await page.waitForFunction("globalThis.itera", null, { timeout: 60_000 });
      await body((name, ...args) =>
        page.evaluate(
          ([name, args]) =>
            (globalThis as unknown as { itera: Record<string, (...args: unknown[]) => Promise<string>> })
              .itera[name as string](...args as unknown[]),
          [name, args] as const,
        ) as Promise<string>
      );
    });
  } finally {
    await server.shutdown();
  }
}
