/** Safetensors files read by address and by path, and what is said where that cannot be. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Device, loadTensors, nn, readSafetensors, SafetensorsError, saveTensors } from "../../engine/mod.ts";
import { withFolder } from "../support/folder.ts";

/** Runs `body` with a server that answers by path. */
async function withServer(
  answers: Readonly<Record<string, () => Response>>,
  body: (url: (path: string) => URL) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ url }) =>
      answers[new URL(url).pathname]?.() ?? new Response("no such file", { status: 404, statusText: "Not Found" }),
  );
  try {
    await body((path) => new URL(path, `http://127.0.0.1:${server.addr.port}`));
  } finally {
    await server.shutdown();
  }
}

Deno.test("tensors are loaded by address, by a file's address and by path as they are from bytes", () =>
  withFolder(async (folder) => {
    await using device = await Device.open();
    using a = new nn.Linear(device, { inputs: 3, outputs: 2, seed: 1 });
    const bytes = await saveTensors(a.stateDict(), { step: "7" });
    const path = join(folder, "a.safetensors"), want = await a.weight.data();
    await Deno.writeFile(path, bytes);
    await withServer({ "/a": () => new Response(bytes) }, async (url) => {
      for (const file of [url("/a"), pathToFileURL(path), path]) {
        using b = new nn.Linear(device, { inputs: 3, outputs: 2, seed: 2 });
        deepStrictEqual(await loadTensors(file, b.stateDict()), { step: "7" });
        deepStrictEqual(await b.weight.data(), want);
        using c = new nn.Linear(device, { inputs: 3, outputs: 2, seed: 3 });
        c.load((await readSafetensors(file)).tensors);
        deepStrictEqual(await c.weight.data(), want);
      }
      using wide = new nn.Linear(device, { inputs: 3, outputs: 5, seed: 2 });
      await rejects(
        loadTensors(url("/a"), wide.stateDict()),
        (error: Error) => error.message === `${url("/a")}: tensor "weight" is F32 [3, 2], the model has F32 [3, 5]`,
      );
    });
  }));

Deno.test("tensors are saved and loaded from a map and from an object, and from nothing else", async () => {
  await using device = await Device.open();
  using x = device.tensor([1, 2]);
  using y = device.zeros([2]);
  const bytes = await saveTensors({ x }, { step: "7" });
  deepStrictEqual(bytes, await saveTensors(new Map([["x", x]]), { step: "7" }));
  deepStrictEqual(loadTensors(bytes, { x: y }, "x"), { step: "7" });
  deepStrictEqual([...await y.data()], [1, 2]);
  const save = saveTensors as (...given: unknown[]) => Promise<unknown>;
  for (const wrong of [undefined, x, [x], Promise.resolve({ x })]) {
    await rejects(save(wrong), /^ArgumentError: saveTensors: tensors are named in a map or an object, not /);
  }
  await rejects(save({ x: [1, 2] }), /^ArgumentError: saveTensors: "x" is a tensor, not an array/);
  await rejects(save({ x }, { step: 150 }), /^SafetensorsError: .*"step" is number 150$/);
  const load = loadTensors as (...given: unknown[]) => unknown;
  throws(
    () => load(bytes, [y], "x"),
    /^ArgumentError: loadTensors: tensors are named in a map or an object, not an array/,
  );
  throws(
    () => load(bytes, { x: y }, "x", { strict: false }),
    /^ArgumentError: loadTensors: there is no option "strict"/,
  );
  await rejects(
    load(Promise.resolve(bytes), { x: y }) as Promise<unknown>,
    /^ArgumentError: .*not a promise: await it/,
  );
  y.dispose();
  throws(
    () => load(bytes, { x: y }, "x.safetensors"),
    /^DisposedError: x.safetensors: the model's tensor "x" is dispo/,
  );
});

/** The one line with which reading fails. */
async function failure(file: URL | string, what?: string): Promise<Error> {
  try {
    await readSafetensors(file, what);
  } catch (error) {
    ok(error instanceof Error && !error.message.includes("\n"), `${error}`);
    return error;
  }
  throw new Error(`${file} was read`);
}

Deno.test("what cannot be fetched, read or understood is an error of one line that names the file", () =>
  withFolder(async (folder) => {
    let gone = new URL("http://127.0.0.1");
    await withServer({ "/page": () => new Response("<html>\n</html>") }, async (url) => {
      gone = url("/page");
      const missing = await failure(url("/none"));
      strictEqual(missing.message, `${url("/none")}: it cannot be fetched: the server answers 404 Not Found`);
      const page = await failure(url("/page"));
      ok(page instanceof SafetensorsError && page.message.startsWith(`${url("/page")}: safetensors: `), page.message);
    });
    const refused = await failure(gone);
    ok(refused.message.startsWith(`${gone}: it cannot be fetched: `), refused.message);
    const none = join(folder, "none.safetensors");
    const unread = await failure(none);
    ok(unread.message.startsWith(`${none}: it cannot be read: `), unread.message);
    const named = await failure(pathToFileURL(none), "the weights");
    ok(named.message.startsWith("the weights: it cannot be fetched: "), named.message);
  }));
