/**
 * Extensions in few places: a new op, region model, data set and command are written into a copy of the tree and run
 * there.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { type Ended, ended, ROOT } from "./support/command.ts";
import { copy, withFolder } from "./support/folder.ts";
import { TINY, writeTinyCoco } from "./support/files/tiny_coco.ts";

/** Files and folders that the command line is made of. */
const PARTS = ["cli", "datasets", "engine", "model", "shaders", "deno.json", "deno.lock", "itera", "mod.ts"];

/** Folders that the checks of ops need besides. */
const CHECKS = ["tests/support", "tests/engine"];

/** Runs `body` in a copy of the tree. */
function withTree(body: (folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    for (const part of PARTS) await copy(join(ROOT, part), join(folder, part));
    await body(folder);
  });
}

/** Writes a row into a registry, before the line that ends it, and the import the row needs. */
async function addRow(path: string, importLine: string, row: string, end: RegExp): Promise<void> {
  const text = await Deno.readTextFile(path);
  const first = text.indexOf("\nimport ") + 1;
  ok(first > 0 && end.test(text), `${path} is not what this test takes it for`);
  const withRow = text.replace(end, (line) => `${row}\n${line}`);
  await Deno.writeTextFile(path, `${withRow.slice(0, first)}${importLine}\n${withRow.slice(first)}`);
}

/** Runs a program of the copy, by default without a driver: what needs no adapter need not look for one. */
async function run(folder: string, command: string, args: readonly string[], driver = false): Promise<Ended> {
  const PATH = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  const env = { NO_COLOR: "1", PATH, ...driver ? {} : { VK_DRIVER_FILES: "none" } };
  const options = { cwd: folder, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return await ended(new Deno.Command(command, { args: [...args], ...options, env }).spawn());
}

/** Runs `itera` of the copy. */
function itera(folder: string, ...args: string[]): Promise<Ended> {
  return run(folder, Deno.execPath(), ["run", "-A", "--no-check", "cli/main.ts", ...args]);
}

const TOY_COMMAND = `/** \`itera toy\`: says that it is there. */
import type { Command } from "@commander-js/extra-typings";
import { line } from "./terminal/output.ts";

/** Adds the command. */
export function addToy(program: Command): void {
  program.command("toy").description("say hello").argument("<name>", "to whom").action((name) => line(\`hello \${name}\`));
}
`;

Deno.test("a command is a file and a row", () =>
  withTree(async (folder) => {
    await Deno.writeTextFile(join(folder, "cli/toy.ts"), TOY_COMMAND);
    await addRow(join(folder, "cli/commands.ts"), `import { addToy } from "./toy.ts";`, "  toy: addToy,", /^\};$/m);
    deepStrictEqual(await itera(folder, "toy", "you"), { code: 0, out: "hello you\n", err: "" });
    const mistyped = await itera(folder, "tyo");
    deepStrictEqual([mistyped.code, mistyped.err], [2, "itera: unknown command 'tyo' (did you mean toy?)\n"]);
    ok(/^ +toy \[options\] <name> +say hello$/m.test((await itera(folder, "--help")).out));
    // The script knows of it without a row of its own; packages are there already, as this test runs.
    await Deno.mkdir(join(folder, ".deno"));
    await Deno.writeTextFile(join(folder, ".deno/.packages"), "");
    deepStrictEqual(await run(folder, "/bin/sh", ["itera", "toy", "you"]), { code: 0, out: "hello you\n", err: "" });
    ok(/^ +toy \[options\] <name> +say hello$/m.test((await run(folder, "/bin/sh", ["itera", "help"])).out));
    deepStrictEqual(
      (await run(folder, Deno.execPath(), ["task", "--quiet", "itera", "toy", "you"])).out,
      "hello you\n",
    );
  }));

const TOY_SET = {
  "open.ts": `/** Squares on grey, one an image. */
import { BACKGROUND, type RegionDataset, type Split } from "../types.ts";

/** Opens a split. */
export function openToy(split: Split): RegionDataset {
  return {
    name: "toy",
    split,
    classes: [BACKGROUND, "dark", "light"],
    size: 4,
    source: { kind: "drawn", module: new URL("./draw.ts", import.meta.url).href, options: { side: 32 } },
    record: (index) => ({
      id: String(index),
      width: 32,
      height: 32,
      boxes: Float32Array.of(8, 8, 23, 23),
      labels: Int32Array.of(1 + index % 2),
    }),
  };
}
`,
  "draw.ts": `/** Draws the squares. */
import type { RgbImage } from "../images/preprocess.ts";

/** Image \`index\`. */
export function drawImage({ side }: { readonly side: number }, index: number): RgbImage {
  const inside = (i: number): boolean => i >= side / 4 && i < 3 * side / 4;
  const rgb = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return inside(pixel % side) && inside(Math.floor(pixel / side)) ? (index % 2 === 0 ? 0 : 255) : 128;
  });
  return { rgb, width: side, height: side };
}
`,
};

