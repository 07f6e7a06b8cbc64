/** Programs: trees, levels, counts of weights, decoding, the score-function gradient. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  ATTRIBUTES,
  COUNTED_FROM,
  ORDINALS,
  RELATIONS,
  VISIBILITIES,
} from "../../../../datasets/refplus/scenes/catalogue.ts";
import { flatten } from "../../../../datasets/refplus/encoding/programs.ts";
import { END, NULL, SPECIAL_TOKENS, START } from "../../../../datasets/refplus/encoding/tokens.ts";
import type { ProgramNode } from "../../../../datasets/refplus/files/types.ts";
import { Device, type Tensor } from "../../../../engine/mod.ts";
import { ExecutionEngine } from "../../../../model/refplus/engine/execution_engine.ts";
import { ProgramGenerator, type Sequences } from "../../../../model/refplus/generator/program_generator.ts";
import {
  fromList,
  parsePrefix,
  ProgramTokens,
  type ProgramTree,
} from "../../../../model/refplus/engine/program_tree.ts";
import { schedule } from "../../../../model/refplus/engine/schedule.ts";
import { type Random, withRandom } from "../../../support/random.ts";
import { shareDevices } from "../../../support/share_devices.ts";

shareDevices();

/** The 60 tokens of the published vocabulary. */
const TOKENS = [
  ...SPECIAL_TOKENS,
  ...[
    "scene",
    "unique",
    "union",
    "intersect",
    ...Object.entries(ATTRIBUTES).flatMap(([name, values]) => values.map((value) => `filter_${name}[${value}]`)),
    ...ORDINALS.flatMap((rank) => COUNTED_FROM.map((side) => `filter_ordinal[${rank},${side}]`)),
    ...VISIBILITIES.map((value) => `filter_visible[${value}]`),
    ...RELATIONS.map((relation) => `relate[${relation}]`),
    ...Object.keys(ATTRIBUTES).map((name) => `same_${name}`),
  ].sort(),
];
const vocabulary = new ProgramTokens(TOKENS);
const at = (name: string): number => TOKENS.indexOf(name);

Deno.test("both models have the published numbers of weights", async () => {
  await using device = await Device.open();
  const count = (model: { parameters(): Iterable<{ tensor: { size: number } }> }): number =>
    [...model.parameters()].reduce((sum, { tensor }) => sum + tensor.size, 0);
  strictEqual(TOKENS.length, 60);
  using generator = new ProgramGenerator(device, { words: 84, tokens: 60, seed: 1 });
  strictEqual(count(generator), 2_516_220);
  using engine = new ExecutionEngine(device, { tokens: vocabulary, features: 1024, seed: 1 });
  strictEqual(count(engine), 19_435_694);
});

/** A random whole program in list form. */
function randomProgram(random: Random): ProgramNode[] {
  const nodes: ProgramNode[] = [];
  const add = (type: string, inputs: number[], value_inputs: string[] = []): number =>
    nodes.push({ type, inputs, value_inputs }) - 1;
  const grow = (depth: number): number => {
    if (depth === 0 || random() < 0.2) return add("scene", []);
    if (random() < 0.25) {
      const [a, b] = [grow(depth - 1), grow(depth - 1)];
      return add(random() < 0.5 ? "union" : "intersect", [a, b]);
    }
    const input = grow(depth - 1);
    return random() < 0.5 ? add("unique", [input]) : add("relate", [input], [RELATIONS[random.integers(1, 0, 4)[0]]]);
  };
  grow(5);
  return nodes;
}

/** A tree as nested text, which forgets the order its nodes are listed in. */
function nested(tree: ProgramTree, index = tree.length - 1): string {
  const { token, inputs } = tree[index];
  return `${TOKENS[token]}(${inputs.map((input) => nested(tree, input)).join(" ")})`;
}

