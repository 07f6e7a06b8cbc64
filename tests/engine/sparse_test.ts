/** Graphs beside each other, and memory for as many edges as are asked for. */
import { deepStrictEqual, throws } from "node:assert/strict";
import { Device, Graph, propagate, StaticGraph, type Tensor } from "../../engine/mod.ts";
import { type Random, withRandom } from "../support/random.ts";

function someGraph(random: Random, rows: number, cols: number, relations: number): Graph {
  return Graph.fromTriples(
    rows,
    cols,
    Array.from({ length: relations }, () =>
      Array.from({ length: random.integer(0, 2 * rows) }, () =>
        [
          ...[random.integer(0, rows), random.integer(0, cols), 2 * random() - 1],
        ] as [number, number, number])),
  );
}

Deno.test("nodes of graphs beside each other hear what they hear in their own, written anew too", async () => {
  await withRandom("graphs beside each other", async (random) => {
    await using device = await Device.open();
    using scope = device.scope();
    const [rows, cols, width] = [7, 5, 6], weights = device.randn([3, width, 4], { seed: 1 });
    // The second has fewer nodes than there is space for.
    const graphs = [someGraph(random, rows, cols, 3), someGraph(random, 3, 2, 3), someGraph(random, rows, cols, 3)];
    const x = graphs.map((_, i) => device.randn([cols, width], { seed: 2 + i }));
    const whole = device.tensor(Float32Array.from((await Promise.all(x.map((t) => t.data()))).flatMap((v) => [...v])), [
      3 * cols,
      width,
    ]);
    using both = Graph.beside(graphs, { rows, cols });
    const memory = scope.adopt(new StaticGraph(device, 3 * rows, 3 * cols, 3, 90));
    memory.write(both);
    const wide = (graph: Graph): Graph => Graph.beside([graph], { rows, cols });
    const alone: Tensor[] = graphs.map((graph, i) => propagate(x[i], scope.adopt(wide(graph)), weights));
    const want = (await Promise.all(alone.map((t) => t.data()))).flatMap((v) => [...v]);
    for (const graph of [both, memory]) deepStrictEqual([...await propagate(whole, graph, weights).data()], want);
  });
});

Deno.test("graphs of other relations, without space, or of more edges than there is memory for are refused", async () => {
  using one = Graph.fromTriples(2, 2, [[[0, 1, 1], [1, 0, 1]]]), two = Graph.fromTriples(2, 2, [[], []]);
  throws(() => Graph.beside([one, two]), { name: "ShapeError", message: /2 relations \[2, 2\] beside others of 1/ });
  throws(() => Graph.beside([one], { rows: 1 }), { name: "ShapeError", message: /in space for \[1, 2\]/ });
  await using device = await Device.open();
  using memory = new StaticGraph(device, 2, 2, 1, 1);
  throws(() => memory.write(one), { name: "ShapeError", message: "graph: 2 edges where there is memory for 1" });
});
