import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Checksum } from "../../../datasets/fetch/addresses.ts";
import { download, type DownloadOptions } from "../../../datasets/fetch/download.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { type Served, serveFaultily } from "../../support/files/faulty_server.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";

const LENGTH = 100_001;

const bytesOf = (seed: number, length = LENGTH): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 2654435761) >>> 24);

const md5 = (bytes: Uint8Array): Checksum => ({
  algorithm: "md5",
  value: createHash("md5").update(bytes).digest("hex"),
});

interface Case {
  readonly served: Served;
  readonly bytes?: number | null;
  readonly checksum?: Checksum | null;
  readonly options?: DownloadOptions;
}

/** Downloads a file as it is served; the paths of the file and of what is seen. */
async function fetched({ served, bytes = null, checksum = null, options = {} }: Case) {
  const folder = await Deno.makeTempDir({ prefix: "itera-test-" }), path = join(folder, "a");
  const messages: string[] = [];
  await using server = serveFaultily({ "/a": served });
  const run = () =>
    download({ address: `${server.address}/a`, path, bytes, checksum }, {
      wait: 1,
      tries: 3,
      onMessage: (text) => messages.push(text.replace(server.address, "")),
      ...options,
    });
  const read = (name: string): Uint8Array | null => {
    try {
      return Deno.readFileSync(join(folder, name));
    } catch {
      return null;
    }
  };
  try {
    const error = await run().then(() => null, (error) => error);
    return { error, whole: read("a"), part: read("a.part"), seen: server.seen, messages, names: [...names(folder)] };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function* names(folder: string): Generator<string> {
  for (const { name } of Deno.readDirSync(folder)) yield name;
}

function refused(error: unknown, message: RegExp): void {
  ok(error instanceof UserError && message.test(error.message) && !error.message.includes("\n"), String(error));
}

Deno.test("a file is downloaded whole, and nothing stays beside it", async () => {
  const bytes = bytesOf(1);
  for (
    const served of [{ bytes }, { bytes, says: false }, { bytes, etag: null }, { bytes: bytesOf(2, 0) }] as Served[]
  ) {
    const { error, whole, names } = await fetched({ served, checksum: md5(served.bytes) });
    strictEqual(error, null);
    deepStrictEqual(whole, served.bytes);
    deepStrictEqual(names, ["a"]);
  }
});

Deno.test("a connection that is cut anywhere is gone on with at that byte", async () => {
  await withRandom("cuts", async (random) => {
    const bytes = bytesOf(3), cuts = Array.from({ length: 5 }, () => random.integer(1, 19_000));
    const { error, whole, seen, messages } = await fetched({ served: { bytes, cuts: [...cuts] }, bytes: LENGTH });
    strictEqual(error, null);
    deepStrictEqual(whole, bytes);
    const starts = cuts.map((_, i) => cuts.slice(0, i).reduce((a, b) => a + b, 0)).concat(cuts.reduce((a, b) => a + b));
    deepStrictEqual(seen.map(({ range }) => range), starts.map((at) => at === 0 ? null : `bytes=${at}-`));
    deepStrictEqual(seen.slice(1).map(({ ifRange }) => ifRange), cuts.map(() => '"v1"'));
    strictEqual(messages.length, cuts.length);
  });
});

Deno.test("a server without parts, without a mark or with another file begins anew, and never mixes two files", async () => {
  const bytes = bytesOf(4);
  const plain = await fetched({ served: { bytes, ranges: false, cuts: [5000] } });
  deepStrictEqual([plain.error, plain.whole], [null, bytes]);
  ok(plain.messages.some((text) => /begins anew, the server sends no parts/.test(text)), plain.messages.join());

  for (const marks of [{ etag: null }, { etag: 'W/"v1"' }]) {
    const unmarked = await fetched({ served: { bytes, ...marks, cuts: [5000] } });
    deepStrictEqual([unmarked.error, unmarked.whole], [null, bytes]);
    deepStrictEqual(unmarked.seen.map(({ range }) => range), [null, null], "parts of who knows what");
    // A checksum of the whole says whether the parts belong together.
    const checked = await fetched({ served: { bytes, ...marks, cuts: [5000] }, checksum: md5(bytes) });
    deepStrictEqual([checked.error, checked.whole], [null, bytes]);
    deepStrictEqual(checked.seen.map(({ range }) => range), [null, "bytes=5000-"]);
  }
  const dated = await fetched({
    served: { bytes, etag: null, lastModified: "Mon, 02 Jan 2017 00:00:00 GMT", cuts: [5000] },
  });
  deepStrictEqual([dated.error, dated.whole, dated.seen[1].ifRange], [null, bytes, "Mon, 02 Jan 2017 00:00:00 GMT"]);

  await withFolder(async (folder) => {
    await using server = serveFaultily({ "/a": { bytes, cuts: [7000, 0, 0] } });
    const file = { address: `${server.address}/a`, path: join(folder, "a"), bytes: LENGTH, checksum: null };
    await rejects(
      download(file, { tries: 1, wait: 1 }),
      /the connection (failed|was cut).*; given up after 1 try in vain/,
    );
    const next = bytesOf(5);
    server.files.set("/a", { bytes: next, etag: '"v2"' });
    await download(file, { tries: 1 });
    deepStrictEqual(Deno.readFileSync(file.path), next);
    deepStrictEqual(server.seen.at(-1), { method: "GET", path: "/a", range: "bytes=7000-", ifRange: '"v1"' });
  });
});

Deno.test("a part of another address is never gone on with", () =>
  withFolder(async (folder) => {
    const [a, b] = [bytesOf(6), bytesOf(7)], path = join(folder, "a");
    await using server = serveFaultily({ "/a": { bytes: a, cuts: [9000] }, "/b": { bytes: b } });
    await rejects(download({ address: `${server.address}/a`, path, bytes: null, checksum: null }, { tries: 1 }));
    await download({ address: `${server.address}/b`, path, bytes: null, checksum: md5(b) });
    deepStrictEqual(Deno.readFileSync(path), b);
  }));

Deno.test("a wrong length and a wrong checksum are refused, what came is thrown away, and the next time begins anew", async () => {
  const bytes = bytesOf(8);
  const longer = await fetched({ served: { bytes }, bytes: LENGTH + 1 });
  refused(longer.error, /has 100001 bytes, 100002 are stated; it was replaced, or an error's page stands there/);
  const silent = await fetched({ served: { bytes, says: false }, bytes: LENGTH - 1 });
  refused(silent.error, /sends more than the 100000 bytes/);
  const short = await fetched({ served: { bytes, says: false }, bytes: LENGTH + 1 });
  refused(short.error, /has 100001 bytes, 100002 are stated; run it again, it begins anew/);
  const claimed = await fetched({ served: { bytes, claims: LENGTH + 10 } });
  refused(claimed.error, /it has another length than before; given up after 3 tries in vain/);
  const wrong = await fetched({ served: { bytes }, bytes: LENGTH, checksum: md5(bytesOf(9)) });
  refused(wrong.error, /its md5 is [0-9a-f]{32}, [0-9a-f]{32} is stated; run it again, it begins anew/);
  for (const { whole } of [longer, silent, short, claimed, wrong]) strictEqual(whole, null);
  deepStrictEqual(wrong.names, []);
});

Deno.test("more bytes than there are never reach the file", async () => {
  const bytes = bytesOf(10);
  const { error, whole } = await fetched({ served: { bytes, says: false, excess: 50_000 }, bytes: LENGTH });
  refused(error, /sends more than the 100001 bytes/);
  strictEqual(whole, null);
});

Deno.test("a server that is silent, busy or gone is asked again, and given up with a line", async () => {
  const bytes = bytesOf(11);
  const silent = await fetched({ served: { bytes, silences: [20_000] }, options: { silence: 100 } });
  deepStrictEqual([silent.error, silent.whole], [null, bytes]);
  ok(silent.messages.some((text) => /nothing came for 1 s/.test(text)), silent.messages.join());
  const busy = await fetched({ served: { bytes, answers: [503, "429 Too Many Requests\nretry-after: 0"] } });
  deepStrictEqual([busy.error, busy.whole], [null, bytes]);
  const gone = await fetched({ served: { bytes, answers: [500, 500, 500] } });
  refused(gone.error, /the server answers 500; given up after 3 tries in vain, run it again later/);
  for (const status of [403, 404, 410]) {
    const none = await fetched({ served: { bytes, answers: [status] } });
    refused(none.error, new RegExp(`the server answers ${status}; it may have moved`));
    strictEqual(none.seen.length, 1, "asked once");
  }
  const packed = await fetched({ served: { bytes, encoding: "br" } });
  ok(packed.error instanceof UserError, String(packed.error));
  const nobody = download({ address: "http://127.0.0.1:1/a", path: "/tmp/never", bytes: null, checksum: null }, {
    wait: 1,
    tries: 2,
  });
  await rejects(nobody, (error) => error instanceof UserError && /the connection failed/.test(error.message));
});

Deno.test("a download that is stopped goes on, by another process too, and its last bytes are not asked for twice", () =>
  withFolder(async (folder) => {
    const bytes = bytesOf(12), path = join(folder, "a");
    await using server = serveFaultily({ "/a": { bytes, pace: 5 } });
    const file = { address: `${server.address}/a`, path, bytes: LENGTH, checksum: md5(bytes) };
    const stop = new AbortController();
    const stopped = download(file, {
      signal: stop.signal,
      onProgress: (done) => void (done > 30_000 && stop.abort(new Error("enough"))),
    });
    await rejects(stopped, /enough/);
    const { size } = Deno.statSync(`${path}.part`);
    ok(size > 0 && size < LENGTH, String(size));
    await download(file, { tries: 1 });
    deepStrictEqual(server.seen.map(({ range }) => range), [null, `bytes=${size}-`]);
    deepStrictEqual(Deno.readFileSync(path), bytes);
    // Killed between the last byte and the name: everything is there.
    Deno.renameSync(path, `${path}.part`);
    await download(file, { tries: 1 });
    strictEqual(server.seen.length, 2);
    const unknown = { ...file, bytes: null, path: join(folder, "b") };
    await download(unknown, { tries: 1 });
    Deno.renameSync(unknown.path, `${unknown.path}.part`);
    Deno.writeTextFileSync(
      `${unknown.path}.part.json`,
      JSON.stringify({ address: file.address, validator: '"v1"', total: null }),
    );
    await download(unknown, { tries: 1 });
    deepStrictEqual(server.seen.at(-1)!.range, `bytes=${LENGTH}-`);
    deepStrictEqual(Deno.readFileSync(unknown.path), bytes);
  }));
