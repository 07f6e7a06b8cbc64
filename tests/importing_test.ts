/** The library imported the way its users import it: from any folder, by path, by URL and by name, without permissions. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, extname, join, resolve } from "node:path";
import { bundle } from "../cli/test/chromium/bundle.ts";
import { minified } from "../cli/view/build_page.ts";
import configuration from "../deno.json" with { type: "json" };
import { type Ended, ended, ROOT } from "./support/command.ts";
import { copy, withFolder } from "./support/folder.ts";

/** A script of a user's: a gradient by each way an op is called, and the names of both papers' parts. */
const SCRIPT = (from: string) =>
  `import { datasets, Device, models, nn, ops, SGD } from "${from}";
await using device = await Device.open();
using scope = device.scope();
const x = device.tensor([[1, 2], [3, 4]]);
using layer = new nn.Linear(device, { inputs: 2, outputs: 2, seed: 1 });
ops.sum(ops.relu(layer.forward(x).add(10))).backward();
new SGD(device, layer.trainable(), { rate: 0.1 })[Symbol.dispose]();
const gradient: number[] = [...await layer.weight.grad!.data()];
console.log(JSON.stringify([gradient, typeof models.TrainSteps, typeof datasets.openDataset]));
`;

/** The same for the engine alone. */
const ENGINE = (from: string) =>
  `import { Device, tanh } from "${from}";
await using device = await Device.open();
using x = device.tensor([0]);
console.log(JSON.stringify([...await tanh(x).data()]));
`;

const EXPECTED = '[[4,4,6,6],"function","function"]\n';

/** Runs Deno in a folder of a user's: nothing is granted that `args` do not grant, nothing is asked. */
async function deno(cwd: string, ...args: string[]): Promise<Ended> {
  const env = { NO_COLOR: "1", ITERA_TUNING: "none", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? cwd };
  const options = { cwd, args, env, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return await ended(new Deno.Command(Deno.execPath(), options).spawn());
}

/** Makes a project of files in a folder. */
async function project(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(folder, name)), { recursive: true });
    await Deno.writeTextFile(join(folder, name), text);
  }
  return folder;
}

/** Runs the script of a project, which must print what is expected. */
async function prints(cwd: string, expected: string, ...args: string[]): Promise<void> {
  const { code, out, err } = await deno(cwd, "run", "--no-prompt", ...args);
  deepStrictEqual({ code, out }, { code: 0, out: expected }, err);
}

Deno.test("a script anywhere imports the library by its path, with no settings and no permission, and type-checks", () =>
  withFolder(async (folder) => {
    const cwd = await project(folder, { "a.ts": SCRIPT(join(ROOT, "mod.ts")) });
    await prints(cwd, EXPECTED, "a.ts");
    const checked = await deno(cwd, "check", "a.ts");
    strictEqual(checked.code, 0, checked.err);
  }));

Deno.test("a project with settings of its own imports the library by name, linked or from its import map", () =>
  withFolder(async (folder) => {
    const mapped = await project(join(folder, "mapped"), {
      "deno.json": JSON.stringify({
        imports: { itera: join(ROOT, "mod.ts") },
        // Deno's own types of WebGPU win where its default libraries are named.
        compilerOptions: {
          exactOptionalPropertyTypes: true,
          lib: ["esnext", "dom", "dom.iterable", "deno.ns"],
          types: [configuration.imports["@webgpu/types"]],
        },
      }),
      "a.ts": SCRIPT("itera"),
    });
    await prints(mapped, EXPECTED, "a.ts");
    const checked = await deno(mapped, "check", "a.ts");
    strictEqual(checked.code, 0, checked.err);
    const linked = await project(join(folder, "linked"), {
      "deno.json": JSON.stringify({ links: [ROOT] }),
      "a.ts": SCRIPT("@itera/itera"),
    });
    await prints(linked, EXPECTED, "a.ts");
  }));

Deno.test("a member of a workspace imports the library by name, and its tests and types are Deno's by default", () =>
  withFolder(async (folder) => {
    await project(folder, {
      "deno.json": JSON.stringify({ workspace: ["./itera", "./app"] }),
      "app/deno.json": JSON.stringify({ name: "@me/app", version: "0.1.0", exports: "./a.ts" }),
      "app/a.ts": SCRIPT("@itera/itera"),
      "app/a_test.ts": `import { Device } from "@itera/itera/engine";
const read = async (device: GPUDevice): Promise<string> => await Promise.resolve(typeof device.queue);
Deno.test("adds", async () => {
  await using device = await Device.open();
  using x = device.ones([2]), y = x.add(1);
  if ((await y.data())[1] !== 2) throw new Error("wrong");
  void read;
});
`,
    });
    await Deno.mkdir(join(folder, "itera"));
    for (const part of ["deno.json", "mod.ts", "engine", "shaders", "model", "datasets", "cli"]) {
      await copy(join(ROOT, part), join(folder, "itera", part));
    }
    const app = join(folder, "app");
    await prints(app, EXPECTED, "a.ts");
    const tested = await deno(app, "test", "--no-prompt", "a_test.ts");
    strictEqual(tested.code, 0, tested.out + tested.err);
  }));

