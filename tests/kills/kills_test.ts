/** A few kills of what writes files; `deno task test:kills` kills every kind of work, and many times. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { RandomStream } from "../../engine/base/random.ts";
import { withFolder } from "../support/folder.ts";
import { withRandom } from "../support/random.ts";
import { live, whole } from "./kill.ts";
import { type Work, writers } from "./kinds.ts";

Deno.test("what writes files of expressions leaves the same when it is killed at random times and goes on", async () => {
  await withFolder(async (folder) => {
    await withRandom("kills", async (random) => {
      const out = join(folder, "out"), times = new RandomStream(random.integer(0, 2 ** 31), 0);
      for (const work of (await writers(folder, out)).filter(({ name }) => name !== "generate")) {
        const never = await whole(work, out);
        deepStrictEqual((await live(work, out, never, times, [false, true])).faults, [], work.name);
      }
    });
  });
});

Deno.test("a work that does not go on where it stopped is found", async () => {
  await withFolder(async (folder) => {
    const script = join(folder, "careless.ts"), out = join(folder, "out");
    await Deno.writeTextFile(
      script,
      `for (let i = 0; i < 60; i++) {
        Deno.writeTextFileSync(Deno.args[0], "line\\n", { append: true });
        await new Promise((resolve) => setTimeout(resolve, 30));
      }`,
    );
    const work: Work = { name: "careless", begin: [join(out, "lines.txt")], script };
    const life = await live(work, out, await whole(work, out), new RandomStream(1, 0), [false]);
    ok(life.kills.length === 1);
    deepStrictEqual(life.faults, ["lines.txt differs"]);
  });
});
