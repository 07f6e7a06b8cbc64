/** Ground truth of inner nodes: their masks, and their gradient. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { RandomStream } from "../../../../engine/base/random.ts";
import { asSet } from "../../../../datasets/refplus/language/execute.ts";
import { generateRefPlus } from "../../../../datasets/refplus/language/generate.ts";
import { refPlusFiles } from "../../../../datasets/refplus/files/layout.ts";
import { readRefexps } from "../../../../datasets/refplus/files/read.ts";
import { SceneMasks } from "../../../../datasets/refplus/files/scene_masks.ts";
import { functionTokens } from "../../../../datasets/refplus/scenes/catalogue.ts";
import { SPECIAL_TOKENS } from "../../../../datasets/refplus/encoding/tokens.ts";
import type { Refexp } from "../../../../datasets/refplus/files/types.ts";
import { Device } from "../../../../engine/mod.ts";
import { ExecutionEngine, type NodeTargets } from "../../../../model/refplus/engine/execution_engine.ts";
import {
  fromList,
  parsePrefix,
  ProgramTokens,
  type ProgramTree,
} from "../../../../model/refplus/engine/program_tree.ts";
import { GroundTruth, oddsOf } from "../../../../model/refplus/training/node_targets.ts";
import { numbers } from "../../../support/formula.ts";
import { withFolder } from "../../../support/folder.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

const ALL = new ProgramTokens([...SPECIAL_TOKENS, ...functionTokens()]);
const [HEIGHT, WIDTH] = [24, 32], PIXELS = HEIGHT * WIDTH;
const random = () => new RandomStream(1, 2);

Deno.test("the masks of inner nodes are those of the annotated outputs; invalid nodes have none", async () => {
  await withFolder(async (folder) => {
    const options = { split: "train", images: 3, refexpsPerImage: 8, maxObjects: 5, zoom: 1.4 } as const;
    await generateRefPlus(folder, options);
    const files = refPlusFiles(folder, "train");
    const targets = await GroundTruth.open(files.scenes, [HEIGHT, WIDTH]);
    await using masks = new SceneMasks(files.scenes, WIDTH, HEIGHT);
    const refexps: Refexp[] = await Array.fromAsync(readRefexps(files.refexps));
    const images = refexps.map(({ image_index }) => image_index);
    const trees = refexps.map(({ program }) => fromList(program, ALL));
    const all = targets.targets(images, trees, ALL, { weight: 0.5, perProgram: null, random: random() });
    strictEqual(all.weight, 0.5);
    deepStrictEqual(
      all.nodes,
      trees.flatMap((tree, program) => tree.slice(0, -1).map((_, node) => ({ program, node }))),
    );
    for (const [i, { program, node }] of all.nodes.entries()) {
      const want = await masks.union(images[program], asSet(refexps[program].program[node]._output!), "test");
      deepStrictEqual([...all.masks.subarray(i * PIXELS, (i + 1) * PIXELS)], [...want], `${program} ${node}`);
    }
    const two = targets.targets(images, trees, ALL, { weight: 1, perProgram: 2, random: random() });
    const each = trees.map((_, at) => two.nodes.filter(({ program }) => program === at));
    each.forEach((nodes, at) => {
      strictEqual(nodes.length, Math.min(2, trees[at].length - 1));
      strictEqual(new Set(nodes.map(({ node }) => node)).size, nodes.length);
    });
    strictEqual(two.masks.length, two.nodes.length * PIXELS);
    // With teacher forcing: the inputs of the answers' nodes, then of the drawn ones, each the mask of the annotated output.
    const given = targets.targets(images, trees, ALL, {
      weight: 1,
      perProgram: 2,
      random: random(),
      inputs: "groundTruth",
    });
    deepStrictEqual([given.nodes, given.masks], [two.nodes, two.masks]);
    const nodes = [...trees.map((tree, program) => ({ program, node: tree.length - 1 })), ...given.nodes];
    strictEqual(given.inputs!.length, nodes.length);
    for (const [i, { program, node }] of nodes.entries()) {
      const wanted = await Promise.all(
        trees[program][node].inputs.map((input) =>
          masks.union(images[program], asSet(refexps[program].program[input]._output!), "test")
        ),
      );
      deepStrictEqual(given.inputs![i].map((mask) => [...mask]), wanted.map((mask) => [...mask]), `${program} ${node}`);
    }
    ok(given.inputs!.some((all) => all.length === 0) && given.inputs!.some((all) => all.length === 2));
    // relate of a set, and what follows from it; an end inside a program; a rank that a set of one lacks.
    const token = (name: string): number => ALL.names.indexOf(name);
    const broken = [
      ["filter_shape[cube]", "relate[left]", "filter_size[small]", "scene"],
      ["unique", "<END>", "scene"],
      ["union", "scene", "filter_color[red]", "unique", "scene"],
    ].map((names) => parsePrefix(names.map(token), ALL));
    const { nodes: valid } = targets.targets([0, 1, 2], broken, ALL, { weight: 1, perProgram: null, random: random() });
    deepStrictEqual(valid, [
      { program: 0, node: 0 },
      { program: 0, node: 1 },
      { program: 1, node: 0 },
      { program: 2, node: 0 },
      { program: 2, node: 1 },
    ]);
    const unclear = targets.targets([0, 1, 2], broken, ALL, {
      weight: 1,
      perProgram: 0,
      random: random(),
      inputs: "groundTruth",
    });
    deepStrictEqual(unclear.inputs!.map((all) => all.map((mask) => mask.some(Boolean))), [[false], [false], [
      true,
      false,
    ]]);
    throws(
      () => targets.targets([3], [broken[0]], ALL, { weight: 1, perProgram: null, random: random() }),
      /no picture 3/,
    );
  });
});

/** A program as far as one of its nodes, with only the nodes that lead there. */
function upTo(tree: ProgramTree, node: number): ProgramTree {
  const used: number[] = [];
  const visit = (at: number): void => {
    tree[at].inputs.forEach(visit);
    used.push(at);
  };
  visit(node);
  return used.map((at) => ({ ...tree[at], inputs: tree[at].inputs.map((input) => used.indexOf(input)) }));
}

