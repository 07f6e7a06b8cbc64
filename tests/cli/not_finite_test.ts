/** Checkpoints with a number that is not finite, and those without a checksum, as the commands take them. */
import { match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors } from "../../engine/safetensors.ts";
import { itera, ROOT } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

const KEPT = join(ROOT, "tests/fixtures/runs-0.2/regions/checkpoints/step_00000004.safetensors");

Deno.test("a checkpoint that is not finite is begun from and evaluated by nobody, and shown by inspect", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "wild.safetensors");
    const { tensors, metadata } = decodeSafetensors(await Deno.readFile(KEPT));
    const [name, tensor] = [...tensors].find(([name]) => name.startsWith("model."))!;
    tensor.data.fill(NaN as never, 1, 2);
    await Deno.writeFile(path, encodeSafetensors(tensors, metadata, { checksum: true }));
    for (const args of [["evaluate", "--checkpoint", path, "--out", folder], ["train", "--weights", path]]) {
      const { code, err } = await itera(...args);
      strictEqual(code, 2, err);
      match(err, new RegExp(`wild\\.safetensors: "(model\\.)?${name.slice("model.".length)}" holds NaN`));
    }
    const shown = await itera("inspect", path);
    strictEqual(shown.code, 0, shown.err);
    match(shown.out, new RegExp(`^checksum: fits$[^]*^not finite: "${name}" holds NaN$`, "m"));
    match((await itera("inspect", KEPT)).out, /^checksum: none, so damage to its numbers would not show$/m);
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(0, bytes.length - 1000));
    match((await itera("inspect", path)).err, /wild\.safetensors: .*do not fit its checksum/);
  });
});
