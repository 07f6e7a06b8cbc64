/** `itera time`: what is timed against what, that nothing wrong is timed, and how times are put together. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { SIZES } from "../../cli/time/sizes.ts";
import { commitOf, othersBy, textsAt } from "../../cli/time/texts.ts";
import { tilingOf } from "../../cli/time/tiling.ts";
import { inTurns, spreadOf } from "../../cli/time/turns.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { allOps } from "../../engine/op.ts";
import "../../engine/ops/mod.ts";
import { ended, itera, ROOT } from "../support/command.ts";
import { copy, withFolder } from "../support/folder.ts";

const SOFTMAX = join(ROOT, "shaders/softmax.wgsl");

/** Runs `body` with the path of a copy of the shader in which one text stands for another. */
function withCopy(from: string, to: string, body: (path: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const text = await Deno.readTextFile(SOFTMAX), path = join(folder, "copy.wgsl");
    ok(text.includes(from), `the shader has no ${from}`);
    await Deno.writeTextFile(path, text.replace(from, to));
    await body(path);
  });
}

const time = (...args: string[]) =>
  itera("time", "softmax.wgsl", "--kernels", "cpu", "--seconds", "0.1", "--json", ...args);

Deno.test("medians and quartiles are those of the sorted times", () => {
  deepStrictEqual(spreadOf([5, 1, 3, 2, 4]), { median: 3, low: 2, high: 4 });
  deepStrictEqual(spreadOf([1, 2]), { median: 1.5, low: 1.25, high: 1.75 });
  deepStrictEqual(spreadOf([7]), { median: 7, low: 7, high: 7 });
});

Deno.test("two take turns, neither always first, and their ratio is taken turn by turn", async () => {
  const order: string[] = [];
  const turn = (name: string, ms: number) => () => {
    order.push(name);
    return Promise.resolve(ms);
  };
  const { own, other, ratio, turns } = await inTurns(turn("a", 2), turn("b", 3), 0.001);
  deepStrictEqual([own.median, other?.median, ratio?.median], [2, 3, 1.5]);
  ok(turns >= 5);
  // Warmed and measured once each, then in turns.
  deepStrictEqual(order.slice(4, 12).join(""), "abbaabba");
  strictEqual(order.length, 4 + 2 * turns);
  deepStrictEqual((await inTurns(turn("a", 2), null, 0.001)).ratio, null);
});

Deno.test("every op that runs kernels has a size at which it is timed", () => {
  const products = ["matmul", "conv2d"], still = ["reshape"];
  deepStrictEqual(
    [...Object.keys(SIZES), ...products, ...still].sort(),
    [...allOps().values()].filter(({ family }) => family !== "own").map(({ name }) => name).sort(),
  );
});

Deno.test("a shader is timed at the models' sizes, with its arithmetic, traffic and share of the device's limits", async () => {
  const { code, out } = await time();
  strictEqual(code, 0, out);
  const { timed, limits, against } = JSON.parse(out);
  ok(limits.compute > 0 && limits.bandwidth > 0);
  strictEqual(against, null);
  ok(timed.length >= 3);
  for (const { title, own, other, ratio, bytes, share, kernels } of timed) {
    ok(own.median > 0 && own.low <= own.median && own.median <= own.high, title);
    deepStrictEqual([other, ratio], [null, null]);
    ok(bytes > 0 && share > 0);
    // Losses are made of the same shader and one more.
    ok(kernels.every(({ kernel }: { kernel: string }) => /^(softmax|loss_teams)\.wgsl:/.test(kernel)), title);
    strictEqual(kernels[0].workgroupBytes === 0, kernels[0].kernel.startsWith("softmax.wgsl:"), title);
  }
});

