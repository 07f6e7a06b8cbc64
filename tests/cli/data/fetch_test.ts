/** `itera data fetch` as its user calls it, from a server on this machine. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { SOURCES } from "../../../datasets/fetch/addresses.ts";
import { ended, itera, start } from "../../support/command.ts";
import { zipFile } from "../../support/files/archives.ts";
import { serveFaultily } from "../../support/files/faulty_server.ts";
import { withFolder } from "../../support/folder.ts";

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

/** COCO's archives of 2017, small, and a file of their addresses on a server. */
function archives() {
  const picture = (folder: string) =>
    zipFile([{ name: `${folder}/`, data: "" }, { name: `${folder}/1.jpg`, data: folder }]);
  return {
    "annotations_trainval2017.zip": zipFile([
      { name: "annotations/instances_train2017.json", data: "{}" },
      { name: "annotations/instances_val2017.json", data: "{}" },
      { name: "annotations/captions_val2017.json", data: "not needed" },
    ]),
    "val2017.zip": picture("val2017"),
    "train2017.zip": zipFile([{ name: "train2017/1.jpg", data: new Uint8Array(600_000).fill(7), packed: false }]),
  };
}

async function addressesOf(
  folder: string,
  server: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<string> {
  const path = join(folder, "addresses.json");
  const facts = Object.entries(files).map(([name, bytes]) =>
    [name, { address: `${server}/${name}`, bytes: bytes.length, md5: md5(bytes) }] as const
  );
  await Deno.writeTextFile(path, JSON.stringify(Object.fromEntries(facts)));
  return path;
}

Deno.test("a set is fetched; Ctrl-C and a kill stop it, and the same command goes on where it was", async () => {
  await withFolder(async (folder) => {
    const files = archives(), to = join(folder, "coco");
    await using server = serveFaultily(Object.fromEntries(
      Object.entries(files).map(([name, bytes]) => [`/${name}`, { bytes, pace: name === "train2017.zip" ? 30 : 0 }]),
    ));
    const args = ["data", "fetch", "coco", "--to", to, "--addresses", await addressesOf(folder, server.address, files)];
    const part = join(to, ".fetch", "train2017.zip.part");
    const size = (): number => {
      try {
        return Deno.statSync(part).size;
      } catch {
        return 0;
      }
    };
    let before = 0;
    for (const [signal, status] of [["SIGINT", 130], ["SIGKILL", 137]] as const) {
      const child = start(args);
      while (size() <= before) await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill(signal);
      const { code, err } = await ended(child);
      strictEqual(code, status, err);
      if (signal === "SIGINT") {
        ok(/^itera: stopped; run it again, it goes on where it stopped$/m.test(err), err);
        ok(
          /^coco: \d+ kB to download, 481 MB unpacked; at most \d+ MB of disk space are needed on the way$/m.test(err),
          err,
        );
      }
      ok(size() < files["train2017.zip"].length, "it was too late to test anything");
      before = size();
    }
    server.files.get("/train2017.zip")!.pace = 0;
    const { code, out, err } = await itera(...args);
    strictEqual(code, 0, err);
    deepStrictEqual(out, `folder: ${to}\nlook at it with: itera data check coco --data ${to}\n`);
    strictEqual(Number(/\d+/.exec(server.seen.at(-1)!.range!)![0]), before);
    strictEqual(
      server.seen.filter(({ path }) => path !== "/train2017.zip").length,
      2,
      "whole files are not asked for again",
    );
    deepStrictEqual([...Deno.readDirSync(join(to, "annotations"))].map(({ name }) => name).sort(), [
      "instances_train2017.json",
      "instances_val2017.json",
    ]);
    strictEqual(Deno.statSync(join(to, "train2017", "1.jpg")).size, 600_000);
    strictEqual(Deno.readTextFileSync(join(to, "val2017", "1.jpg")), "val2017");
  });
});

Deno.test("files, addresses and checksums are listed, and what cannot be fetched is said in a line", async () => {
  await withFolder(async (folder) => {
    for (const { name, releases } of SOURCES) {
      for (const release of releases) {
        const { code, out, err } = await itera("data", "fetch", name, "--release", release.name, "--list", "--json");
        strictEqual(code, 0, err);
        const { tables: [{ rows }] } = JSON.parse(out);
        deepStrictEqual(rows.map((row: { file: string }) => row.file), release.files.map((file) => file.name));
      }
    }
    const refused = async (message: RegExp, ...args: string[]): Promise<void> => {
      const { code, err } = await itera("data", "fetch", ...args);
      deepStrictEqual([code, err.trimEnd().split("\n").length, message.test(err)], [2, 1, true], err);
    };
    const to = ["--to", join(folder, "x")], addresses = join(folder, "addresses.json");
    await refused(/ADE20K wants a registration: ask for it at https:\/\//, "ade20k", ...to);
    await refused(/Allowed choices are ade20k, coco, vg, clevr-ref\+, resnet50, resnet101/, "imagenet", ...to);
    await refused(/--release 2014: Visual Genome has 1\.4/, "vg", "--release", "2014", ...to);
    for (
      const [text, message] of [
        ['{"other.zip": {}}', /"other\.zip" is no file of it; they are annotations_trainval2017\.zip/],
        ['{"val2017.zip": {"address": "ftp://a/b"}}', /val2017\.zip\.address: an address begins with http/],
        ['{"val2017.zip": {"md5": "12"}}', /val2017\.zip\.md5: 32 digits are wanted/],
        ['{"val2017.zip": {"size": 1}}', /val2017\.zip: Unrecognized key/],
        ["{", /is not JSON/],
      ] as const
    ) {
      await Deno.writeTextFile(addresses, text);
      await refused(message, "coco", ...to, "--addresses", addresses);
    }
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["addresses.json"], "nothing was made");
  });
});

Deno.test("known facts are of their form: addresses, lengths and checksums", () => {
  for (const { name, page, releases } of SOURCES) {
    ok(/^https:\/\//.test(page) && releases.length > 0, name);
    for (const { files } of releases) {
      strictEqual(new Set(files.map((file) => file.name)).size, files.length);
      for (const { name, address, bytes, checksum, roots, needed } of files) {
        ok(address === null || new URL(address).protocol.startsWith("http") && address.endsWith(`/${name}`), name);
        ok(bytes === null || Number.isSafeInteger(bytes) && bytes > 0, name);
        const digits = checksum && { md5: 32, sha256: 64 }[checksum.algorithm];
        ok(checksum === null || checksum.value.length === digits && /^[0-9a-f]+$/.test(checksum.value), name);
        ok(roots === null || roots.length > 0 && roots.every((root) => /^[\w.-]+$/.test(root)), name);
        ok(roots !== null || bytes !== null && checksum !== null && needed === undefined, `${name} is taken as it is`);
      }
    }
  }
});
