/** The proof that iterating reasons: accuracy on the hop scenes by distance and by number of reasoning updates (papers/hop-scenes.md#posteriors-by-links). */
import { meanAndSpread } from "./comparison.ts";
import type { Member, MemberResults } from "./experiment.ts";
import type { Longer } from "./hops_longer.ts";
import type { Results } from "../evaluation/results.ts";
import type { Json } from "../../run/layers.ts";
import type { Table } from "../../run/report/page.ts";

/** Settings of every run: links end where the boxes show it, and there are no class edges to go another way by. */
export const HOP_SETTINGS: Json = {
  dataset: { dataset: "hops" },
  steps: 7000,
  optimiser: { rate: 0.0004, decaySteps: [5500] },
  model: { reasoning: { iterations: 5, graph: { classEdges: [], reach: 24, carryRegions: true } } },
};

/** A rougher answer: fewer steps and two updates. */
export const HOP_QUICK: Json = {
  steps: 3000,
  optimiser: { decaySteps: [2400] },
  model: { reasoning: { iterations: 3 } },
};

const graph = (layers: number, others: Json = {}): Json => ({ reasoning: { graph: { layers, ...others as object } } });

/** The models of the table; those of `--quick` come first. */
const MODELS: readonly { readonly name: string; readonly model: Json }[] = [
  { name: "baseline", model: { name: "baseline" } },
  { name: "global", model: { name: "global", ...graph(1) as object } },
  { name: "local", model: { name: "local" } },
  { name: "final", model: { name: "final", ...graph(1) as object } },
  { name: "global, 3 layers", model: { name: "global", ...graph(3) as object } },
  { name: "final, 3 layers", model: { name: "final", ...graph(3) as object } },
];

/** Models that `--quick` trains. */
const QUICK_MODELS = 2;

/** The whole model without one of its parts, and with other numbers of updates: what the scenes can say of each. */
const PARTS: readonly { readonly name: string; readonly model: Json }[] = [
  { name: "global, not carried", model: { name: "global", ...graph(1, { carryRegions: false }) as object } },
  { name: "final, not carried", model: { name: "final", ...graph(1, { carryRegions: false }) as object } },
  ...([
    ["no cross-feed", { crossFeed: false }],
    ["no attention", { attention: false }],
    ["no re-weighting", { loss: { reweight: false } }],
    ["gradient through feedback", { stop: { feedback: { memory: true, graph: false } } }],
    ["1 update", { iterations: 2 }],
    ["2 updates", { iterations: 3 }],
    ["3 updates", { iterations: 4 }],
  ] as const).map(([name, reasoning]) => ({
    name: `final, ${name}`,
    model: { name: "final", reasoning: { graph: { layers: 1 }, ...reasoning } },
  })),
];

/** Runs of the table from each seed; `quick` trains the first models alone, `all` what says something of each part too. */
export function hopMembers(seeds: readonly number[], { quick = false, all = false } = {}): Member[] {
  const models = quick ? MODELS.slice(0, QUICK_MODELS) : all ? [...MODELS, ...PARTS] : MODELS;
  return seeds.flatMap((seed) =>
    models.map(({ name, model }): Member => ({
      folder: `${name.replaceAll(/[ ,]+/g, "-")}${seeds.length > 1 ? `-seed${seed}` : ""}`,
      name,
      settings: seeds.length > 1 ? { seed, model } : { model },
    }))
  );
}

/** A prediction's accuracy at each distance. */
interface Row {
  /** Part of the model that predicted: `image`, `local`, `global`. */
  readonly source: string;
  /** Reasoning updates before it, 0 for the ConvNet's. */
  readonly updates: number;
  readonly accuracy: readonly number[];
}

/** A run's predictions in their order, without the one that is weighed together. */
function predictionsOf({ rows, contextDistances }: Results): Row[] {
  // A model of one prediction has no other rows than its answer.
  const alone = rows.every(({ kind }) => kind !== "prediction");
  return rows.flatMap(({ name, kind }, index) => {
    const part = kind === "answer" && alone
      ? ["", "image"]
      : name.slice(name.lastIndexOf(": ") + 2).match(/^(image|local|global)(?: (\d+))?$/);
    if (kind === "exact" || !part) return [];
    return [{
      source: part[1],
      updates: Number(part[2] ?? 0),
      accuracy: contextDistances.map(({ accuracy }) => accuracy[index]),
    }];
  });
}

