/** docs/names.md: each name of ours in its tables is there. */
import { deepStrictEqual, ok } from "node:assert/strict";
import * as engine from "../engine/mod.ts";
import * as testing from "../engine/testing/mod.ts";

const page = await Deno.readTextFile(new URL("../docs/names.md", import.meta.url));

/** Names in the last column of the tables, without arguments. */
function names(markdown: string): string[] {
  const rows = markdown.split("\n").filter((line) => /^\|.*\|$/.test(line) && !/^\| (PyTorch|-)/.test(line));
  return rows.flatMap((row) => [...row.split("|").at(-2)!.matchAll(/`([^`]+)`/g)].map(([, name]) => name)).map((name) =>
    name.replace(/\(.*\)$/, "")
  );
}

/** Classes whose members stand behind a small beginning. */
const CLASSES: Readonly<Record<string, { readonly prototype: object }>> = {
  device: engine.Device,
  scope: engine.Scope,
  x: engine.Tensor,
  module: engine.Module,
  optimiser: engine.Optimiser,
};

/** Fields that a tensor's constructor sets. */
const FIELDS = ["x.shape", "x.dtype", "x.size"];

/** An option that a row names in words. */
const OPTIONS = ["clipNorm"];

/** Names that are not there. */
function absent(all: readonly string[]): string[] {
  return all.filter((name) => {
    const [first, ...rest] = name.split(".");
    if (FIELDS.includes(name) || OPTIONS.includes(name)) return false;
    if (first in CLASSES) return rest.length !== 1 || !(rest[0] in CLASSES[first].prototype);
    let found: unknown = { ...engine, ...testing };
    for (const part of [first, ...rest]) found = (found as Record<string, unknown> | undefined)?.[part];
    return found === undefined;
  });
}

Deno.test("every name of ours beside those of PyTorch and TensorFlow.js is there", () => {
  const all = names(page);
  ok(all.length > 120, `${all.length} names`);
  deepStrictEqual(absent(all), []);
  deepStrictEqual(
    absent(["ops.relu", "ops.rely", "device.opens", "x.add.b", "nn.init.heNormal", "optim.schedules.x"]),
    [
      "ops.rely",
      "device.opens",
      "x.add.b",
      "optim.schedules.x",
    ],
  );
});

Deno.test("every op that trains or computes stands in the tables, but for the models' own", () => {
  const own = [
    "conv2dBank",
    "conv2dDataGrad",
    "conv2dWeightGrad",
    "convGru",
    "convGruJoined",
    "exampleWeights",
    "pasteRegions",
  ];
  const composed = ["addRelu", "weightedSum"]; // fused for models; several ops elsewhere
  const recurrent = ["gruCell", "lstm", "lstmCell", "lstmSteps"]; // their layers do
  const listed = new Set(names(page));
  const missing = Object.keys(engine.ops).filter((name) => !listed.has(`ops.${name}`));
  deepStrictEqual(missing.sort(), [...own, ...composed, ...recurrent].sort());
});
