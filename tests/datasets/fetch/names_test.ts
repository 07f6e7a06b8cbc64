import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join, normalize } from "node:path";
import { belowRoot, nameFault, Names } from "../../../datasets/fetch/names.ts";
import { withRandom } from "../../support/random.ts";

Deno.test("names of real sets are taken", () => {
  for (
    const path of [
      "annotations/instances_val2017.json",
      "ADE20K_2021_17_01/images/ADE/training/urban/street/ADE_train_00016900/instance_000_ADE_train_00016900.png",
      "VG_100K_2/1.jpg",
      "clevr_ref+_1.0/refexps/clevr_ref+_train_refexps.json",
      "a/b/",
      "__MACOSX/._a",
      "größe 3, (neu).txt",
      "console.txt",
      "com",
      "nullable",
    ]
  ) strictEqual(nameFault(path), null, path);
});

Deno.test("names that lead elsewhere or act on something are refused, each with its reason", () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    "": /empty/,
    "/etc/passwd": /absolute/,
    "..": /leads out/,
    "a/../../b": /leads out/,
    "a/..": /leads out/,
    "./a": /without a name/,
    "a//b": /without a name/,
    "C:/a": /a sign/,
    "a\\..\\b": /a sign/,
    "a:stream": /a sign/,
    "a\0b": /control/,
    "a\nb": /control/,
    "a\tb": /control/,
    "\u001b[2Ja": /control/,
    "a\u202egpj.exe": /control/,
    "\ud800": /control/,
    "a/CON": /device/,
    "nul.txt": /device/,
    "Com1 .jpg": /device/,
    "LPT9": /device/,
    "a./b": /dot or a blank/,
    "a /b": /dot or a blank/,
    "a/b.": /dot or a blank/,
    [`${"é".repeat(128)}`]: /too long/,
    [`${"a/".repeat(40)}b`]: /deep/,
  };
  for (const [path, reason] of Object.entries(wrong)) ok(reason.test(nameFault(path) ?? ""), JSON.stringify(path));
});

Deno.test("two names for one file are refused, however they are spelled", () => {
  const fault = (paths: readonly string[]): string | null => {
    const names = new Names();
    return paths.map((path) => names.fault(path, path.endsWith("/"))).find((one) => one !== null) ?? null;
  };
  strictEqual(fault(["a/", "a/b", "a/c/", "a/c/", "b"]), null);
  ok(/twice/.test(fault(["a/b", "a/b"])!));
  ok(/twice/.test(fault(["a/B.jpg", "A/b.jpg"])!));
  ok(/twice/.test(fault(["caf\u00e9", "cafe\u0301"])!));
  ok(/lies in a file/.test(fault(["a", "a/b"])!));
  ok(/file and a folder/.test(fault(["a/b", "a"])!));
  ok(/file and a folder/.test(fault(["a", "A/"])!));
});

Deno.test("no name that is taken leads out of its folder", async () => {
  await withRandom("names", (random) => {
    const parts = [..."a./\\:\0~ ", "..", "../", "con", "é", "\u202e", "%2e"];
    let taken = 0;
    for (let n = 0; n < 20_000; n++) {
      const path = Array.from({ length: random.integer(1, 8) }, () => parts[random.integer(0, parts.length)]).join("");
      if (nameFault(path) !== null) continue;
      taken++;
      const whole = join("/set", path);
      ok(whole.startsWith("/set/") && normalize(path) === path, JSON.stringify(path));
    }
    ok(taken > 100, String(taken));
  });
});

Deno.test("a path begins at the first part that is a root", () => {
  deepStrictEqual(belowRoot("x/images/ADE/images/a.jpg", ["images"]), "images/ADE/images/a.jpg");
  deepStrictEqual(belowRoot("image_data.json", ["image_data.json"]), "image_data.json");
  strictEqual(belowRoot("x/imagess/a.jpg", ["images"]), null);
});