const TOY_ROW = `  toy: {
    title: "toy squares",
    folder: null,
    open: (_, split) => openToy(split),
    drawn: true,
    imageSize: [32, 48],
    flip: false,
    testSplit: "val",
    published: { steps: 90, decaySteps: [60], classes: 3, classGraph: false },
  },`;

/** A set as a training run sees it, as JSON. */
const READ_TOY = `import { openDataset } from "./datasets/open.ts";
import { Loader } from "./datasets/images/loader.ts";
import { evaluationOrder } from "./datasets/images/schedule.ts";
import { newConfig } from "./model/regions/config.ts";
import { PRESETS } from "./model/regions/experiments/presets.ts";

const set = await openDataset({ dataset: "toy", split: "train" });
const { labels, boxes } = set.record(1);
const loader = new Loader(set, { scale: { target: 32, max: 48 } });
const images = await Array.fromAsync(loader.run(evaluationOrder(set)));
loader.close();
const { flip, image: { shortSide, longSide }, dataset: { testSplit } } = newConfig([
  { source: "test", value: { dataset: { dataset: "toy" } } },
]);
const preset = newConfig([{ source: "test", value: PRESETS.get("toy-res50-final")!.settings }]);
const { steps, optimiser: { decaySteps } } = preset;
console.log(JSON.stringify({
  labels: [...labels],
  boxes: [...boxes],
  images: images.length,
  brighter: images[1].image[3 * (16 * 32 + 16)] - images[0].image[3 * (16 * 32 + 16)],
  defaults: [flip, shortSide, longSide, testSplit],
  published: [steps, decaySteps],
}));
`;

Deno.test("a data set is a folder and a row", () =>
  withTree(async (folder) => {
    await Deno.mkdir(join(folder, "datasets/toy"));
    for (const [name, text] of Object.entries(TOY_SET)) {
      await Deno.writeTextFile(join(folder, "datasets/toy", name), text);
    }
    const importLine = `import { openToy } from "./toy/open.ts";`;
    await addRow(join(folder, "datasets/registry.ts"), importLine, TOY_ROW, /^\};$/m);
    await edit(join(folder, "datasets/registry.ts"), '| "refplus";', '| "refplus" | "toy";');
    await Deno.writeTextFile(join(folder, "read_toy.ts"), READ_TOY);
    const read = await run(folder, Deno.execPath(), ["run", "-A", "--no-check", "read_toy.ts"]);
    strictEqual(read.err, "");
    deepStrictEqual(JSON.parse(read.out), {
      labels: [2],
      boxes: [8, 8, 23, 23],
      images: 4,
      brighter: 255,
      defaults: [false, 32, 48, "val"],
      published: [90, [60]],
    });
    const check = await itera(folder, "data", "check", "toy");
    deepStrictEqual([check.code, check.err], [0, ""]);
    ok(check.out.endsWith("training on it can begin\n"), check.out);
    ok(!check.out.includes("toy test"), "its test split is its validation split");
    const show = await itera(folder, "data", "show", "toy", "--index", "1", "--out", "toy.png");
    deepStrictEqual([show.code, show.err], [0, ""]);
    ok(/│ light +│/.test(show.out), show.out);
  }));

/** Replaces `from`, which must be there once, by `to` in a file of the copy. */
async function edit(path: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  strictEqual(text.split(from).length, 2, `${path} has "${from}" not once`);
  await Deno.writeTextFile(path, text.replace(from, () => to));
}

