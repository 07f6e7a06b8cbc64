/** The execution engine against the authors' (golden/ee.json). */
import { Device, type Tensor } from "../../../engine/mod.ts";
import type { ProgramNode } from "../../../datasets/refplus/files/types.ts";
import { ExecutionEngine } from "../../../model/refplus/engine/execution_engine.ts";
import { fromList, ProgramTokens, type ProgramTree } from "../../../model/refplus/engine/program_tree.ts";
import { treesOf } from "../../../model/refplus/training/samples.ts";
import { numbers } from "./formula.ts";
import { type EngineGolden, golden } from "./golden.ts";
import { Comparison, difference, largest } from "./comparison.ts";
import { byTorchName, channelsLast, fill, sequences, sizesByTorchName } from "./models.ts";

Deno.test("the execution engine is the authors': maps, scores, losses, gradients, broken programs too", async (t) => {
  // Direct sums, as theirs: one that rounds otherwise may lie on the other side of a ReLU, and one gradient is then another.
  await using device = await Device.open({ winograd: false });
  for (const given of golden<EngineGolden[]>("ee.json")) await t.step(given.name, () => compare(device, given));
});

/** An engine with the weights of a golden file, and its inputs. */
interface Subject {
  readonly comparison: Comparison;
  readonly device: Device;
  readonly model: ExecutionEngine;
  readonly given: EngineGolden;
  readonly tokens: ProgramTokens;
  /** All pictures' features, channels last. */
  readonly features: Float32Array<ArrayBuffer>;
  readonly trees: readonly ProgramTree[];
}

async function compare(device: Device, given: EngineGolden): Promise<void> {
  const { name, names, features, grid, dim, size, stemLayers, float64: want } = given;
  const comparison = new Comparison(), tokens = new ProgramTokens(names);
  using model = new ExecutionEngine(device, { tokens, features, dim, stemLayers, size: [size, size], seed: 1 });
  const sizes = sizesByTorchName(model, model.banks);
  comparison.same("names of parameters", [...sizes.keys()].sort(), Object.keys(want.state).sort());
  comparison.same("number of parameters", [...sizes.values()].reduce((a, b) => a + b), want.parameters);
  fill(model, name, want.state, given.scale, model.banks);
  const count = given.programs.length, shape = [count, features, grid, grid] as const;
  const subject: Subject = {
    comparison,
    device,
    model,
    given,
    tokens,
    features: channelsLast(numbers(`${name} features`, count * features * grid ** 2, 0, 1), shape),
    trees: treesOf(sequences(given.programs), tokens),
  };
  await compareNodes(subject, await compareMaps(subject));
  await compareLearning(subject);
  comparison.done();
}

/** Features of some pictures, one of them as often as it is named. */
function pictures({ device, features, given }: Subject, indices: readonly number[]): Tensor {
  const each = given.grid ** 2 * given.features, some = new Float32Array(indices.length * each);
  indices.forEach((index, i) => some.set(features.subarray(index * each, (index + 1) * each), i * each));
  return device.tensor(some, [indices.length, given.grid, given.grid, given.features]);
}

/** The maps of all programs, and each one's scores; returns the maps, one after another. */
async function compareMaps(subject: Subject): Promise<ArrayLike<number>> {
  const { comparison, device, model, trees, given: { programs, kinds, grid, dim, float64: want } } = subject;
  const all = [...programs.keys()], each = grid ** 2 * dim;
  const read = (forward: () => Tensor): Promise<Float32Array> => {
    using _scope = device.scope();
    return device.noGrad(forward).data();
  };
  const maps = await read(() => model.forward(pictures(subject, all), trees));
  const differences: [string, number][] = [], scored: [string, number][] = [], found: [string, number][] = [];
  for (const i of all) {
    const label = `program ${i}, ${kinds[i]}`, map = maps.slice(i * each, (i + 1) * each);
    differences.push([label, difference(map, want.maps[i])]);
    const scores = await read(() => model.scores(device.tensor(map, [1, grid, grid, dim])));
    scored.push([label, difference(scores, want.scores[i])]);
    let foreground = 0;
    for (let p = 0; p < scores.length; p += 2) if (scores[p + 1] > scores[p]) foreground++;
    found.push([label, Math.abs(foreground - want.foreground[i])]);
  }
  comparison.within("maps", ...bounded(differences, 3e-5));
  comparison.within("scores", ...bounded(scored, 3e-5));
  // A pixel whose scores are equal but for rounding may fall on either side.
  comparison.within("foreground pixels", ...bounded(found, 2));
  return maps;
}

