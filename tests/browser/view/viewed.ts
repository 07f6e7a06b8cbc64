/** A page of `itera view` in a browser, and the same answers computed here. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { compute } from "../../../cli/view/compute.ts";
import type { Exposed } from "../../../cli/view/page/expose.ts";
import { decodePayload, type PageFacts, type Payload, pixelsName } from "../../../cli/view/payload.ts";
import type { RgbImage } from "../../../datasets/images/preprocess.ts";
import { loadSharp } from "../../../engine/base/packages/sharp.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { itera, start } from "../../support/command.ts";

/** The parts of what the page exposes that can be sent. */
export type Seen = Omit<Exposed, "settled">;

/** Trains a small run; returns its folder. */
export async function trained(folder: string, name: string, ...flags: readonly string[]): Promise<string> {
  const { code, err } = await itera(
    "train",
    "--runs",
    join(folder, "runs"),
    "--name",
    name,
    "--model",
    "final",
    ...flags,
  );
  strictEqual(code, 0, err);
  return join(folder, "runs", name);
}

/** Serves a run's page while `body` runs; gives it the address. */
export async function served(args: readonly string[], body: (address: string) => Promise<void>): Promise<void> {
  const child = start(["view", ...args, "--serve"]);
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!/^address: .*\n/m.test(text)) {
    const { value, done } = await output.read();
    if (done) throw new Error((await new Response(child.stderr).text()) || "it ended");
    text += value;
  }
  try {
    await body(/^address: (http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(text)![1]);
  } finally {
    child.kill("SIGINT");
    await Promise.all([output.cancel(), child.stderr.cancel()]);
  }
  strictEqual((await child.status).code, 0);
}

/** Status of a server's answer to a request for a path by a host's name, which `fetch` would not let one choose. */
export async function statusOf(address: string, path: string, host = new URL(address).host): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(address).port) });
  await connection.write(
    new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`),
  );
  const head = new Uint8Array(64), length = await connection.read(head);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(new TextDecoder().decode(head.subarray(0, length ?? 0)))![1]);
}

/** Addresses that a page asks for, but its own. */
export function asked(page: Page, own: string): string[] {
  const found: string[] = [];
  page.on("request", (request) => {
    if (request.url() !== own && !/^(data|blob):/.test(request.url())) found.push(request.url());
  });
  return found;
}

/** The payload of a page's file. */
export async function payloadOf<Facts = PageFacts>(file: string | URL): Promise<Payload<Facts>> {
  const html = await Deno.readTextFile(file);
  match(html, /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-/);
  // Not every browser with WebGPU has it.
  ok(!/[;{}]\s*(await )?using [\w$]+\s*=/.test(html), "the script has a using");
  return await decodePayload<Facts>(/<script type="application\/octet-stream" id="payload">([^<]*)</.exec(html)![1]);
}

/** Pixels of a photograph of a page as the network gets them, decoded by another reader than the page's. */
export async function pixelsOf({ tensors }: Payload, scene: number): Promise<RgbImage> {
  const file = tensors.get(pixelsName(scene))!.data as Uint8Array;
  const { data, info: { width, height } } = await (await loadSharp())(file).raw().toBuffer({ resolveWithObject: true });
  return { rgb: new Uint8Array(data), width, height };
}

/** All that the page exposes, once nothing is left to compute. */
export async function seen(page: Page): Promise<Seen> {
  // The page's policy forbids what playwright polls with.
  while (!await page.evaluate("'itera' in globalThis")) await new Promise((done) => setTimeout(done, 20));
  return await page.evaluate("itera.settled().then(() => ({ ...itera, settled: undefined }))") as Seen;
}

/** Rows of a prediction of the page, flat. */
type Predictions = Seen["predictions"];

/** Largest difference of any probability of two lists of predictions. */
export function difference(a: Predictions, b: Predictions): number {
  ok(a && b && a.length === b.length, "two lists of the same predictions");
  return Math.max(
    ...a.flatMap(({ name, probabilities }, p) => {
      ok(name === b[p].name && probabilities.length === b[p].probabilities.length, name);
      return probabilities.flatMap((row, r) => row.map((value, c) => Math.abs(value - b[p].probabilities[r][c])));
    }),
  );
}

/** Predictions of a model here for a picture and boxes. */
export async function computed(
  model: RegionModel,
  { facts }: Payload,
  picture: RgbImage,
  boxes: Seen["boxes"],
): Promise<Predictions> {
  const { predictions } = await compute(model, picture, boxes.map(({ box }) => box), facts.config);
  return predictions.map(({ name, probabilities }) => {
    const length = probabilities.length / boxes.length;
    return {
      name,
      probabilities: boxes.map((_, r) => Array.from(probabilities.subarray(r * length, (r + 1) * length))),
    };
  });
}
