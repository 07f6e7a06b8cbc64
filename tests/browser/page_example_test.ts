/** The page of examples/page, opened from its file as by a double click: its net learns. */
import { ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { ended, ROOT } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { chromiumPath, withAddress } from "../../cli/test/chromium/browser.ts";

const path = chromiumPath();

Deno.test(
  { name: "the example page opens from a file and learns the spirals", ignore: path === null },
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "spirals.html");
      const built = await ended(
        new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", `${ROOT}/examples/page/build.ts`, file],
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
      strictEqual(built.code, 0, built.err);
      await withAddress(path!, `file://${file}`, async (page) => {
        await page.waitForFunction("!document.getElementById('again').disabled", null, { timeout: 120_000 });
        const text = await page.innerText("#text");
        const [, right, all] = /^step 400 of 400, loss [\d.]+, (\d+) of (\d+) points right$/.exec(text) ?? [];
        ok(Number(all) === 320 && Number(right) > 300, text);
        // The plane's shade at a point far out on each spiral is its spiral's.
        const shades = await page.evaluate(`(() => {
        const canvas = document.getElementById("plane"), context = canvas.getContext("2d");
        const at = (x, y) => [...context.getImageData((x + 1) * 256, (y + 1) * 256, 1, 1).data];
        return { below: at(-0.7, 0.7), above: at(0.7, -0.9) };
      })()`) as Readonly<Record<string, number[]>>;
        const { below: [red, , blue], above: [red2, , blue2] } = shades;
        ok(red > blue && blue2 > red2, JSON.stringify(shades));
      });
    }),
);