Deno.test("an op is a shader, an op file and a float64 reference", () =>
  withTree(async (folder) => {
    for (const part of CHECKS) await copy(join(ROOT, part), join(folder, part));
    // x / (1 + |x|), with the slope 1 / (1 + |x|)^2.
    const shader = join(folder, "shaders/pointwise.wgsl"), number = "const CLAMP = 13u;\n";
    await edit(shader, number, `${number}const SOFTSIGN = 14u;\n`);
    const last = "    case AFFINE: { return v * params.a + params.b; }\n";
    await edit(shader, last, `${last}    case SOFTSIGN: { return v / (1.0 + abs(v)); }\n`);
    const slope = "    case AFFINE: { return vec4<f32>(params.a); }\n";
    await edit(shader, slope, `${slope}    case SOFTSIGN: { return 1.0 / ((1.0 + abs(s)) * (1.0 + abs(s))); }\n`);
    const exp = 'export const exp: (x: Tensor) => Tensor = plain("exp", "y");\n';
    const softsign = '/** x / (1 + |x|). */\nexport const softsign: (x: Tensor) => Tensor = plain("softsign", "x");\n';
    await edit(join(folder, "engine/ops/unary.ts"), exp, exp + softsign);
    await edit(
      join(folder, "engine/testing/reference/pointwise.ts"),
      "  exp: map(ad.exp),\n",
      "  exp: map(ad.exp),\n  softsign: map((x) => ad.div(x, ad.add(ad.constant(1), ad.abs(x)))),\n",
    );
    const checks = (...args: string[]) => run(folder, Deno.execPath(), ["test", "-A", "--no-check", ...args], true);
    // Four checks in both kernel sets.
    const { out } = await checks("tests/engine/ops/registry_test.ts", "--filter", "/^softsign /");
    ok(/^ok \| 8 passed \| 0 failed/m.test(out), out);
    // A wrong slope is found.
    await edit(shader, "(1.0 + abs(s)) * (1.0 + abs(s))", "(1.0 + abs(s))");
    const wrong = await checks("tests/engine/ops/registry_test.ts", "--filter", "/^softsign /");
    ok(/softsign \((cpu|gpu) kernels\) agrees with its float64 reference.*FAILED/.test(wrong.out), wrong.out);
  }));

/** Blocks of 12 × 8, between the two that there are. */
const TOY_KERNEL =
  `// Matrix products on software adapters: a block of 12 x 8 in registers, from the readers of the other cores.
override ROWS: u32 = 12u;
override COLUMNS: u32 = 8u;
override ACROSS: u32 = 8u;

var<private> sums: array<array<mat4x4<f32>, 2>, 3>;

fn multiply(k: u32) {
  for (var j = 0u; j < 2u; j++) {
    let right = b_block(j, k);
    for (var i = 0u; i < 3u; i++) { sums[i][j] += right * a_block(i, k); }
  }
}

@compute @workgroup_size(8)
fn matmul_twelve(@builtin(global_invocation_id) id: vec3<u32>) {
  let lane = id.x % 8u;
  let across = (id.x / 8u) * ACROSS + lane % ACROSS;
  if (!begin(id.y * (8u / ACROSS) + lane / ACROSS, ROWS, across * (COLUMNS / 4u), id.z)) { return; }
  walk(id.z);
  for (var i = 0u; i < 3u; i++) {
    for (var j = 0u; j < 2u; j++) { store(4u * i, j, sums[i][j]); }
  }
}
`;

Deno.test("a kernel variant is a shader and its declaration in the op", () =>
  withTree(async (folder) => {
    for (const part of CHECKS) await copy(join(ROOT, part), join(folder, part));
    const shader = join(folder, "shaders/matmul_twelve.wgsl"), op = join(folder, "engine/ops/product.ts");
    await Deno.writeTextFile(shader, TOY_KERNEL);
    const end = "const tiles = tilesKernel(";
    await edit(
      op,
      end,
      'const twelveKernel = declareKernel("matmul_twelve", { ...traits, kernelSet: "cpu", tilings: [[12, 8]] }, ...libs, {\n' +
        '  file: "matmul.wgsl",\n  text,\n}, { file: "matmul_twelve.wgsl", text: twelveText });\n' + end,
    );
    const first = 'import { EngineError } from "../base/errors.ts";\n';
    await edit(op, first, `import twelveText from "../../shaders/matmul_twelve.wgsl" with { type: "text" };\n${first}`);
    const choice = "shared ? blocks.lanes : blocks.registers";
    await edit(op, choice, "shared ? blocks.lanes : constants.ROWS === 12 ? twelveKernel : blocks.registers");
    const checks = (file: string, filter: string) =>
      run(folder, Deno.execPath(), ["test", "-A", "--no-check", `tests/engine/${file}`, "--filter", filter], true);
    // The tests' list of tilings has it, and its product with all gradients is checked; the tuner's and the profile's too.
    const tiling = "/^cpu kernels in tiles of 12 × 8/";
    const { out } = await checks("ops/tilings_test.ts", tiling);
    ok(/^ok \| 1 passed \| 0 failed/m.test(out), out);
    const declared = await checks("tuning/stale_test.ts", "/with tilings/");
    ok(/^ok \| 1 passed \| 0 failed/m.test(declared.out), declared.out);
    // A wrong block is found, and a declaration that the op does not go by.
    await edit(shader, "a_block(i, k)", "a_block(i % 2u, k)");
    const wrong = await checks("ops/tilings_test.ts", tiling);
    ok(/tiles of 12 × 8, agree with the float64 reference.*FAILED/.test(wrong.out), wrong.out);
    await edit(op, "constants.ROWS === 12", "constants.ROWS === 13");
    const idle = await checks("ops/tilings_test.ts", tiling);
    ok(/matmul_twelve\.wgsl:matmul_twelve/.test(idle.out), idle.out);
  }));