/** A bound between the largest difference and whose it is. */
function bounded(differences: Iterable<readonly [string, number]>, bound: number): [number, number, string] {
  const [worst, at] = largest(differences);
  return [worst, bound, at];
}

/** The output of every module of some programs, which the authors ran in list form; the last one's are in `answers`. */
async function compareNodes(subject: Subject, answers: ArrayLike<number>): Promise<void> {
  const { comparison, device, model, tokens, trees, given: { grid, dim, float64: { listForm } } } = subject;
  const differences: [string, number][] = [], each = grid ** 2 * dim;
  for (const [k, i] of listForm.samples.entries()) {
    const nodes = listForm.lists[k].map(({ function: type, value_inputs, inputs }) => ({ type, value_inputs, inputs }));
    comparison.same(`tree ${i}`, nested(fromList(nodes, tokens)), nested(trees[i]));
    using _scope = device.scope();
    // Each inner node as a program of its own; the last node is the whole program, which has been run.
    const inner = nodes.slice(0, -1).map((_, j) => fromList(upTo(nodes, j), tokens));
    const x = pictures(subject, inner.map(() => i));
    const maps = Array.from(await device.noGrad(() => model.forward(x, inner)).data());
    maps.push(...Array.from(answers).slice(i * each, (i + 1) * each));
    nodes.forEach((_, j) => {
      const off = difference(maps.slice(j * each, (j + 1) * each), listForm.outputs[k][j]);
      differences.push([`node ${j} of program ${i}`, off]);
    });
  }
  comparison.within(`outputs of ${differences.length} nodes`, ...bounded(differences, 3e-5));
}

/** The nodes that `last` depends on, and itself at the end. */
function upTo(nodes: readonly ProgramNode[], last: number): ProgramNode[] {
  const out: ProgramNode[] = [];
  const visit = (at: number): number => {
    const inputs = nodes[at].inputs.map(visit);
    return out.push({ ...nodes[at], inputs }) - 1;
  };
  visit(last);
  return out;
}

/** A tree as nested lists, which forget the order its nodes are listed in. */
function nested(tree: ProgramTree, at = tree.length - 1): unknown[] {
  return [tree[at].token, ...tree[at].inputs.map((input) => nested(tree, input))];
}

/** Loss, overlaps and gradients of the whole batch. */
async function compareLearning(subject: Subject): Promise<void> {
  const { comparison, device, model, trees, given: { name, size, programs, float64: want } } = subject;
  using _scope = device.scope();
  const drawn = numbers(`${name} masks`, programs.length * size ** 2, 0, 1);
  const masks = Int32Array.from(drawn, (v) => v < 0.3 ? 1 : 0);
  const outcome = model.evaluate(pictures(subject, [...programs.keys()]), trees, masks, { learn: true });
  comparison.within("loss", Math.abs(await outcome.loss.item() / want.loss - 1), 1e-5);
  const overlaps = await outcome.overlaps.data(), wanted = want.overlaps.flat();
  comparison.same("number of overlaps", overlaps.length, wanted.length);
  comparison.within("overlaps in pixels", ...bounded(wanted.map((v, i) => [`${i}`, Math.abs(overlaps[i] - v)]), 2));
  const got = await byTorchName(model, (parameter) => parameter.grad, model.banks);
  const differences = Object.entries(want.gradients).map(([key, brief]): [string, number] => {
    const own = got.get(key);
    return [key, own ? difference(own, brief) : Infinity];
  });
  comparison.within("gradients", ...bounded(differences, 5e-4));
  comparison.same(
    "parameters that no program uses",
    want.without.filter((key) => !got.has(key) || Array.from(got.get(key) ?? []).some((v) => v !== 0)),
    [],
  );
  comparison.same("parameters", [...want.without, ...Object.keys(want.gradients)].sort(), [...got.keys()].sort());
  model.zeroGrad();
}
