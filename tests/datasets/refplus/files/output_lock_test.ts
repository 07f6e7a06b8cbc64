import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../../engine/base/user_error.ts";
import { FeatureJournal } from "../../../../datasets/refplus/files/feature_journal.ts";
import { GrowingList } from "../../../../datasets/refplus/files/growing_list.ts";
import { OutputLock } from "../../../../datasets/refplus/files/output_lock.ts";
import { type PreprocessOptions, preprocessRefexps } from "../../../../datasets/refplus/encoding/preprocess.ts";
import { withFolder } from "../../../support/folder.ts";
import { pythonJson, realRefexps, realScenes } from "../../../support/refplus/real_refplus.ts";

const refused = (output: string) => (error: unknown) =>
  error instanceof UserError && error.message === `${output}: another process is making it; wait for that one`;

const names = (folder: string): string[] => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("an output has one maker at a time, and the next one once that is done", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "deep", "a.h5");
    {
      using _lock = await OutputLock.take(output);
      await rejects(OutputLock.take(output), refused(output));
      using _other = await OutputLock.take(join(folder, "deep", "b.h5"));
    }
    deepStrictEqual(names(join(folder, "deep")), []);
    using _again = await OutputLock.take(output);
  });
});

Deno.test("a lock goes with its process, however that ends", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "a.h5");
    const program = `
      const { OutputLock } = await import(${
      JSON.stringify(import.meta.resolve("../../../../datasets/refplus/files/output_lock.ts"))
    });
      const lock = await OutputLock.take(Deno.args[0]);
      console.log("held");
      setInterval(() => lock, 1000);
    `;
    const args = ["eval", "--no-check", program, "--", output];
    const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
    const reader = child.stdout.getReader();
    strictEqual(new TextDecoder().decode((await reader.read()).value), "held\n");
    await rejects(OutputLock.take(output), refused(output));
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    deepStrictEqual(names(folder), [".a.h5.lock"]);
    {
      using _lock = await OutputLock.take(output);
    }
    deepStrictEqual(names(folder), []);
  });
});

Deno.test("features have one writer, whose rows a second one leaves alone", async () => {
  await withFolder(async (folder) => {
    const output = join(folder, "features.h5");
    const settings = { extractor: "counted", shape: [1, 1, 2] } as const;
    {
      using first = await FeatureJournal.open(output, settings);
      first.append(Float32Array.of(1, 2));
      await rejects(FeatureJournal.open(output, { ...settings, extractor: "otherwise" }), refused(output));
      first.append(Float32Array.of(3, 4));
      await first.publish();
      await rejects(FeatureJournal.open(output, settings), refused(output));
    }
    await rejects(FeatureJournal.open(output, { ...settings, extractor: "otherwise" }), /was made by counted/);
    using again = await FeatureJournal.open(output, settings);
    strictEqual(again.whole, 2);
  });
});

Deno.test("encoded expressions have one writer, and a failed one lets go", async () => {
  await withFolder(async (folder) => {
    const [scenes, refexps, output] = ["scenes.json", "refexps.json", "out.h5"].map((name) => join(folder, name));
    await Deno.writeTextFile(scenes, pythonJson("scenes", realScenes()));
    await Deno.writeTextFile(refexps, pythonJson("refexps", realRefexps()));
    const options: PreprocessOptions = {
      ...{ mode: "prefix", refexps, scenes, output, examples: -1, height: 8, width: 8 },
      ...{ outputVocabulary: join(folder, "vocab.json"), expand: false, complete: false },
      ...{ threshold: 1, encodeUnknown: false },
    };
    {
      using _lock = await OutputLock.take(output);
      await Deno.writeTextFile(join(folder, ".out.h5.working"), "another's");
      await rejects(preprocessRefexps(options), refused(output));
      strictEqual(await Deno.readTextFile(join(folder, ".out.h5.working")), "another's");
    }
    let tried = 0;
    const failing = preprocessRefexps({
      ...options,
      onProgress: (stage) => {
        if (stage !== "encoding") return;
        using other = Deno.openSync(join(folder, ".out.h5.lock"), { write: true });
        strictEqual(other.tryLockSync(true), false, "it is held while rows are written");
        tried++;
        throw new Error("stopped");
      },
    });
    await rejects(failing, /stopped/);
    strictEqual(tried, 1);
    strictEqual((await preprocessRefexps(options)).rows, 3);
    deepStrictEqual(names(folder), ["out.h5", "refexps.json", "scenes.json", "vocab.json"]);
  });
});

Deno.test("a list has one maker from before it is there until it is let go", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "list.json");
    {
      using list = await GrowingList.open(path, "things", {});
      list.append([{ image_index: 0 }]);
      await list.finish();
      await rejects(GrowingList.open(path, "things", {}), refused(path));
    }
    deepStrictEqual(names(folder), ["list.json"]);
  });
});