Deno.test("a slower copy of a shader is timed beside it", () =>
  withCopy(
    "  var total = 0.0;",
    `  var turns = 0.0;
  for (var i = 0u; i < 40000u; i++) { turns = fract(fract(fract(turns * 1.7 + x[base]) * 1.3 + 0.1) * 1.9 + 0.2); }
  var total = select(0.0, 1.0, turns > 2.0);`,
    async (path) => {
      const { code, out } = await time("--against", path);
      strictEqual(code, 0, out);
      const { timed } = JSON.parse(out);
      const { own, other, ratio } = timed.find(({ title }: { title: string }) => title.startsWith("softmax "));
      for (const { median, low, high } of [own, other, ratio]) ok(0 < low && low <= median && median <= high, out);
    },
  ));

Deno.test("a copy that computes wrong numbers is not timed", () =>
  withCopy("return exp(v - largest) / total;", "return exp(v - largest) / total + 1e-3;", async (path) => {
    const { code, out } = await time("--against", path);
    strictEqual(code, 1);
    const { timed, lines } = JSON.parse(out);
    ok(!timed.some(({ title }: { title: string }) => title.startsWith("softmax ")));
    ok(timed.some(({ title }: { title: string }) => title.startsWith("crossEntropy ")), "what is right is timed");
    match(lines[0], /^softmax: .*copy\.wgsl computes wrong numbers, and is not timed: .*output 0/);
  }));

Deno.test("what cannot be timed is refused in one line", () =>
  withCopy("@binding(6) var<storage, read_write> y:", "@binding(9) var<storage, read_write> y:", async (path) => {
    const mistakes: readonly (readonly [args: string[], err: RegExp])[] = [
      [["sofmax"], /^itera: there is no op, kernel or shader "sofmax"; did you mean softmax\?\n$/],
      [
        ["softmax.wgsl", "--against", path],
        /^itera: .*copy\.wgsl does not fit in: softmax\.wgsl:softmax_rows has other bindings\n$/,
      ],
      [["softmax.wgsl", "--against", SOFTMAX], /^itera: .*softmax\.wgsl is the same text\n$/],
      [["softmax", "--against", path], /^itera: .*name the shader that it stands for, not an op\n$/],
      [
        ["softmax", "--against", "no-such-commit"],
        /^itera: --against: "no-such-commit" is neither a file nor a commit/,
      ],
      [
        ["softmax", "--tiling", "3x5", "--kernels", "cpu"],
        /^itera: --tiling: the cpu kernels have no "3x5"; they have \d+x\d+/,
      ],
      [["softmax", "--seconds", "0"], /argument '0' is invalid\. It is a number of seconds above 0\.\n$/],
    ];
    for (const [args, err] of mistakes) {
      const ended = await itera("time", ...args);
      deepStrictEqual([ended.code, ended.out], [2, ""], ended.err);
      match(ended.err, err);
    }
  }));

Deno.test("a tiling is named by rows, columns, parts of the sum, and Winograd's form", () => {
  deepStrictEqual(tilingOf("64x64", "gpu"), { rows: 64, columns: 64, splitK: 1 });
  deepStrictEqual(tilingOf("64x128b2/3", "gpu"), { rows: 64, columns: 128, buffers: 2, splitK: 3 });
  deepStrictEqual(tilingOf("F4:128×64/4", "gpu"), { rows: 128, columns: 64, splitK: 4, winograd: 4 });
});

/** Runs git in a folder as nobody in particular. */
async function git(folder: string, ...args: string[]): Promise<void> {
  const own = ["-C", folder, "-c", "user.name=n", "-c", "user.email=e@localhost", ...args];
  const { success, stderr } = await new Deno.Command("git", { args: own }).output();
  ok(success, new TextDecoder().decode(stderr));
}

const hasGit = await new Deno.Command("git", { args: ["--version"] }).output().then(
  ({ success }) => success,
  () => false,
);

