import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Checksum, SourceFile, SourceRelease, SourceSet } from "../../../datasets/fetch/addresses.ts";
import { type FetchOptions, fetchSet } from "../../../datasets/fetch/fetch_set.ts";
import { spaceFor } from "../../../datasets/fetch/disk_space.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { tarFile, zipFile } from "../../support/files/archives.ts";
import { type FaultyServer, serveFaultily } from "../../support/files/faulty_server.ts";
import { withFolder } from "../../support/folder.ts";

const md5 = (bytes: Uint8Array): Checksum => ({
  algorithm: "md5",
  value: createHash("md5").update(bytes).digest("hex"),
});
const utf8 = (text: string) => new TextEncoder().encode(text);

const LIST = utf8("a list\n");
const PICTURES = zipFile([{ name: "x/pictures/1.jpg", data: "one" }, { name: "x/pictures/2.jpg", data: "two" }]);
const TEXTS = tarFile([{ name: "texts/a.json", data: "{}" }, { name: "notes.txt", data: "not needed" }], true);

/** A release of three files on a server, two of them archives. */
function made(server: FaultyServer, changes: Readonly<Record<string, Partial<SourceFile>>> = {}) {
  const file = (name: string, bytes: Uint8Array, roots: readonly string[] | null): SourceFile => ({
    ...{ name, address: `${server.address}/${name}`, bytes: bytes.length, checksum: md5(bytes), unpacked: null, roots },
    ...changes[name],
  });
  const release: SourceRelease = {
    name: "1",
    files: [
      file("list.txt", LIST, null),
      file("texts.tgz", TEXTS, ["texts"]),
      file("pictures.zip", PICTURES, ["pictures"]),
    ],
  };
  const set: SourceSet = {
    ...{ name: "made", title: "Made", dataset: null, page: "https://made.example", releases: [release] },
    registration: "https://made.example/register",
  };
  return { set, release };
}

const serve = () =>
  serveFaultily({ "/list.txt": { bytes: LIST }, "/texts.tgz": { bytes: TEXTS }, "/pictures.zip": { bytes: PICTURES } });

function files(folder: string, inside = ""): string[] {
  return [...Deno.readDirSync(join(folder, inside))].flatMap(({ name, isDirectory }) =>
    isDirectory ? files(folder, join(inside, name)) : [join(inside, name)]
  ).sort();
}

const FETCHED = ["list.txt", "pictures/1.jpg", "pictures/2.jpg", "texts/a.json"];
const NOTES = [".fetch/lock", ".fetch/pictures.zip.done.json", ".fetch/texts.tgz.done.json"];

const refuses = (run: Promise<unknown>, message: RegExp) =>
  rejects(run, (e) => {
    ok(e instanceof UserError && message.test(e.message) && !e.message.includes("\n"), String(e));
    return true;
  });

const QUICK: FetchOptions = { wait: 1, tries: 2 };

