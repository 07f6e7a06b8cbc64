/** The engine's host in a browser, or wherever else there is no `Deno`: no environment and no files. Twin of `host.ts`. */

/**
 * All that the engine asks of the program it runs in. Nothing here ever leads to a question to whoever started it, but
 * reading a file that the program names.
 */
export interface Host {
  /** A variable of the environment that is set, not empty, and may be read. */
  readonly variable: (name: string) => string | undefined;
  /** The text of a file; nothing where there is none, or where it may not be read. */
  readonly readText: (path: string) => string | undefined;
  /** The bytes of a file; rejects where it cannot be read. */
  readonly readBytes: (path: string) => Promise<Uint8Array>;
  /** Version of the driver of the adapter with that description; nothing where it cannot be known. */
  readonly driverVersion: (description: string) => string | undefined;
  /** Shows a line to whoever runs the program. */
  readonly warn: (text: string) => void;
  /** A sentence for a runtime without WebGPU. */
  readonly noWebGPU: string;
  /** Advice to whoever has no adapter, or a software one alone. */
  readonly adapterAdvice: string;
}

/** The host. */
export const host: Host = {
  variable: () => undefined,
  readText: () => undefined,
  readBytes: () => Promise.reject(new Error("there are no files here; give a URL")),
  driverVersion: () => undefined,
  // A page has no other place for it.
  // deno-lint-ignore no-console
  warn: (text) => console.warn(text),
  noWebGPU:
    "this browser has no WebGPU, or the page is not from https or localhost: take a recent Chrome, Edge, Firefox or " +
    "Safari",
  adapterAdvice: "switch hardware acceleration on in the browser's settings, or update the graphics driver",
};
