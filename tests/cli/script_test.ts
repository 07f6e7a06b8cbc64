/** `./itera`, the script that sets everything up, and the tasks of `deno.json`. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Ended, ended, ROOT } from "../support/command.ts";
import { TINY, writeTinyCoco } from "../support/files/tiny_coco.ts";
import { copy, withFolder } from "../support/folder.ts";

/** Settings in YAML, of objects, numbers and words. */
function stringify(value: object, indent = ""): string {
  return Object.entries(value).map(([key, inner]) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? `${indent}${key}:\n${stringify(inner, `${indent}  `)}`
      : `${indent}${key}: ${JSON.stringify(inner)}\n`
  ).join("");
}

const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;

/** Runs the script at `path` from the folder `cwd`. */
async function script(
  path: string,
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const options = { cwd, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return await ended(
    new Deno.Command(path, { args: [...args], ...options, env: { PATH, NO_COLOR: "1", ...env } }).spawn(),
  );
}

/** Paths below a folder with the time and size of each file, the script's own set-up aside. */
function contents(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (name === ".deno") return [];
    const path = join(folder, name), { size, mtime } = Deno.statSync(path);
    return isDirectory
      ? [`${prefix}${name}/`, ...contents(path, `${prefix}${name}/`)]
      : [`${prefix}${name} ${size} ${mtime}`];
  }).sort();
}

Deno.test("help, versions and unknown words go to the command line", async () => {
  await withFolder(async (elsewhere) => {
    const run = (...args: string[]): Promise<Ended> => script(join(ROOT, "itera"), elsewhere, args);
    const ends = await Promise.all([
      run("--version"),
      run("help"),
      run("train", "--help"),
      run("trian"),
      run("tset"),
      run("rnu"),
    ]);
    const [version, help, train, ...mistyped] = ends;
    const { version: own } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
    deepStrictEqual(version, { code: 0, out: `${own}\n`, err: "" });
    for (const name of ["train", "run <file>", "test", "bench", "doctor"]) {
      ok(help.out.includes(`\n  ${name}`), help.out);
    }
    ok(train.out.startsWith("Usage: itera train "), train.out);
    deepStrictEqual([help.code, train.code], [0, 0]);
    deepStrictEqual(
      mistyped.map(({ code, out, err }) => [code, out, err]),
      [["trian", "train"], ["tset", "test"], ["rnu", "run"]].map(([word, meant]) => [
        2,
        "",
        `itera: unknown command '${word}' (did you mean ${meant}?)\n`,
      ]),
    );
    deepStrictEqual(contents(elsewhere), []);
  });
});

Deno.test("by a link from anywhere, paths are the caller's, and nothing is written where the project lies", async () => {
  await withFolder(async (folder) => {
    // Names that a shell would split, and a word that is a command's and a folder's.
    const home = join(folder, "the clone"), links = join(folder, "links"), caller = join(folder, "my work");
    for (const path of [home, links, join(caller, "train")]) await Deno.mkdir(path, { recursive: true });
    const parts = ["itera", "deno.json", "deno.lock", "mod.ts", "cli", "datasets", "engine", "model", "shaders"];
    for (const part of parts) await copy(join(ROOT, part), join(home, part));
    await Deno.symlink("../the clone/itera", join(links, "first"));
    await Deno.symlink("first", join(links, "itera"));
    const before = contents(home);
    const run = (...args: string[]): Promise<Ended> => script("../links/itera", caller, args);

    const shown = await run("data", "show", "context", "--index", "0", "--out", "./x.png");
    strictEqual(shown.code, 0, shown.err);
    await writeTinyCoco(join(caller, "photographs"));
    await Deno.writeTextFile(join(caller, "tiny.yaml"), stringify(TINY));
    const trained = await run("train", "--config", "tiny.yaml", "--data", "photographs", "--steps", "1");
    strictEqual(trained.code, 0, trained.err);
    ok(/^report: runs\/baseline-coco-1\/report\.html$/m.test(trained.out), trained.out);
    await Deno.writeTextFile(
      join(caller, "own.ts"),
      'import { Device } from "@itera/itera";\nconsole.log(typeof Device.open, Deno.cwd(), ...Deno.args);\n',
    );
    deepStrictEqual(await run("run", "own.ts", "--help", "a b"), {
      code: 0,
      out: `function ${await Deno.realPath(caller)} --help a b\n`,
      err: "",
    });
    const written = [...Deno.readDirSync(caller)].map(({ name }) => name).sort();
    deepStrictEqual(written, ["own.ts", "photographs", "runs", "tiny.yaml", "train", "x.png"]);
    deepStrictEqual(contents(home), before);
  });
});

Deno.test("a script is run by the settings of its own folder, and its status is passed on", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "src"));
    await Deno.writeTextFile(join(folder, "deno.json"), '{ "imports": { "answer": "./answer.ts" } }');
    await Deno.writeTextFile(join(folder, "answer.ts"), "export const answer = 7;");
    await Deno.writeTextFile(join(folder, "src", "exit.ts"), 'import { answer } from "answer";\nDeno.exit(answer);');
    const run = (...args: string[]): Promise<Ended> => script(join(ROOT, "itera"), "/", ["run", ...args]);
    strictEqual((await run(join(folder, "src", "exit.ts"))).code, 7);
    deepStrictEqual(await run(), { code: 2, out: "", err: "itera: missing required argument 'file'\n" });
  });
});

Deno.test("without Deno and npm the script says what to install", async () => {
  await withFolder(async (folder) => {
    for (const part of ["itera", "deno.json"]) await copy(join(ROOT, part), join(folder, part));
    // What the script calls, but for Deno and npm.
    const bin = join(folder, "bin");
    await Deno.mkdir(bin);
    for (const name of ["sh", "dirname", "sed", "readlink"]) {
      const found = ["/usr/bin", "/bin"].map((place) => join(place, name)).find((path) => existsSync(path));
      await Deno.symlink(found!, join(bin, name));
    }
    const { code, out, err } = await script(join(folder, "itera"), folder, ["train"], { PATH: bin });
    deepStrictEqual([code, out], [2, ""]);
    ok(/^itera: neither Deno 2\.9 nor npm was found; install .*\n$/.test(err), err);
  });
});

Deno.test("every task that the documentation names is there", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const pagesIn = (folder: string): string[] =>
    [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) =>
      isDirectory ? pagesIn(join(folder, name)) : [join(folder, name)]
    );
  const named = ["README.md", "CONTRIBUTING.md", ...pagesIn("docs")].flatMap((path) =>
    [...Deno.readTextFileSync(join(ROOT, path)).matchAll(/deno task ([a-z][a-z:-]*)/g)].map(([, name]) => name)
  );
  ok(named.length > 10);
  deepStrictEqual(named.filter((name) => !(name in tasks)), []);
  ok("test" in tasks && "bench" in tasks);
});