Deno.test("the integer form and the list form of a program are one tree", async () => {
  await withRandom("program forms", (random) => {
    for (let i = 0; i < 50; i++) {
      const program = randomProgram(random);
      const tokens = [START, ...flatten(program, "prefix")!.map(at), END, NULL];
      strictEqual(nested(parsePrefix(tokens, vocabulary)), nested(fromList(program, vocabulary)));
    }
  });
  throws(() => fromList([{ type: "count", inputs: [], value_inputs: [] }], vocabulary), /has no count/);
  const scene = { type: "scene", inputs: [], value_inputs: [] }, unique = { ...scene, type: "unique" };
  for (const inputs of [[], [0, 0], [1], [2], [-1]]) {
    throws(
      () => fromList([scene, { ...unique, inputs }], vocabulary),
      new RegExp(`node 1: inputs \\[${inputs.join(", ")}\\] of unique, which needs 1 earlier nodes`),
    );
  }
  throws(() => new ProgramTokens(["<NULL>"]), /has no scene/);
});

Deno.test("any sequence is some program", () => {
  const parsed = (...tokens: number[]): string => nested(parsePrefix(tokens, vocabulary));
  strictEqual(parsed(), "scene()");
  strictEqual(parsed(NULL, at("unique")), "scene()");
  strictEqual(parsed(at("union"), at("scene")), "union(scene() scene())");
  strictEqual(parsed(START, START, at("unique"), START, at("scene"), at("unique")), "unique(scene())");
  strictEqual(parsed(END, at("scene")), "<END>(scene())");
  // <NULL> is read as a scene: what follows it is the next input, as the reference has it.
  const [union, unique, intersect, end] = ["union", "unique", "intersect", "<END>"].map(at);
  strictEqual(parsed(intersect, unique, NULL, unique, at("scene")), "intersect(unique(scene()) unique(scene()))");
  strictEqual(parsed(union, NULL, union, NULL, end, NULL), "union(scene() union(scene() <END>(scene())))");
  strictEqual(parsed(union, START, NULL, START, unique), "union(scene() unique(scene()))");
  strictEqual(parsed(unique, NULL, union, NULL), "unique(scene())");
  strictEqual(parsed(unique, START), "unique(scene())");
});

Deno.test("a schedule computes what plain recursion does", async () => {
  await withRandom("schedule", (random) => {
    const trees = Array.from({ length: 9 }, () => fromList(randomProgram(random), vocabulary));
    const plain = (sample: number, tree: ProgramTree, index: number): string => {
      const { token, inputs } = tree[index];
      if (inputs.length === 0) return `scene ${sample}`;
      return `${TOKENS[token]}(${inputs.map((input) => plain(sample, tree, input)).join(" ")})`;
    };
    const { levels, answers, places } = schedule(trees);
    let alive = trees.map((_, sample) => `scene ${sample}`);
    const values = [alive];
    for (const { rows, unary, binary, carried } of levels) {
      const read = [...rows].map((row) => alive[row]);
      ok(read.every((value) => value !== undefined));
      const own = [
        ...unary.map((token, i) => `${TOKENS[token]}(${read[i]})`),
        ...binary.map((token, i) => {
          const first = unary.length + i;
          return `${TOKENS[token]}(${read[first]} ${read[first + binary.length]})`;
        }),
      ];
      for (const tokens of [unary, binary]) deepStrictEqual(tokens, [...tokens].sort((a, b) => a - b));
      const inputs = unary.length + 2 * binary.length;
      strictEqual(read.length, inputs + carried);
      values.push(own);
      alive = [...own, ...read.slice(inputs)];
    }
    trees.forEach((tree, sample) => {
      strictEqual(alive[answers[sample]], plain(sample, tree, tree.length - 1));
      tree.forEach((_, index) => {
        const { level, row } = places[sample][index];
        strictEqual(values[level + 1][row], plain(sample, tree, index));
      });
    });
  });
});

const sequences = (rows: readonly (readonly number[])[]): Sequences => ({
  data: Int32Array.from(rows.flat()),
  count: rows.length,
  length: rows[0].length,
});

