/**
 * The plain arrays that the reasoning modules are checked by, held to TensorFlow's and PyTorch's figures where they have
 * the operation: the products, the convolution, the gated cell, pasting and resizing.
 */
import { ok } from "node:assert/strict";
import published from "../../fixtures/tensorflow_ops.json" with { type: "json" };
import { type Array64, conv, linear, softmax, transposedProduct } from "../../support/reasoning64/arrays.ts";
import { spatialAdjacency } from "../../support/reasoning64/graph.ts";
import { type CellBox, gru, initialMemory, paste } from "../../support/reasoning64/memory.ts";
import { EPS32 } from "../../../engine/testing/tolerance.ts";
import boxes from "./golden/boxes.json" with { type: "json" };
import tensorflow from "./golden/tensorflow_ops.json" with { type: "json" };
import products from "./golden/torch_products.json" with { type: "json" };
import normalise from "./golden/torch_normalise.json" with { type: "json" };

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

interface Case {
  readonly name: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly (Stored | null)[];
  readonly outputs: readonly Stored[];
}

const array = ({ shape, data }: Stored): Array64 => ({ shape, data: Float64Array.from(data, Number) });

/** The cases of an op that `fits` wants, at least one. */
function casesOf(file: { readonly cases: unknown }, op: string, fits: (c: Case) => boolean): Case[] {
  const found = (file.cases as readonly Case[]).filter((c) => c.op === op && fits(c));
  ok(found.length > 0, `there is no fitting case of ${op}`);
  return found;
}

function assertNear(got: Array64, want: Array64, tolerance: number, what: string): void {
  ok(got.shape.join() === want.shape.join(), `${what}: the shape is ${got.shape}`);
  const largest = want.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  got.data.forEach((v, i) => {
    ok(Math.abs(v - want.data[i]) <= tolerance * largest, `${what}: ${v} at ${i}, ${want.data[i]} is wanted`);
  });
}

/** TensorFlow computes these in float32. */
const SINGLE = 32 * EPS32, DOUBLE = 1e-13;

Deno.test("products and softmax of plain arrays are PyTorch's", () => {
  const plain = ({ attrs, inputs: [x] }: Case) => attrs.activation === "none" && x!.shape.length === 3;
  for (const { inputs, outputs, name } of casesOf(products, "linear", plain)) {
    const [x, w, b] = inputs.map((i) => array(i!));
    const rows = { shape: [x.data.length / w.shape[0], w.shape[0]], data: x.data };
    const got = linear(rows, w, b), want = array(outputs[0]);
    assertNear({ shape: want.shape, data: got.data }, want, DOUBLE, name);
  }
  const one = ({ attrs }: Case) => attrs.transposeA === true && attrs.transposeB === false;
  for (const { inputs, outputs, name } of casesOf(products, "matmul", one)) {
    const [a, b] = inputs.map((i) => array(i!)), want = array(outputs[0]);
    const [, , m, n] = want.shape, [k] = b.shape.slice(1);
    // The first of the batch.
    const got = transposedProduct({ shape: [k, m], data: a.data.slice(0, k * m) }, {
      shape: [k, n],
      data: b.data.slice(0, k * n),
    });
    assertNear(got, { shape: [m, n], data: want.data.slice(0, m * n) }, DOUBLE, name);
  }
  for (const { inputs: [x], outputs, name } of casesOf(normalise, "softmax", ({ attrs }) => attrs.axis === -1)) {
    const want = array(outputs[0]), columns = want.shape[2];
    const got = softmax({ shape: [want.data.length / columns, columns], data: array(x!).data });
    assertNear({ shape: want.shape, data: got.data }, want, DOUBLE, name);
  }
});

Deno.test("the convolution of plain arrays is TensorFlow's", () => {
  const same = ({ attrs, inputs: [, w] }: Case) =>
    attrs.padding === "same" && String(attrs.stride) === "1,1" && String(attrs.dilation) === "1,1" &&
    String(w!.shape.slice(0, 2)) === "3,3";
  for (const { inputs: [x, w], outputs, name } of casesOf(tensorflow, "conv2d", same)) {
    assertNear(conv(array(x!), array(w!)), array(outputs[0]), DOUBLE, name);
  }
});

Deno.test("the gated cell of plain arrays is the one written out for TensorFlow", () => {
  const names = ["gates.x.weight", "gates.s.weight", "gates.bias", "candidate.x.weight", "candidate.s.weight"];
  for (const { inputs, outputs, name } of casesOf(published, "convGru", ({ attrs }) => attrs.activation === "relu")) {
    const [x, s, ...weights] = inputs.map((i) => array(i!));
    const own = new Map([...names, "candidate.bias"].map((part, i) => [`cell.${part}`, weights[i]]));
    assertNear(gru(x, s, own, "cell"), array(outputs[0]), SINGLE, name);
  }
});

Deno.test("pasted patches and the resized first memory are TensorFlow's", () => {
  const square = ({ inputs: [patches] }: Case) => patches!.shape[1] === patches!.shape[2];
  for (const { inputs: [patches, boxes], attrs, outputs, name } of casesOf(tensorflow, "pasteRegions", square)) {
    const corners = array(boxes!).data;
    const cells = Array.from({ length: corners.length / 4 }, (_, r) => [...corners.subarray(4 * r, 4 * r + 4)]);
    const got = paste(array(patches!), cells as unknown as CellBox[], attrs.size as [number, number]);
    assertNear(got, array(outputs[0]), SINGLE, name);
  }
  for (const { inputs: [x], attrs, outputs, name } of casesOf(tensorflow, "resizeBilinear", () => true)) {
    const got = initialMemory(new Map([["memory.mem_init", array(x!)]]), attrs.size as [number, number]);
    assertNear(got, array(outputs[0]), SINGLE, name);
  }
});

Deno.test("overlaps of boxes are pycocotools', each box's corners inclusive", () => {
  const corners = boxes.boxes as [number, number, number, number][];
  const [got] = spatialAdjacency(corners, {
    relations: ["iou"],
    bandwidth: 1,
    distance: "gap",
    reach: null,
    layers: 1,
    assignNorm: "row",
    fcLayers: 0,
    candidate: "relu",
    classes: [],
  });
  boxes.overlaps.forEach((row, i) => {
    const others = row.map((v, j) => i === j ? 0 : v), total = others.reduce((a, b) => a + b, 0);
    others.forEach((v, j) => {
      const want = v / Math.max(total, 1e-14);
      ok(Math.abs(got[i][j] - want) <= DOUBLE, `${i}, ${j}: ${got[i][j]}, not ${want}`);
    });
  });
});