Deno.test("a set is fetched, checked and unpacked, its archives are removed, and nothing is asked for twice", () =>
  withFolder(async (folder) => {
    await using server = serve();
    const { set, release } = made(server),
      to = join(folder, "set"),
      messages: string[] = [],
      phases = new Set<string>();
    const fetchAll = (options: FetchOptions = {}) =>
      fetchSet(set, release, to, {
        ...QUICK,
        onMessage: (text) => messages.push(text),
        onProgress: (phase) => phases.add(phase),
        ...options,
      });
    await fetchAll();
    deepStrictEqual(files(to), [...NOTES, ...FETCHED]);
    strictEqual(Deno.readTextFileSync(join(to, "pictures/2.jpg")), "two");
    ok(
      /^made: \d+\.\d kB to download, \d+\.\d kB unpacked; at most \d+\.\d kB of disk space are needed on the way$/
        .test(
          messages[0],
        ),
    );
    deepStrictEqual([...phases], [
      ...["downloading list.txt", "downloading texts.tgz", "unpacking texts.tgz"],
      ...["downloading pictures.zip", "unpacking pictures.zip"],
    ]);
    strictEqual(server.seen.length, 3);
    await fetchAll();
    deepStrictEqual([server.seen.length, messages.at(-1)], [3, "made: everything is there"]);
    Deno.removeSync(join(to, "pictures/2.jpg"));
    Deno.removeSync(join(to, "list.txt"));
    await fetchAll({ keep: true });
    deepStrictEqual(files(to), [NOTES[0], ".fetch/pictures.zip", ...NOTES.slice(1), ...FETCHED]);
    deepStrictEqual(server.seen.slice(3).map(({ path }) => path), ["/list.txt", "/pictures.zip"]);
    Deno.writeTextFileSync(join(to, "list.txt"), "the user's own");
    await refuses(fetchAll(), /list\.txt: is there with other contents than the set's; move it away/);
    strictEqual(Deno.readTextFileSync(join(to, "list.txt")), "the user's own");
  }));

Deno.test("too little space is said before anything is downloaded, and again before anything is unpacked", () =>
  withFolder(async (folder) => {
    await using server = serve();
    const { set, release } = made(server), to = join(folder, "set");
    const free = (bytes: number) => () => Promise.resolve(bytes);
    const needed = LIST.length + TEXTS.length + PICTURES.length;
    await refuses(
      fetchSet(set, release, to, { ...QUICK, free: free(needed) }),
      /set: \d\.\d kB of disk space are needed there, \d\.\d kB are free; free some, or choose another folder by --to/,
    );
    strictEqual(server.seen.length, 0);
    const frees = [1e6, 1e6, 5];
    await refuses(
      fetchSet(set, release, to, { ...QUICK, free: () => Promise.resolve(frees.shift()!) }),
      /0\.0 kB of disk space are needed there, 0\.0 kB are free/,
    );
    deepStrictEqual(files(to).filter((path) => !path.startsWith(".fetch")), ["list.txt", "texts/a.json"]);
    // The archive that was downloaded is still there, and is not asked for again.
    await fetchSet(set, release, to, QUICK);
    deepStrictEqual([files(to), server.seen.length], [[...NOTES, ...FETCHED], 3]);

    const step = (download: number, unpacked: number, removed = true, there = 0) => ({
      download,
      unpacked,
      removed,
      there,
    });
    strictEqual(spaceFor([step(10, 20), step(5, 7)]), 32);
    strictEqual(spaceFor([step(10, 20), step(25, 7)]), 52);
    strictEqual(spaceFor([step(10, 20, false), step(5, 7, false)]), 42);
    strictEqual(spaceFor([step(0, 20, true, 10), step(12, 1)]), 23);
  }));

Deno.test("lengths that nobody states are asked for, and what nobody knows is said", () =>
  withFolder(async (folder) => {
    await using server = serve();
    server.files.get("/texts.tgz")!.says = false;
    const nothing = { bytes: null, checksum: null };
    const { set, release } = made(server, { "pictures.zip": nothing, "texts.tgz": nothing });
    const messages: string[] = [];
    await fetchSet(set, release, join(folder, "set"), { ...QUICK, onMessage: (text) => messages.push(text) });
    ok(/at least .* besides texts\.tgz, whose length nobody says$/.test(messages[0]), messages[0]);
    deepStrictEqual(server.seen.filter(({ method }) => method === "HEAD").map(({ path }) => path).sort(), [
      "/pictures.zip",
      "/texts.tgz",
    ]);
    deepStrictEqual(files(join(folder, "set")), [...NOTES, ...FETCHED]);
  }));

Deno.test("a set that wants a registration says so, leaves nothing, and takes the user's archive, which stays", () =>
  withFolder(async (folder) => {
    await using server = serve();
    const { set, release } = made(server, { "pictures.zip": { address: null, checksum: null, bytes: null } });
    const to = join(folder, "set"), own = join(folder, "downloaded (1).zip");
    await refuses(
      fetchSet(set, release, to, QUICK),
      /Made wants a registration: ask for it at https:\/\/made\.example\/register, download pictures\.zip there, then run: itera data fetch made --to .*set --archive FILE/,
    );
    strictEqual(Deno.readDirSync(folder).some(() => true), false);
    await refuses(
      fetchSet(set, release, to, { ...QUICK, archives: [own] }),
      /downloaded \(1\)\.zip: there is no such file/,
    );
    Deno.writeFileSync(own, PICTURES);
    const renamed = join(folder, "texts.tgz");
    Deno.writeFileSync(renamed, TEXTS);
    await refuses(
      fetchSet(set, release, to, { ...QUICK, archives: [own] }),
      /is none of release 1's archives, which are texts\.tgz, pictures\.zip/,
    );
    await fetchSet(set, release, to, { ...QUICK, archives: [own, renamed] });
    deepStrictEqual([files(to), server.seen.map(({ path }) => path)], [[...NOTES, ...FETCHED], ["/list.txt"]]);
    ok(Deno.statSync(own).size === PICTURES.length && Deno.statSync(renamed).size === TEXTS.length);
    Deno.writeFileSync(renamed, TEXTS.subarray(0, 100));
    await Deno.remove(to, { recursive: true });
    await refuses(
      fetchSet(set, release, to, { ...QUICK, archives: [own, renamed] }),
      /texts\.tgz: has 100 bytes, \d+ are stated; it is cut short, or another release than texts\.tgz/,
    );
    strictEqual(Deno.statSync(renamed).size, 100);
  }));

Deno.test("an archive that is not as it should be is thrown away, and the next time fetches it anew", () =>
  withFolder(async (folder) => {
    await using server = serve();
    const { set, release } = made(server, { "pictures.zip": { bytes: null, checksum: null } });
    const to = join(folder, "set"), broken = PICTURES.slice();
    broken[47] ^= 1;
    for (const bytes of [broken, utf8("<html>Sign in</html>"), zipFile([{ name: "pictures/../../x" }])]) {
      server.files.set("/pictures.zip", { bytes, etag: `"${bytes.length}"` });
      await refuses(fetchSet(set, release, to, QUICK), /pictures\.zip: /);
      ok(!files(to).some((path) => /pictures\.zip$/.test(path)), files(to).join());
    }
    server.files.set("/pictures.zip", { bytes: PICTURES });
    await fetchSet(set, release, to, QUICK);
    deepStrictEqual(files(to), [...NOTES, ...FETCHED]);
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["set"]);
  }));