/** Accuracy by distance of the posterior that counts looks at most so many links away, [hops][distance]. */
function posteriorsOf({ rows, contextDistances }: Results): number[][] {
  return [...rows.keys()].filter((index) => rows[index].kind === "exact")
    .map((index) => contextDistances.map(({ accuracy }) => accuracy[index]));
}

/** Figures of a row of the tables by distance, for each seed. */
type Figures = readonly (readonly number[])[];

function shown(figures: Figures, distance: number): string | number {
  const { mean, spread } = meanAndSpread(figures.map((row) => row[distance]));
  return figures.length > 1 && Number.isFinite(spread) ? `${mean.toFixed(3)} ± ${spread.toFixed(3)}` : mean;
}

/**
 * Accuracy of every prediction by the object's distance in links, and the share of the way that its model has gone from the
 * baseline to the posterior that knows as many links as there were updates: (accuracy − baseline) / (posterior − baseline), on
 * the same objects, at the distances that these updates can reach.
 */
export function hopTables(done: readonly MemberResults[]): Table[] {
  const [first] = done, distances = first.results.contextDistances;
  const heads = distances.map(({ name, instances }) => `${name} (${instances})`);
  const accuracy: Table["rows"][number][] = [], shares: Table["rows"][number][] = [];
  const posteriors = posteriorsOf(first.results);
  for (const name of new Set(done.map((member) => member.name))) {
    const members = done.filter((member) => member.name === name);
    predictionsOf(members[0].results).forEach(({ source, updates }, index) => {
      const figures = members.map(({ results }) => predictionsOf(results)[index].accuracy);
      const label = updates === 0 ? "image" : `${source}, ${updates} update${updates > 1 ? "s" : ""}`;
      accuracy.push([name, label, ...distances.map((_, d) => shown(figures, d))]);
      if (updates === 0) return;
      const ways = members.map((member, m) => {
        const baseline = baselineOf(done, member);
        const target = posteriors[Math.min(updates * layersOf(member, source), posteriors.length - 1)];
        return figures[m].map((value, d) => (value - baseline[d]) / (target[d] - baseline[d]));
      });
      const reach = Math.min(updates * layersOf(members[0], source), distances.length - 1);
      shares.push([name, label, ...distances.map((_, d) => d >= 1 && d <= reach ? shown(ways, d) : "")]);
    });
  }
  posteriors.forEach((row, hops) => accuracy.push(["exact posterior", `looks up to ${hops} links away`, ...row]));
  return [
    {
      title: "Accuracy by links to what decides an object's class",
      columns: ["model", "prediction", ...heads],
      rows: accuracy,
    },
    {
      title: "Share of the way from the baseline to the posterior of as many links",
      columns: ["model", "prediction", ...heads],
      rows: shares,
    },
  ];
}

/** Accuracy by distance on longer chains, of a run that was trained on shorter ones by fewer updates. */
export function longerTable(member: Member, { chain, updates, trained, results }: Longer): Table {
  const [{ columns, rows }] = hopTables([{ ...member, results }]);
  return {
    title: `${member.name} on chains of ${chain} objects, ${updates} updates (trained on ${
      chain - updates + trained
    }, ${trained})`,
    columns,
    rows,
  };
}

/** Links that one update can reach: a propagation layer reaches one; the memory is judged by the same. */
function layersOf({ settings }: Member, source: string): number {
  const layers = (settings as { model?: { reasoning?: { graph?: { layers?: number } } } }).model?.reasoning?.graph
    ?.layers;
  return source === "global" ? layers ?? 1 : 1;
}

/** Accuracy by distance of the baseline of the same seed; of the member's own ConvNet where no baseline was trained. */
function baselineOf(done: readonly MemberResults[], member: MemberResults): readonly number[] {
  const seed = (m: Member): unknown => (m.settings as { seed?: number }).seed;
  const baseline = done.find((other) => other.name === "baseline" && seed(other) === seed(member)) ?? member;
  const [{ accuracy }] = predictionsOf(baseline.results);
  return accuracy;
}
