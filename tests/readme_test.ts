import assert from "node:assert/strict";
import { opsTable } from "../engine/ops_table.ts";

const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));

Deno.test("the page of ops has the registry's table", async () => {
  const page = await Deno.readTextFile(new URL("../docs/ops.md", import.meta.url));
  // The formatter aligns columns with blanks and dashes.
  const bare = (text: string): string => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");
  assert.ok(
    bare(page).includes(bare(opsTable())),
    "the table differs; write the new one with: deno run -A tests/support/write_ops_table.ts",
  );
});

Deno.test("the README's example runs as it stands and learns", async () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  assert.ok(code, "the README has no TypeScript example");
  assert.ok(code.trim().split("\n").length <= 24, "the example is meant to be short");
  const folder = await Deno.makeTempDir();
  try {
    const mod = new URL("../mod.ts", import.meta.url).href;
    await Deno.writeTextFile(`${folder}/example.ts`, code.replaceAll("./mod.ts", mod));
    const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--config",
        new URL("../deno.json", import.meta.url).pathname,
        `${folder}/example.ts`,
      ],
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(status, 0, new TextDecoder().decode(stderr));
    const losses = [...text.matchAll(/loss ([\d.]+)/g)].map((m) => Number(m[1]));
    assert.ok(losses.length >= 2 && losses.at(-1)! < losses[0] / 2, text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
