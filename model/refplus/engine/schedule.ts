/**
 * Programs of a batch, level by level: nodes whose inputs are ready run together, all unary modules in one call and all binary
 * ones in another. Exact, as nothing mixes samples.
 */
import type { ProgramTree } from "./program_tree.ts";

/** One level: rows of the live values that it reads, and the modules that run on them. */
export interface Level {
  /**
   * Rows of the values alive before: the inputs of the unary modules, the first inputs of the binary ones, the second ones,
   * then the values that later levels still need.
   */
  readonly rows: Int32Array<ArrayBuffer>;
  /** Tokens of the unary nodes, ascending; their values come first. */
  readonly unary: readonly number[];
  /** Tokens of the binary nodes, ascending. */
  readonly binary: readonly number[];
  /** Samples of the unary nodes, then of the binary ones. */
  readonly samples: readonly number[];
  /** Number of values kept for later levels. */
  readonly carried: number;
}

/** Level by level; the values alive at first are the scenes, one row a sample. */
export interface Schedule {
  readonly levels: readonly Level[];
  /** Row of each sample's answer among the values alive at the end. */
  readonly answers: Int32Array<ArrayBuffer>;
  /** For each sample and node, the level that makes it (−1: a scene) and its row among that level's values. */
  readonly places: readonly (readonly { readonly level: number; readonly row: number }[])[];
}

interface Node {
  readonly sample: number;
  readonly index: number;
  readonly token: number;
  readonly inputs: readonly number[];
}

/** Orders the nodes of `programs`. Nodes without inputs are scenes. */
export function schedule(programs: readonly ProgramTree[]): Schedule {
  const depths = programs.map((tree) => {
    const depth: number[] = [];
    for (const { inputs } of tree) depth.push(inputs.reduce((most, i) => Math.max(most, depth[i] + 1), 0));
    return depth;
  });
  const byLevel: Node[][] = [];
  programs.forEach((tree, sample) =>
    tree.forEach(({ token, inputs }, index) => {
      const depth = depths[sample][index];
      if (depth > 0) (byLevel[depth - 1] ??= []).push({ sample, index, token, inputs });
    })
  );
  const lastUse = programs.map((tree, sample) => {
    const last = tree.map(() => 0);
    tree.forEach(({ inputs }, index) => {
      for (const input of inputs) last[input] = Math.max(last[input], depths[sample][index]);
    });
    last[tree.length - 1] = Infinity;
    return last;
  });
  const places = programs.map((tree, sample) => tree.map(() => ({ level: -1, row: sample })));
  // Row of every value that is alive, by sample and node.
  let alive = new Map<string, number>();
  const key = (sample: number, index: number): string => `${sample} ${index}`;
  programs.forEach((tree, sample) =>
    tree.forEach(({ inputs }, index) => {
      if (inputs.length === 0) alive.set(key(sample, index), sample);
    })
  );
  const levels = byLevel.map((nodes, level): Level => {
    const [unary, binary] = [1, 2].map((inputs) =>
      nodes.filter((node) => node.inputs.length === inputs).sort((a, b) => a.token - b.token)
    );
    const sorted = [...unary, ...binary];
    const row = ({ sample, inputs }: Node, which: number): number => alive.get(key(sample, inputs[which]))!;
    const firsts = sorted.map((node) => row(node, 0));
    const seconds = binary.map((node) => row(node, 1));
    const kept = [...alive].filter(([name]) => {
      const [sample, index] = name.split(" ").map(Number);
      return lastUse[sample][index] > level + 1;
    });
    const next = new Map<string, number>();
    sorted.forEach(({ sample, index }, at) => {
      next.set(key(sample, index), at);
      places[sample][index] = { level, row: at };
    });
    kept.forEach(([name], i) => next.set(name, sorted.length + i));
    alive = next;
    return {
      rows: Int32Array.from([...firsts, ...seconds, ...kept.map(([, at]) => at)]),
      unary: unary.map(({ token }) => token),
      binary: binary.map(({ token }) => token),
      samples: sorted.map(({ sample }) => sample),
      carried: kept.length,
    };
  });
  const answers = Int32Array.from(programs, (tree, sample) => alive.get(key(sample, tree.length - 1))!);
  return { levels, answers, places };
}