Deno.test("an inner node has the gradient of a program that ends with it, times the weight", async () => {
  const names = [...SPECIAL_TOKENS, "filter_color[red]", "relate[left]", "scene", "union"];
  const tokens = new ProgramTokens(names), size = [8, 8] as const, grid = 4, features = 3;
  const [red, left, scene, union] = [4, 5, 6, 7];
  const trees = [[red, left, scene], [union, red, scene, left, red, scene], [left, scene]].map((p) =>
    parsePrefix(p, tokens)
  );
  const nodes = [{ program: 0, node: 0 }, { program: 1, node: 1 }, { program: 1, node: 3 }, { program: 0, node: 1 }];
  const image = numbers("features", trees.length * grid * grid * features, -1, 1), each = grid * grid * features;
  const mask = (name: string, count: number): Int32Array<ArrayBuffer> =>
    Int32Array.from(numbers(name, count * size[0] * size[1], 0, 1), (v) => v < 0.4 ? 1 : 0);
  const answers = mask("answers", trees.length), inner = mask("inner", nodes.length);
  await using device = await Device.open();
  for (const headChunk of [2, 100]) {
    using engine = new ExecutionEngine(device, { tokens, features, dim: 4, size, headChunk, seed: 3 });
    const learn = async (
      programs: readonly ProgramTree[],
      pictures: readonly number[],
      masks: Int32Array<ArrayBuffer>,
      supervised?: NodeTargets,
    ): Promise<{ losses: (number | undefined)[]; gradients: number[] }> => {
      using _scope = device.scope();
      const values = Float32Array.from(pictures.flatMap((i) => [...image.slice(i * each, (i + 1) * each)]));
      const x = device.tensor(values, [pictures.length, grid, grid, features]);
      const outcome = engine.evaluate(x, programs, masks, { learn: true, ...supervised ? { nodes: supervised } : {} });
      const gradients: number[] = [];
      for (const { tensor } of engine.parameters()) {
        gradients.push(...tensor.grad ? await tensor.grad.data() : new Float32Array(tensor.size));
      }
      const losses = [await outcome.loss.item(), await outcome.nodeLoss?.item()];
      engine.zeroGrad();
      return { losses, gradients };
    };
    const alone = await learn(trees, [0, 1, 2], answers);
    const parts = await learn(
      nodes.map(({ program, node }) => upTo(trees[program], node)),
      nodes.map(({ program }) => program),
      inner,
    );
    const both = await learn(trees, [0, 1, 2], answers, { nodes, masks: inner, weight: 0.7 });
    const close = (a: number, b: number, reach: number): boolean => Math.abs(a - b) <= 2e-5 * reach;
    ok(close(both.losses[0]!, alone.losses[0]!, 1) && close(both.losses[1]!, parts.losses[0]!, 1));
    const want = alone.gradients.map((g, i) => g + 0.7 * parts.gradients[i]);
    const reach = Math.max(...want.map(Math.abs));
    ok(reach > 1e-4 && parts.gradients.some((g) => Math.abs(g) > 1e-4), "the gradients are not zero");
    want.forEach((g, i) => ok(close(both.gradients[i], g, reach), `gradient ${i}: ${both.gradients[i]}, not ${g}`));
    const none = await learn(trees, [0, 1, 2], answers, { nodes: [], masks: new Int32Array(), weight: 1 });
    deepStrictEqual(none.gradients, alone.gradients);
  }
});

