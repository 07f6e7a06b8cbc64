import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openArchive } from "../../../datasets/fetch/archive.ts";
import { type Needed, placedFiles, unpack } from "../../../datasets/fetch/unpack.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { type Made, paxHeader, tarFile, zipFile } from "../../support/files/archives.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";

/** Forms of archives: their writer, and whether they have checksums of their files. */
const FORMS = {
  zip: (entries: readonly Made[]) => zipFile(entries),
  tar: (entries: readonly Made[]) => tarFile(entries),
  "tar.gz": (entries: readonly Made[]) => tarFile(entries, true),
} as const;

const ALL: Needed = { roots: ["set"] };

async function unpacked(folder: string, bytes: Uint8Array, needed = ALL, most = 1e6): Promise<string[]> {
  const path = join(folder, "archive");
  Deno.writeFileSync(path, bytes);
  await using archive = await openArchive(path);
  const placed = await placedFiles(path, archive, needed, most);
  await unpack(archive, placed, join(folder, "out"));
  return placed.map((one) => one.path);
}

/** Contents of all files below a folder by their paths. */
function contents(folder: string, inside = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(join(folder, inside))) {
    const path = join(inside, name);
    if (isDirectory) Object.assign(found, contents(folder, path));
    else found[path] = new TextDecoder("latin1").decode(Deno.readFileSync(join(folder, path)));
  }
  return found;
}

const refuses = (run: Promise<unknown>, message: RegExp) =>
  rejects(run, (e) => {
    ok(e instanceof UserError && message.test(e.message) && !e.message.includes("\n"), String(e));
    return true;
  });

const nothing = (folder: string): void =>
  strictEqual(Deno.readDirSync(folder).some(({ name }) => name === "out"), false);

for (const [form, write] of Object.entries(FORMS)) {
  Deno.test(`${form}: what is needed lands in the folder, byte by byte, wherever the archive has it`, () =>
    withFolder(async (folder) => {
      await withRandom(form, async (random) => {
        const big = Uint8Array.from(random.integers(200_000, 0, 256));
        const paths = await unpacked(
          folder,
          write([
            { name: "top/" },
            { name: "top/README", data: "not needed" },
            { name: "top/set/a.txt", data: "a" },
            { name: "top/set/deep/b.bin", data: big },
            { name: "top/set/empty" },
            { name: "top/set/deep/instance_1.png", data: "left out" },
          ]),
          { roots: ["set"], needed: /^set\/(?!.*instance_)/ },
        );
        deepStrictEqual(paths, ["set/a.txt", "set/deep/b.bin", "set/empty"]);
        deepStrictEqual(contents(join(folder, "out")), {
          "set/a.txt": "a",
          "set/deep/b.bin": new TextDecoder("latin1").decode(big),
          "set/empty": "",
        });
      });
    }));

  Deno.test(`${form}: a hostile name, a link or a device anywhere, and nothing is unpacked`, () =>
    withFolder(async (folder) => {
      const hostile: readonly (readonly [Made, RegExp])[] = [
        [{ name: "set/../../out.txt" }, /leads out of its folder; nothing of it was unpacked/],
        [{ name: "/set/a" }, /is absolute/],
        [{ name: "set/nul" }, /device/],
        [{ name: "set/a\u001b[2J" }, /control character/],
        [{ name: "set/\\\\server\\a" }, /a sign that is no part/],
        [{ name: "elsewhere/../x" }, /leads out/],
        [{ name: "set/first" }, /is there twice/],
        [{ name: "set/first/inner" }, /lies in a file/],
        [{ name: "set/link", mode: 0o120777, type: "2", link: "/etc/passwd", data: "/etc/passwd" }, /is a link/],
        [{ name: "set/pipe", mode: 0o010644, type: "6" }, /is a device/],
        [{ name: "set/tty", mode: 0o020644, type: "3" }, /is a device/],
      ];
      for (const [entry, reason] of hostile) {
        const { data = "", ...others } = entry;
        const made = form === "zip" ? entry : { ...others, data: entry.type ? "" : data };
        await refuses(unpacked(folder, write([{ name: "set/first", data: "1" }, made])), reason);
        nothing(folder);
      }
    }));

  Deno.test(`${form}: cut short or changed anywhere, it is refused or gives what it gave`, () =>
    withFolder(async (folder) => {
      await withRandom(`broken ${form}`, async (random) => {
        const whole = write([{ name: "set/a", data: "some text, some text" }, { name: "set/b", data: "more" }]);
        const want = { "set/a": "some text, some text", "set/b": "more" };
        for (let n = 0; n < 60; n++) {
          const bytes = whole.slice(0, n % 2 ? random.integer(0, whole.length) : whole.length);
          if (n % 2 === 0) bytes[random.integer(0, bytes.length)] ^= 1 << random.integer(0, 8);
          const error = await unpacked(folder, bytes).then(() => null, (e) => e);
          if (error !== null) ok(error instanceof UserError && !error.message.includes("\n"), String(error));
          // A tar file has no checksum of its contents; gzip has one of the whole.
          else if (form === "zip") {
            for (const [path, text] of Object.entries(contents(join(folder, "out")))) {
              if (path in want) strictEqual(text, want[path as keyof typeof want]);
            }
          }
          await Deno.remove(join(folder, "out"), { recursive: true }).catch(() => {});
        }
      });
    }));

  Deno.test(`${form}: more than its bound, and nothing is unpacked`, () =>
    withFolder(async (folder) => {
      const data = new Uint8Array(60_000);
      const bomb = write(Array.from({ length: 20 }, (_, i) => ({ name: `set/${i}`, data })));
      await refuses(unpacked(folder, bomb), /unpacks to more than 1000000 bytes/);
      nothing(folder);
      await refuses(
        unpacked(folder, write([{ name: "other/a" }])),
        /has nothing below set; is it the archive of another/,
      );
      const two = write([{ name: "x/set/a" }, { name: "y/set/a" }]);
      await refuses(unpacked(folder, two), /two of its files would be set\/a/);
      nothing(folder);
    }));
}

