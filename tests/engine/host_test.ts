import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Device } from "../../engine/device.ts";
import { host } from "../../engine/host.ts";
import { host as page } from "../../engine/host_browser.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("a host gives variables and files, and nothing for those that are not there", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.txt");
    await Deno.writeTextFile(path, "text");
    deepStrictEqual([host.readText(path), host.readText(folder), host.readText(`${path}.none`)], [
      "text",
      undefined,
      undefined,
    ]);
    Deno.env.set("ITERA_HOST_TEST", "value");
    Deno.env.set("ITERA_HOST_TEST_EMPTY", "");
    const names = ["ITERA_HOST_TEST", "ITERA_HOST_TEST_EMPTY", "ITERA_HOST_TEST_NONE"];
    deepStrictEqual(names.map(host.variable), ["value", undefined, undefined]);
    deepStrictEqual([page.readText(path), page.variable("ITERA_HOST_TEST")], [undefined, undefined]);
    deepStrictEqual(new TextDecoder().decode(await host.readBytes(path)), "text");
    await rejects(host.readBytes(`${path}.none`), Deno.errors.NotFound);
    await rejects(page.readBytes(path), /there are no files here; give a URL/);
    for (const name of names) Deno.env.delete(name);
  }));

Deno.test("the version of a driver is that of the adapter's own, and none of an adapter that there is not", async () => {
  await using device = await Device.open();
  const version = host.driverVersion(device.info.description);
  // Vulkan's name of the driver, its words and its number.
  ok(version !== undefined && /^\S.* .*\d$/.test(version), version);
  if (/llvmpipe/.test(device.info.description)) ok(/^llvmpipe Mesa \d+\.\d+/.test(version), version);
  deepStrictEqual([host.driverVersion("no such adapter"), page.driverVersion(device.info.description)], [
    undefined,
    undefined,
  ]);
});

/** Output of a program run with the flags given. */
async function run(program: string, ...flags: readonly string[]): Promise<{ out: string; err: string }> {
  let result = { out: "", err: "" };
  await withFolder(async (folder) => {
    const path = join(folder, "program.ts");
    await Deno.writeTextFile(path, program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-config", "--no-prompt", ...flags, path],
      env: { ITERA_MEMORY: "none of the numbers" },
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    strictEqual(code, 0, err);
    result = { out, err };
  });
  return result;
}

const engine = new URL("../../engine/mod.ts", import.meta.url).href;
const PRODUCT = `
  const { Device, matmul } = await import("${engine}");
  const device = await Device.open();
  console.log(String(await matmul(device.tensor([[1, 2], [3, 4]]), device.tensor([[5], [6]])).data()));
  await device.close();`;

Deno.test("the engine runs where there is no Deno, as in a page", async () => {
  const { out } = await run(`Reflect.deleteProperty(globalThis, "Deno");${PRODUCT}`);
  strictEqual(out, "17,39\n");
});

Deno.test("without permissions the engine looks at nothing and asks nothing", async () => {
  const { out, err } = await run(PRODUCT);
  deepStrictEqual([out, /prompt|permission|access/i.test(err)], ["17,39\n", false]);
});