Deno.test("the engine's script for a page, minified, is less than 450 kB, and needs nothing else", async () => {
  const script = await minified(await bundle("engine/mod.ts"));
  ok(script.length < 450_000, `${script.length} characters`);
  deepStrictEqual(script.match(/\bfrom\s*"(?:npm|node|jsr|https?):[^"]*"|\bimport\s*"[^"]*"/g), null);
});

Deno.test("beside a package.json the engine needs no package", () =>
  withFolder(async (folder) => {
    const cwd = await project(folder, {
      "package.json": JSON.stringify({ dependencies: {} }),
      "a.ts": ENGINE(join(ROOT, "engine/mod.ts")),
    });
    await prints(cwd, "[0]\n", "a.ts");
    const { out } = await deno(cwd, "info", "--json", "a.ts");
    const { modules } = JSON.parse(out) as { modules: { specifier: string }[] };
    ok(modules.length > 100, out);
    deepStrictEqual(modules.map(({ specifier }) => specifier).filter((one) => /^npm:|^node:/.test(one)), []);
  }));

Deno.test("beside a package.json the whole library needs one line of settings", () =>
  withFolder(async (folder) => {
    const cwd = await project(folder, { "package.json": JSON.stringify({}), "a.ts": SCRIPT(join(ROOT, "mod.ts")) });
    strictEqual((await deno(cwd, "run", "--no-prompt", "a.ts")).code, 1);
    await project(folder, { "deno.json": JSON.stringify({ nodeModulesDir: "none" }) });
    await prints(cwd, EXPECTED, "a.ts");
  }));

const TYPES: Readonly<Record<string, string>> = {
  ".ts": "application/typescript",
  ".json": "application/json",
  ".wgsl": "text/plain",
};

/** Files of the library that workers and threads are started from, by their URLs. */
async function startedByUrl(folder: string): Promise<{ readonly by: string; readonly worker: string }[]> {
  const found: { by: string; worker: string }[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await startedByUrl(path));
    if (!name.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(join(ROOT, path));
    found.push(
      ...[...text.matchAll(/new URL\("(\.[^"]+\.ts)", import\.meta\.url\)/g)].map(([, to]) => ({
        by: path,
        worker: join(folder, to),
      })),
    );
  }
  return found;
}

Deno.test("the library is imported by URL, and checked once and vendored it stays when the server is gone", () =>
  withFolder(async (folder) => {
    let served = 0;
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
      const path = resolve(join(ROOT, new URL(url).pathname));
      if (!path.startsWith(ROOT)) return new Response(null, { status: 403 });
      const text = await Deno.readTextFile(path).catch(() => null);
      served++;
      return text === null
        ? new Response(null, { status: 404 })
        : new Response(text, { headers: { "content-type": TYPES[extname(path)] ?? "text/plain" } });
    });
    const host = `127.0.0.1:${server.addr.port}`, allowed = `--allow-import=${host}`;
    const cwd = await project(folder, {
      "deno.json": JSON.stringify({ vendor: true }),
      "a.ts": SCRIPT(`http://${host}/mod.ts`),
      "a_test.ts": `import { datasets, Device } from "http://${host}/mod.ts";
Deno.test("opens", async () => {
  await using device = await Device.open();
  using x = device.ones([2]), y = x.add(1);
  if ((await y.data())[1] !== 2 || !datasets.openDataset) throw new Error("wrong");
});
`,
    });
    const checks = async (): Promise<void> => {
      const { code, err } = await deno(cwd, "check", allowed, "a.ts", "a_test.ts");
      strictEqual(code, 0, err);
    };
    try {
      await checks();
      ok(served > 100, `${served} files were served`);
    } finally {
      await server.shutdown();
    }
    await prints(cwd, EXPECTED, allowed, "a.ts");
    await checks();
    const tested = await deno(cwd, "test", "--no-prompt", allowed, "a_test.ts");
    strictEqual(tested.code, 0, tested.out + tested.err);
    // Vendored or not, an address is allowed by its host.
    const { code, err } = await deno(cwd, "run", "--no-prompt", "a.ts");
    ok(code === 1 && err.includes("--allow-import"), err);
    // Workers are there, too, without having been started.
    const kept = [...Deno.readDirSync(join(cwd, "vendor"))].map(({ name }) => join(cwd, "vendor", name));
    const there = async (path: string): Promise<boolean> =>
      (await Promise.all(kept.map((at) => Deno.stat(join(at, path)).then(() => true, () => false)))).includes(true);
    const started = (await Promise.all(["engine", "model", "datasets"].map(startedByUrl))).flat();
    const own = [];
    for (const one of started) if (await there(one.by)) own.push(one);
    ok(own.length > 3, JSON.stringify(own));
    for (const { worker } of own) ok(await there(worker), `${worker} was not vendored`);
  }));

Deno.test("a clone reached by a symbolic link is read by permission, or by the place where it lies", () =>
  withFolder(async (folder) => {
    await Deno.symlink(ROOT, join(folder, "linked"));
    const cwd = await project(folder, { "a.ts": ENGINE("./linked/engine/mod.ts") });
    const refused = await deno(cwd, "run", "--no-prompt", "a.ts");
    ok(refused.code === 1 && refused.err.includes("--allow-read"), refused.err);
    await prints(cwd, "[0]\n", `--allow-read=${ROOT}`, "a.ts");
  }));