Deno.test("a ZIP file that unpacks to more or less than it says, or to other bytes, leaves no file of that name", () =>
  withFolder(async (folder) => {
    for (
      const entry of [
        { name: "set/a", data: "text", claims: 3 },
        { name: "set/a", data: "text", claims: 5 },
        { name: "set/a", data: "text", crc: 1 },
        { name: "set/a", data: "text", packed: false, claims: 5 },
      ]
    ) {
      await refuses(unpacked(folder, zipFile([entry])), /"set\/a" is broken|is broken/);
      deepStrictEqual(Object.keys(contents(folder)), ["archive"]);
    }
    const method = zipFile([{ name: "set/a", data: "text" }]);
    for (const at of [8, method.length - 22 - 46 - 5 + 10]) method[at] = 9;
    await refuses(unpacked(folder, method), /packed by method 9, not by deflate; unpack it by another program/);
    await refuses(unpacked(folder, new TextEncoder().encode("<html>404</html>")), /is no ZIP, tar or tar.gz archive/);
    await refuses(unpacked(folder, new Uint8Array(0)), /is no ZIP, tar or tar.gz archive/);
  }));

Deno.test("long names of tar, by pax and by GNU, and sizes beyond the header's", () =>
  withFolder(async (folder) => {
    const long = `set/${"d".repeat(120)}/${"f".repeat(130)}é.jpg`;
    const pax = tarFile([paxHeader({ path: long, mtime: "1.5" }), { name: "set/short", data: "pax" }]);
    deepStrictEqual(await unpacked(folder, pax), [long]);
    const gnu = tarFile([{ name: "././@LongLink", type: "L", data: `${long}\0` }, { name: "set/short", data: "gnu" }]);
    deepStrictEqual(await unpacked(folder, gnu), [long]);
    strictEqual(Deno.readTextFileSync(join(folder, "out", long)), "gnu");
    const sized = tarFile([paxHeader({ size: "3" }), { name: "set/sized", data: "abc", claims: 0 }]);
    await unpacked(folder, sized);
    strictEqual(Deno.readTextFileSync(join(folder, "out", "set/sized")), "abc");
    await refuses(unpacked(folder, tarFile([paxHeader({ path: "../x" }), { name: "set/a" }])), /leads out/);
    await refuses(unpacked(folder, tarFile([paxHeader({ "GNU.sparse.major": "1" }), { name: "set/a" }])), /with holes/);
    const huge = tarFile([{ name: "x", type: "x", data: new Uint8Array(1 << 17) }, { name: "set/a" }]);
    await refuses(unpacked(folder, huge), /a header is longer than any name/);
    for (const text of ["", "x", "99999 path=a\n", "5 a\n\n", "6 =ab\n"]) {
      const wrong = tarFile([{ name: "x", type: "x", data: text }, { name: "set/a" }]);
      if (text !== "") await refuses(unpacked(folder, wrong), /a header is none/);
    }
  }));

Deno.test("archives that tar itself writes are read", async (t) => {
  await withFolder(async (folder) => {
    const name = `set/${"n".repeat(60)}/${"m".repeat(90)}`;
    await Deno.mkdir(join(folder, name, ".."), { recursive: true });
    await Deno.writeTextFile(join(folder, name), "long");
    await Deno.writeTextFile(join(folder, "set/a"), "a".repeat(1000));
    for (const format of ["ustar", "gnu", "pax", "v7"]) {
      const file = join(folder, `${format}.tgz`), names = format === "v7" ? ["set/a"] : ["set"];
      // As people pack a folder, and as they pack what is in it.
      const args = ["-C", folder, `--format=${format}`, "-czf", file, ...format === "gnu" ? ["./set"] : names];
      const ran = await new Deno.Command("tar", { args, stderr: "piped" }).output().catch(() => null);
      if (!ran?.success) return void await t.step("left out: there is no tar here", () => {});
      await unpacked(folder, Deno.readFileSync(file));
      strictEqual(Deno.readTextFileSync(join(folder, "out/set/a")), "a".repeat(1000), format);
      if (format !== "v7") strictEqual(Deno.readTextFileSync(join(folder, "out", name)), "long", format);
      await Deno.remove(join(folder, "out"), { recursive: true });
    }
  });
});

Deno.test("a file that is there is left as it is where its checksum fits, and replaced where it does not", () =>
  withFolder(async (folder) => {
    const bytes = zipFile([{ name: "set/a", data: "same" }, { name: "set/b", data: "text" }]);
    await unpacked(folder, bytes);
    const [a, b] = ["a", "b"].map((name) => join(folder, "out/set", name));
    Deno.utimeSync(a, 1000, 1000);
    Deno.writeTextFileSync(b, "four");
    // Of a process that was killed while it unpacked.
    Deno.writeTextFileSync(join(folder, "out/set/.b.999999999.partial"), "te");
    await unpacked(folder, bytes);
    strictEqual(Deno.statSync(a).mtime!.getTime(), 1_000_000);
    deepStrictEqual(contents(join(folder, "out")), { "set/a": "same", "set/b": "text" });
  }));
