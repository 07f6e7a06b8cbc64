/**
 * A graph: a karate club fell apart in a quarrel of its instructor with its officer (Zachary, 1977). A graph convolution
 * (Kipf and Welling, 2017) that knows the side of these two alone says by who meets whom which side each of the others
 * took. `deno run examples/06_karate_club.ts`
 */
// deno-lint-ignore-file no-console
import { Adam, crossEntropy, Device, gather, Graph, nn, propagate, type Tensor, type Triple } from "../engine/mod.ts";

/** Whom each of the 34 members meets outside the club, each pair once. */
const MEETS: readonly (readonly number[])[] = [
  [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31],
  [2, 3, 7, 13, 17, 19, 21, 30],
  [3, 7, 8, 9, 13, 27, 28, 32],
  [7, 12, 13],
  [6, 10],
  [6, 10, 16],
  [16],
  [],
  [30, 32, 33],
  [33],
  ...[[], [], [], [33], [32, 33], [32, 33], [], [], [32, 33], [33], [32, 33], [], [32, 33]],
  [25, 27, 29, 32, 33],
  [25, 27, 31],
  [31],
  [29, 33],
  [33],
  [31, 33],
  ...[[32, 33], [32, 33], [32, 33], [33], []],
];
/** Those who went with the officer. */
const OFFICERS = new Set([9, 14, 15, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33]);
const members = MEETS.length, instructor = 0, officer = 33;

/** Edges in both directions and one of each to itself, over √(degree · degree). */
function normalised(): Triple[] {
  const edges = MEETS.flatMap((others, a) => [[a, a], ...others.flatMap((b) => [[a, b], [b, a]])]);
  const degree = Array.from({ length: members }, (_, a) => edges.filter(([row]) => row === a).length);
  return edges.map(([row, col]) => [row, col, 1 / Math.sqrt(degree[row] * degree[col])]);
}

/** Two graph convolutions: x [members, members] → logits of both sides [members, 2]. */
class GraphNet extends nn.Module {
  readonly #first: Tensor = this.parameter("first.weight", [1, members, 8], nn.init.normal(0.3), 1);
  readonly #second: Tensor = this.parameter("second.weight", [1, 8, 2], nn.init.normal(0.3), 2);
  forward(x: Tensor, graph: Graph): Tensor {
    return propagate(propagate(x, graph, this.#first).tanh(), graph, this.#second);
  }
}

await using device = await Device.open();
using graph = Graph.fromTriples(members, members, [normalised()]);
using net = new GraphNet(device);
using adam = new Adam(device, net.trainable(), { rate: 0.02 });
using x = device.eye(members); // members have no features but who they are
using known = device.tensor(Int32Array.of(instructor, officer)), sides = device.tensor(Int32Array.of(0, 1));
for (let step = 0; step <= 80; step++) {
  using _scope = device.scope();
  const loss = crossEntropy(gather(net.forward(x, graph), known), sides);
  loss.backward();
  adam.step();
  net.zeroGrad();
  if (step % 20 === 0) console.log(`step ${step} loss ${(await loss.item()).toFixed(4)}`);
}

using _scope = device.scope();
const answers = await device.noGrad(() => net.forward(x, graph).argmax(1)).data<"i32">();
const wrong = [...answers.keys()].filter((member) => (answers[member] === 1) !== OFFICERS.has(member));
console.log(`${members - wrong.length} of ${members} members right; wrong: ${wrong.join(", ") || "none"}`);
