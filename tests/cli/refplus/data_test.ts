import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import { ended, itera, start } from "../../support/command.ts";
import { withFolder } from "../../support/folder.ts";
import { pythonJson, realRefexps, realScenes } from "../../support/refplus/real_refplus.ts";

/** Every file under a folder, hidden ones too, with its bytes. */
async function contents(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const walk = async (inside: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(join(folder, inside))) {
      if (isDirectory) await walk(join(inside, name));
      else files.set(join(inside, name), (await Deno.readFile(join(folder, inside, name))).join());
    }
  };
  await walk("");
  return files;
}

Deno.test("a killed generate goes on with the same command, to the bytes of one that was not killed", async () => {
  await withFolder(async (folder) => {
    const command = (out: string) => [
      ...["refplus", "generate", "--out", join(folder, out), "--split", "val", "--images", "9"],
      ...["--refexps-per-image", "1", "--seed", "3", "--false-premise"],
    ];
    const whole = itera(...command("whole"));
    const child = start(command("killed"));
    const pictures = join(folder, "killed", "images", "val");
    // Some pictures are there, others are not: this is in the midst of it.
    for (let seen = 0; seen < 3;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        seen = [...Deno.readDirSync(pictures)].length;
      } catch {
        seen = 0;
      }
    }
    child.kill("SIGKILL");
    strictEqual((await ended(child)).code, 137);
    for (const { name } of Deno.readDirSync(join(folder, "killed", "scenes"))) {
      ok(name.startsWith("."), `${name} has its name already`);
    }
    const again = await itera(...command("killed"));
    strictEqual(again.code, 0, again.err);
    strictEqual(
      again.out,
      `${join(folder, "killed")}: val has 9 pictures and 9 expressions, 9 that refer to nothing\n`,
    );
    ok(/^pictures 9\/9 /m.test(again.err) && /^false premises 9\/9 /m.test(again.err), again.err);
    strictEqual((await whole).code, 0);
    deepStrictEqual(await contents(join(folder, "killed")), await contents(join(folder, "whole")));
    const mistaken = await itera(...command("whole").map((part) => part === "3" ? "4" : part));
    deepStrictEqual([mistaken.code, mistaken.out], [2, ""]);
    ok(/^itera: .*val_scenes\.json: was begun with seed 3, not 4; give the same settings.*\n$/.test(mistaken.err));
  });
});

Deno.test("preprocess takes the reference's flags, and real files", async () => {
  await withFolder(async (folder) => {
    const file = (name: string) => join(folder, name);
    await Deno.writeTextFile(file("scenes.json"), pythonJson("scenes", realScenes()));
    await Deno.writeTextFile(file("refexps.json"), pythonJson("refexps", realRefexps(), 2));
    const input = ["--input_refexps_json", file("refexps.json"), "--input_scenes_json", file("scenes.json")];
    const done = await itera(
      ...["refplus", "preprocess", "--mode", "prefix", ...input, "--num_examples", "-1", "--height", "320"],
      ...["--width", "320", "--output_h5_file", file("deep/train.h5"), "--output_vocab_json", file("deep/vocab.json")],
    );
    strictEqual(done.code, 0, done.err);
    strictEqual(done.out, `${file("deep/train.h5")}: 3 rows, 3 of them new; 26 words, 13 program tokens\n`);
    using made = await RefexpFile.open(file("deep/train.h5"));
    deepStrictEqual([made.size, made.width, made.height], [3, 320, 320]);
    const [unknown, missing, wrong, switched] = await Promise.all([
      itera(
        "refplus",
        "preprocess",
        ...input,
        "--output_h5_file",
        file("x.h5"),
        "--input_vocab_json",
        file("none.json"),
      ),
      itera("refplus", "preprocess", ...input, "--output_vocab_json", file("v.json")),
      itera("refplus", "preprocess", ...input, "--output_h5_file", file("x.h5"), "--height", "0"),
      itera("refplus", "preprocess", ...input, "--output_h5_file", file("x.h5"), "--encode_unk", "yes"),
    ]);
    deepStrictEqual(unknown, { code: 2, out: "", err: `itera: ${file("none.json")}: there is no such file\n` });
    strictEqual(missing.err, "itera: required option '--output_h5_file <file>' not specified\n");
    ok(
      /^itera: option '--height <pixels>' argument '0' is invalid. It is not a whole number from 1 on\.\n$/.test(
        wrong.err,
      ),
    );
    ok(/'yes' is invalid\. Allowed choices are 0, 1\.\n$/.test(switched.err), switched.err);
    deepStrictEqual([missing.code, wrong.code, switched.code], [2, 2, 2]);
  });
});