const TOY_MODEL = `/** The plain ConvNet with scores made sharper. */
import { z } from "../../engine/base/packages/zod.ts";
import type { Device, Tensor } from "../../engine/mod.ts";
import { BaselineClassifier } from "./baseline.ts";
import type { Losses, Prediction } from "./contract.ts";
import type { RegionModelRow, RegionModelSettings } from "./models.ts";
import type { RegionInput, RegionTensors } from "./regions.ts";

const schema = z.strictObject({ gain: z.number().positive().default(2) });

class SharpClassifier extends BaselineClassifier {
  readonly #gain: number;

  constructor(device: Device, settings: RegionModelSettings<z.infer<typeof schema>>) {
    super(device, settings);
    this.#gain = settings.options.gain;
  }

  override forward(input: RegionInput | RegionTensors): Tensor {
    return super.forward(input).mul(this.#gain);
  }

  override predict(input: RegionInput | RegionTensors): Prediction[] {
    return [{ name: "sharp", source: "sharp", iteration: 0, logits: this.forward(input) }];
  }

  override loss(input: RegionInput | RegionTensors, labels: Tensor): Losses {
    const { total } = super.loss(input, labels);
    return { total, parts: { sharp: total, doubled: total.mul(2) } };
  }
}

/** Its row. */
export const sharp: RegionModelRow<z.infer<typeof schema>> = {
  name: "sharp",
  options: schema,
  build: (device, settings) => new SharpClassifier(device, settings),
};
`;

Deno.test("a region model is a file and a row, with options, losses and predictions of its own", () =>
  withTree(async (folder) => {
    await Deno.writeTextFile(join(folder, "model/regions/sharp.ts"), TOY_MODEL);
    const registry = join(folder, "model/regions/models.ts");
    await addRow(registry, `import { sharp } from "./sharp.ts";`, "  sharp as RegionModelRow,", /^\];$/m);
    const data = join(folder, "data"), settings = join(folder, "tiny.json");
    await writeTinyCoco(data);
    await Deno.writeTextFile(settings, JSON.stringify(TINY));
    const flags = ["--runs", join(folder, "runs"), "--config", settings, "--data", data, "--steps", "4"];
    const trained = await train(folder, "--model", "sharp", "--name", "a", ...flags, "--set", "model.options.gain=3");
    strictEqual(trained.code, 0, trained.err);
    ok(/│ sharp +│/.test(trained.out), trained.out);
    const log = (await Deno.readTextFile(join(folder, "runs/a/metrics.jsonl"))).split("\n")[0];
    const { cross_entropy, cross_entropy_sharp, cross_entropy_doubled } = JSON.parse(log);
    strictEqual(cross_entropy_sharp, cross_entropy);
    ok(Math.abs(cross_entropy_doubled / cross_entropy - 2) < 1e-6);
    const config = JSON.parse(await Deno.readTextFile(join(folder, "runs/a/config.json")));
    deepStrictEqual([config.model.name, config.model.options], ["sharp", { gain: 3 }]);
    const wrong = await train(folder, "--model", "sharp", "--name", "b", ...flags, "--set", "model.options.gain=-1");
    deepStrictEqual(wrong.code, 2);
    ok(/model\.options\.gain: /.test(wrong.err), wrong.err);
  }));

/** Runs `itera train` of the copy, on whatever adapter there is. */
function train(folder: string, ...args: string[]): Promise<Ended> {
  return run(folder, Deno.execPath(), ["run", "-A", "--no-check", "cli/main.ts", "train", ...args], true);
}