Deno.test("programs are drawn as often as their probabilities say, and cut at their ends", async () => {
  await using device = await Device.open();
  using model = new ProgramGenerator(device, { words: 6, tokens: 5, wordDim: 4, hidden: 8, seed: 3 });
  const count = 600, x = sequences(Array.from({ length: count }, () => [1, 4, 5, 2]));
  let first: number[];
  {
    using _scope = device.scope();
    const logits = await model.logits(model.encode(x), sequences(Array.from({ length: count }, () => [START]))).data();
    const weights = [...logits.subarray(0, 5)].map((v) => Math.exp(v));
    first = weights.map((w) => w / weights.reduce((a, b) => a + b, 0));
  }
  const counts = new Float64Array(5);
  for (let step = 0; step < 4; step++) {
    const { programs, drawn } = await model.decode(x, { seed: 5, step });
    strictEqual(programs.length, drawn.length);
    for (let n = 0; n < count; n++) {
      const row = [...programs.data.subarray(n * programs.length, (n + 1) * programs.length)];
      counts[drawn.data[n * drawn.length]]++;
      const end = row.indexOf(END);
      if (end >= 0) ok(row.slice(end + 1).every((token) => token === NULL), `${row}`);
    }
  }
  first.forEach((p, token) => {
    const share = counts[token] / (4 * count), spread = Math.sqrt(p * (1 - p) / (4 * count));
    ok(Math.abs(share - p) < 5 * spread + 1e-3, `token ${token}: ${share}, not ${p}`);
  });
  const [a, b] = [await model.decode(x, { seed: 5, step: 0 }), await model.decode(x, { seed: 5, step: 0 })];
  deepStrictEqual(a, b);
  const likeliest = await model.decode(sequences([[1, 4, 5, 2]]), "likeliest");
  strictEqual(likeliest.programs.data[0], first.indexOf(Math.max(...first)));
});

Deno.test("the score-function gradient is that of the expected reward, by enumeration", async () => {
  await using device = await Device.open();
  // Programs of two tokens out of four: sixteen, each with a reward of its own.
  const tokens = 4, length = 2;
  using model = new ProgramGenerator(device, { words: 5, tokens, wordDim: 3, hidden: 4, layers: 1, seed: 7 });
  const all = Array.from({ length: tokens ** length }, (_, i) => [Math.floor(i / tokens), i % tokens]);
  const rewards = all.map((_, i) => Math.sin(3 * i + 1));
  const x = sequences(all.map(() => [1, 4, 3, 2]));
  /** Probability of every program. */
  const probabilities = async (): Promise<number[]> => {
    const read = (): Promise<Float32Array> => {
      using _scope = device.scope();
      return model.logits(model.encode(x), sequences(all.map(([a]) => [START, a]))).data();
    };
    const logits = await read();
    return all.map((program, n) =>
      program.reduce((product, token, t) => {
        const row = [...logits.subarray((t * all.length + n) * tokens, (t * all.length + n + 1) * tokens)].map(
          Math.exp,
        );
        return product * row[token] / row.reduce((a, b) => a + b, 0);
      }, 1)
    );
  };
  const expected = async (): Promise<number> => (await probabilities()).reduce((sum, p, i) => sum + p * rewards[i], 0);
  const p = await probabilities();
  ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-5);
  {
    using _scope = device.scope();
    // The expectation over programs of the loss's gradient is minus the gradient of the expected reward.
    model.reinforceLoss(x, sequences(all), rewards.map((r, i) => r * p[i]), "none").backward();
    for (const { name, tensor } of model.parameters()) {
      const grad = await tensor.grad!.data(), values = await tensor.data();
      const element = grad.findIndex((v) => Math.abs(v) === grad.reduce((m, g) => Math.max(m, Math.abs(g)), 0));
      const moved = async (by: number): Promise<number> => {
        tensor.write(values.with(element, values[element] + by) as Float32Array<ArrayBuffer>);
        return await expected();
      };
      const slope = (await moved(1e-2) - await moved(-1e-2)) / 2e-2;
      tensor.write(values);
      ok(
        Math.abs(slope + grad[element]) < 2e-3 * Math.max(0.05, Math.abs(slope)) + 2e-4,
        `${name}: ${-grad[element]}, not ${slope}`,
      );
    }
    model.zeroGrad();
  }
});