Deno.test(
  { name: "a commit's shaders stand in for today's, by the names that they had", ignore: !hasGit },
  () =>
    withFolder(async (folder) => {
      await copy(join(ROOT, "shaders"), join(folder, "shaders"));
      const shader = join(folder, "shaders/softmax.wgsl"), text = await Deno.readTextFile(shader);
      await Deno.rename(shader, join(folder, "shaders/older.wgsl"));
      await Deno.writeTextFile(join(folder, "shaders/older.wgsl"), `${text}// as it was\n`);
      await Deno.remove(join(folder, "shaders/topk.wgsl"));
      await git(folder, "init", "--quiet");
      await git(folder, "add", ".");
      await git(folder, "commit", "--quiet", "-m", "first");
      await git(folder, "mv", "shaders/older.wgsl", "shaders/softmax.wgsl");
      await Deno.writeTextFile(shader, text);
      await Deno.copyFile(join(ROOT, "shaders/topk.wgsl"), join(folder, "shaders/topk.wgsl"));
      const earlier = await textsAt(folder, await commitOf(folder, "HEAD"));
      strictEqual(earlier("softmax.wgsl"), `${text}// as it was\n`);
      strictEqual(earlier("topk.wgsl"), null);
      strictEqual(earlier("scan.wgsl"), await Deno.readTextFile(join(ROOT, "shaders/scan.wgsl")));
      const kernels = allKernels().filter(({ traits }) => !traits.users);
      const of = (file: string) => kernels.filter(({ parts }) => parts.some((part) => part.file === file));
      const { parts, misfit } = othersBy(earlier, of("softmax.wgsl"));
      strictEqual(misfit, null);
      deepStrictEqual([...parts.keys()], of("softmax.wgsl").map(({ id }) => id));
      strictEqual(othersBy(earlier, of("scan.wgsl")).parts.size, 0);
      strictEqual(othersBy(earlier, of("topk.wgsl")).misfit, "topk.wgsl was not there");
    }),
);

/** Changes to shader and host code that fit each other, but not what was there before, and what is said of them. */
const CHANGES: readonly {
  readonly name: string;
  readonly edit: readonly (readonly [path: string, from: RegExp, to: string])[];
  readonly said: RegExp;
}[] = [
  {
    name: "bindings differ",
    edit: [["shaders/softmax.wgsl", /lse_in/g, "lse_of"], ["engine/ops/softmax.ts", /lse_in/g, "lse_of"]],
    said: /^softmax\.wgsl:\w+ has other bindings at HEAD: its whole tree runs in a process of its own/m,
  },
  {
    name: "a parameter means something else",
    edit: [
      ["shaders/softmax.wgsl", /label == params\.ignored/g, "label == params.ignored - 3"],
      ["engine/ops/softmax.ts", /(?<=\bweights !== null\)[^}]*smoothing,\s+)ignored(?=,| \})/g, "ignored: ignored + 3"],
    ],
    said:
      /^the shaders compute other numbers, run as today's are, at HEAD: its whole tree runs in a process of its own/m,
  },
];

for (const { name, edit, said } of CHANGES) {
  Deno.test(
    { name: `where ${name} the whole tree of a commit runs in a process of its own`, ignore: !hasGit },
    () =>
      withFolder(async (folder) => {
        for (const part of ["cli", "datasets", "engine", "model", "shaders", "deno.json", "deno.lock", "mod.ts"]) {
          await copy(join(ROOT, part), join(folder, part));
        }
        await git(folder, "init", "--quiet");
        await git(folder, "add", ".");
        await git(folder, "commit", "--quiet", "-m", "first");
        for (const [path, from, to] of edit) {
          const text = await Deno.readTextFile(join(folder, path)), changed = text.replace(from, to);
          ok(changed !== text, `${path} has no ${from}`);
          await Deno.writeTextFile(join(folder, path), changed);
        }
        const args = ["crossEntropy", "--against", "HEAD", "--kernels", "cpu", "--seconds", "0.1", "--json"];
        const { code, out, err } = await ended(
          new Deno.Command(Deno.execPath(), {
            args: ["run", "-A", "--no-check", join(folder, "cli/main.ts"), "time", ...args],
            env: { NO_COLOR: "1", PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}` },
            stdin: "null",
            stdout: "piped",
            stderr: "piped",
          }).spawn(),
        );
        strictEqual(code, 0, out + err);
        match(err, said);
        const { timed } = JSON.parse(out);
        strictEqual(timed.length, 1);
        ok(timed[0].other.median > 0 && timed[0].ratio.median > 0);
      }),
  );
}