Deno.test("rare nodes are drawn more often, by their odds", async () => {
  await withFolder(async (folder) => {
    await generateRefPlus(folder, { split: "train", images: 1, refexpsPerImage: 1, maxObjects: 4, zoom: 1.4 });
    const targets = await GroundTruth.open(refPlusFiles(folder, "train").scenes, [HEIGHT, WIDTH]);
    const token = (name: string): number => ALL.names.indexOf(name);
    // Of five inner nodes, four alike and one three times as likely.
    const program = [
      "filter_color[red]",
      "filter_size[small]",
      ..."fill".split("").map(() => "filter_shape[cube]"),
      "scene",
    ];
    const tree = parsePrefix(program.map(token), ALL),
      rare = tree.findIndex((n) => n.token === token("filter_size[small]"));
    const counts = ALL.names.map((name) => name === "filter_size[small]" ? 1 : 9);
    const odds = oddsOf(ALL.names, counts, { rarity: 0.5, favour: {} });
    const favoured = oddsOf(ALL.names, counts, { rarity: 0.5, favour: { filter_size: 2, scene: 0.5 } });
    ALL.names.forEach((name, i) => {
      const times = name.startsWith("filter_size[") ? 2 : name === "scene" ? 0.5 : 1;
      strictEqual(favoured[i], times * odds[i]);
    });
    throws(
      () => oddsOf(ALL.names, counts, { rarity: 0, favour: { filter_colour: 2 } }),
      /no program has a function "filter_colour"/,
    );
    const draws = 3000, inner = tree.length - 1;
    let first = 0;
    for (let i = 0; i < draws; i++) {
      const { nodes } = targets.targets([0], [tree], ALL, {
        weight: 1,
        perProgram: 1,
        odds,
        random: new RandomStream(1, i),
      });
      strictEqual(nodes.length, 1);
      first += Number(nodes[0].node === rare);
    }
    const share = 3 / (3 + inner - 1), deviation = Math.sqrt(share * (1 - share) / draws);
    ok(Math.abs(first / draws - share) < 5 * deviation, `${first} of ${draws}, wanted ${share}`);
    const all = targets.targets([0], [tree], ALL, { weight: 1, perProgram: inner - 1, odds, random: random() });
    strictEqual(new Set(all.nodes.map(({ node }) => node)).size, inner - 1);
  });
});