Deno.test("the entropy of programs is that of every token's distribution, with its gradient, and ends with a program", async () => {
  await using device = await Device.open();
  const tokens = 5;
  using model = new ProgramGenerator(device, { words: 5, tokens, wordDim: 3, hidden: 4, layers: 1, seed: 7 });
  const x = sequences([[1, 4, 2], [1, 3, 2]]), drawn = [[4, END, 3], [3, 1, 4]];
  /** Sum of the tokens' entropies in nats, those after an end left out. */
  const entropy = async (): Promise<number> => {
    using _scope = device.scope();
    const logits = await model.logits(model.encode(x), sequences(drawn.map((row) => [START, ...row.slice(0, -1)])))
      .data();
    let sum = 0;
    drawn.forEach((row, n) =>
      row.forEach((_, t) => {
        if (row.slice(0, t).includes(END)) return;
        const scores = [...logits.subarray((t * 2 + n) * tokens, (t * 2 + n + 1) * tokens)].map(Math.exp);
        const total = scores.reduce((a, b) => a + b, 0);
        sum -= scores.reduce((all, score) => all + score / total * Math.log(score / total), 0);
      })
    );
    return sum;
  };
  const loss = (weight: number): Tensor => model.reinforceLoss(x, sequences(drawn), [1, -2], "after_end", 1, weight);
  {
    using _scope = device.scope();
    const [plain, less, want] = [await loss(0).item(), await loss(0.5).item(), await entropy()];
    ok(Math.abs(plain - less - 0.5 * want) < 1e-4, `${plain - less}, not half of ${want}`);
  }
  for (const { name, tensor } of model.parameters()) {
    const gradient = async (weight: number): Promise<Float32Array> => {
      using _scope = device.scope();
      loss(weight).backward();
      const grad = tensor.grad ? await tensor.grad.data() : new Float32Array(tensor.size);
      model.zeroGrad();
      return grad;
    };
    const [without, given] = [await gradient(0), await gradient(1)], values = await tensor.data();
    const own = given.map((v, i) => v - without[i]);
    const element = own.findIndex((v) => Math.abs(v) === own.reduce((most, g) => Math.max(most, Math.abs(g)), 0));
    const moved = async (by: number): Promise<number> => {
      tensor.write(values.with(element, values[element] + by) as Float32Array<ArrayBuffer>);
      return await entropy();
    };
    const slope = (await moved(1e-2) - await moved(-1e-2)) / 2e-2;
    tensor.write(values);
    ok(
      Math.abs(slope + own[element]) < 2e-3 * Math.max(0.05, Math.abs(slope)) + 2e-4,
      `${name}: ${-own[element]}, not ${slope}`,
    );
  }
});

Deno.test("smoothed labels give every token its share of the target, and padding none", async () => {
  await using device = await Device.open();
  const tokens = 6, smoothing = 0.3;
  using model = new ProgramGenerator(device, {
    words: 5,
    tokens,
    wordDim: 3,
    hidden: 4,
    labelSmoothing: smoothing,
    seed: 7,
  });
  using _scope = device.scope();
  const x = sequences([[1, 4, 2], [1, 3, 2]]);
  const rows = [[START, 4, 5, END], [START, 3, END, NULL]];
  const logits = await model.logits(model.encode(x), sequences(rows.map((row) => row.slice(0, -1)))).data();
  const losses = rows.flatMap((row, n) =>
    row.slice(1).flatMap((label, t) => {
      if (label === NULL) return [];
      const from = (t * rows.length + n) * tokens, scores = [...logits.subarray(from, from + tokens)];
      const total = Math.log(scores.reduce((sum, v) => sum + Math.exp(v), 0));
      const target = (token: number): number => smoothing / tokens + (token === label ? 1 - smoothing : 0);
      return [scores.reduce((sum, v, token) => sum + target(token) * (total - v), 0)];
    })
  );
  const [want, got] = [losses.reduce((a, b) => a + b) / losses.length, await model.loss(x, sequences(rows)).item()];
  ok(Math.abs(want - got) < 1e-5, `${got}, not ${want}`);
});

Deno.test("what was drawn after a program's end counts only when asked to", async () => {
  await using device = await Device.open();
  using model = new ProgramGenerator(device, { words: 5, tokens: 5, wordDim: 3, hidden: 4, seed: 7 });
  using _scope = device.scope();
  const x = sequences([[1, 4, 2]]);
  const item = async (drawn: number[], mask: "after_end" | "none"): Promise<number> =>
    await model.reinforceLoss(x, sequences([drawn]), [2], mask).item();
  const [short, masked, whole] = [
    await item([4, END], "after_end"),
    await item([4, END, 3, 1], "after_end"),
    await item([4, END, 3, 1], "none"),
  ];
  ok(Math.abs(short - masked) < 1e-5 && whole > masked + 0.5, `${short}, ${masked}, ${whole}`);
});