Deno.test("a fetch that is stopped while it unpacks goes on", () =>
  withFolder(async (folder) => {
    const many = zipFile(Array.from({ length: 200 }, (_, i) => ({ name: `pictures/${i}.jpg`, data: `${i}` })));
    await using server = serve();
    server.files.set("/pictures.zip", { bytes: many });
    const { set, release } = made(server, { "pictures.zip": { bytes: many.length, checksum: md5(many) } });
    const to = join(folder, "set"), stop = new AbortController();
    const stopped = fetchSet(set, release, to, {
      ...QUICK,
      signal: stop.signal,
      onProgress: (phase, _, done) => void (phase === "unpacking pictures.zip" && done === 50 && stop.abort()),
    });
    await rejects(stopped, /abort/);
    strictEqual(files(to).filter((path) => /^pictures\/\d+\.jpg$/.test(path)).length, 50);
    const seen = server.seen.length;
    await fetchSet(set, release, to, QUICK);
    strictEqual(server.seen.length, seen, "everything was downloaded before");
    strictEqual(files(to).filter((path) => /^pictures\//.test(path)).length, 200);
  }));

Deno.test("two fetches into one folder wait for each other", () =>
  withFolder(async (folder) => {
    await using server = serve();
    server.files.get("/pictures.zip")!.pace = 50;
    const { set, release } = made(server), to = join(folder, "set");
    const first = fetchSet(set, release, to, QUICK);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await refuses(fetchSet(set, release, to, QUICK), /another process fetches into it; wait for that one/);
    await first;
  }));

/** A file system of `bytes` at a folder; null where none can be mounted. */
async function smallDisk(folder: string, bytes: number): Promise<AsyncDisposable | null> {
  const run = async (program: string, ...args: string[]): Promise<boolean> =>
    await new Deno.Command(program, { args, stderr: "null" }).output().then(({ success }) => success, () => false);
  if (!await run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder)) return null;
  return { [Symbol.asyncDispose]: async () => void await run("umount", folder) };
}

Deno.test("a disk that is full in the midst of it is said in one line, and the fetch goes on when there is space", async (t) => {
  await withFolder(async (folder) => {
    const large = Uint8Array.from({ length: 1_500_000 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
    const many = zipFile([{ name: "pictures/1.jpg", data: large, packed: false }]);
    await using server = serve();
    server.files.set("/pictures.zip", { bytes: many });
    const { set, release } = made(server, { "pictures.zip": { bytes: many.length, checksum: md5(many) } });
    const to = join(folder, "disk"), blocker = join(to, "blocker");
    await Deno.mkdir(to);
    await using disk = await smallDisk(to, 4 << 20);
    if (!disk) return void await t.step("left out: no file system can be mounted here", () => {});
    const space = { ...QUICK, free: () => Promise.resolve(1e9) };
    Deno.writeFileSync(blocker, new Uint8Array(3 << 20));
    await refuses(
      fetchSet(set, release, to, space),
      /pictures\.zip: the disk is full; free some space, then run it again/,
    );
    const had = Deno.statSync(join(to, ".fetch/pictures.zip.part")).size;
    ok(had > 0 && had < many.length, String(had));
    // Space for the archive, but not for what is in it.
    Deno.writeFileSync(blocker, new Uint8Array(2 << 20));
    await refuses(fetchSet(set, release, to, space), /pictures\/1\.jpg: the disk is full/);
    strictEqual(server.seen.at(-1)!.range, `bytes=${had}-`);
    ok(!files(to).some((path) => path.startsWith("pictures/")), "half a file is left");
    await refuses(fetchSet(set, release, to, QUICK), /of disk space are needed there/);
    Deno.removeSync(blocker);
    await fetchSet(set, release, to, QUICK);
    deepStrictEqual(Deno.readFileSync(join(to, "pictures/1.jpg")), large);
    ok(server.seen.at(-1)!.range !== null, "asked for again");
  });
});
