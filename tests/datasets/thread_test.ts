/** Watched threads: those that throw, end or fall silent fail by name, and the loader replaces them. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { checkSplit } from "../../datasets/check.ts";
import { readPicture } from "../../datasets/images/read_picture.ts";
import { openFile } from "../../engine/base/files.ts";
import { Loader } from "../../datasets/images/loader.ts";
import { evaluationOrder } from "../../datasets/images/schedule.ts";
import { Thread, ThreadError } from "../../datasets/thread.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { withFolder } from "../support/folder.ts";

const moduleOf = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);

/** Answers to two questions to a thread that runs this, or why there are none. */
async function answers(text: string): Promise<string[]> {
  using thread = new Thread<string>(moduleOf(text), { silence: 500 });
  const asked = ["a", "b"].map((word) => thread.ask(() => word));
  const settled = await Promise.allSettled(asked);
  return settled.map((one) => {
    if (one.status === "fulfilled") return one.value;
    ok(one.reason instanceof ThreadError);
    return one.reason.message;
  });
}

Deno.test("a thread answers in order, or fails with all that it was asked", async () => {
  deepStrictEqual(await answers("onmessage = ({ data }) => postMessage(data + data)"), ["aa", "bb"]);
  const silent = Array.from({ length: 2 }, () => "its thread answered nothing for 0.5 s");
  deepStrictEqual(await answers("onmessage = () => {}"), silent);
  deepStrictEqual(await answers("self.close()"), silent);
  const telling = `import { tellFailures } from ${JSON.stringify(import.meta.resolve("../../datasets/thread.ts"))};
    tellFailures();`;
  const failed = Array.from({ length: 2 }, () => "its thread failed: no more");
  deepStrictEqual(await answers(`${telling} onmessage = () => { throw new Error("no more\\nat all") }`), failed);
  deepStrictEqual(await answers(`${telling} onmessage = async () => { throw new Error("no more") }`), failed);
  deepStrictEqual(
    await answers("onmessage = ({ data }) => { if (data === 'b') self.close(); else postMessage(data) }"),
    [
      "a",
      silent[0],
    ],
  );
});

/** A set of five drawn pictures of `size` pixels, drawn by a module of this text. */
function drawn(folder: string, text: string, size = 4): RegionDataset {
  const path = join(folder, "draw.ts");
  Deno.writeTextFileSync(path, text);
  const boxes = Float32Array.of(0, 0, 1, 1), labels = Int32Array.of(1);
  return {
    ...{ name: "made", split: "train", classes: ["__background__", "a"], size: 5 },
    record: (index) => ({ id: String(index), width: size, height: size, boxes, labels }),
    source: { kind: "drawn", module: `file://${path}`, options: {} },
  };
}

const PICTURE = "({ rgb: new Uint8Array(48), width: 4, height: 4 })";

Deno.test("an image that ends its thread is named, and left out where asked; the others come", async () => {
  await withFolder(async (folder) => {
    for (const end of ["self.close()", "setTimeout(() => { throw new Error('lost') })"]) {
      const set = drawn(
        folder,
        `export const drawImage = (_, i) => i === 2 ? (${end}, new Promise(() => {})) : ${PICTURE};`,
      );
      const options = { scale: { target: 4, max: 4 }, silence: 800, prefetch: 3 };
      const strict = new Loader(set, options);
      await rejects(
        Array.fromAsync(strict.run(evaluationOrder(set))),
        (error: Error) =>
          error instanceof UserError && /^drawn image 2: .*its thread (answered nothing|failed)/.test(error.message),
      );
      strict.close();
      const skipped: string[] = [];
      const lenient = new Loader(set, { ...options, skipBroken: true, onBroken: (path) => skipped.push(path) });
      const images = await Array.fromAsync(lenient.run(evaluationOrder(set)));
      lenient.close();
      deepStrictEqual([images.map(({ index }) => index), skipped], [[0, 1, 3, 4], ["drawn image 2"]]);
    }
  });
});

Deno.test("images ahead keep to their bytes, and one that is too large is refused", async () => {
  await withFolder(async (folder) => {
    const set = drawn(folder, `export const drawImage = () => ${PICTURE};`);
    let asked = 0;
    function* order() {
      for (const entry of evaluationOrder(set)) {
        asked++;
        yield entry;
      }
    }
    // 48 bytes of pixels and 4 × 4 × 12 prepared ones: two are in the budget.
    const scale = { target: 4, max: 4 };
    const loader = new Loader(set, { scale, budget: 2 * 240, prefetch: 8 });
    const images = loader.run(order());
    await images.next();
    // One is handed out, two are ahead, and the next is known but not begun.
    strictEqual(asked, 4);
    strictEqual((await Array.fromAsync(images)).length, 4);
    loader.close();
    const small = new Loader(set, { scale, budget: 200 });
    await rejects(
      Array.fromAsync(small.run(order())),
      /^UserError: drawn image 0: takes 1 MiB with a shorter side of 4/,
    );
    small.close();
  });
});

Deno.test("a pipe in the place of an image is named", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "pipe.png");
    ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    const set: RegionDataset = { ...drawn(folder, ""), size: 1, source: { kind: "files", paths: [path] } };
    const loader = new Loader(set, { scale: { target: 4, max: 4 } });
    await rejects(Array.fromAsync(loader.run(evaluationOrder(set))), /pipe\.png: .*is no file but a folder, a pipe/);
    loader.close();
    const { items } = await checkSplit(set);
    deepStrictEqual(items.find(({ what }) => what === "broken pictures")!.count, 1);
    await rejects(readPicture(path), /pipe\.png: cannot be read as a picture: is no file/);
    await rejects(openFile(path), /pipe\.png: is a pipe, not a file/);
  });
});
