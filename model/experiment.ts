/** Several runs that differ in named settings, trained one after the other and compared in one table. */
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../datasets/errors.ts";
import { type ClueRow } from "./clues.ts";
import { readResults, type ResultRow, type Results } from "./results.ts";
import { writeJsonAtomic } from "./run/atomic.ts";
import { fileLayer, type Json, type Layer, merge } from "./run/layers.ts";
import { makeFolder, RunFolder } from "./run/run_folder.ts";
import { type TrainHooks, trainModel } from "./trainer.ts";

const schema = z.strictObject({
  title: z.string(),
  /** Runs in the order they are trained: folder name, row name, settings over the defaults. */
  members: z.array(z.strictObject({
    folder: z.string().regex(/^[\w.-]+$/),
    name: z.string(),
    settings: z.record(z.string(), z.json()),
  })).min(1),
});

/** One run of an experiment. */
export interface Member {
  /** Folder name inside the experiment's. */
  readonly folder: string;
  /** What its row is called; runs of one name differ in their seed and are averaged. */
  readonly name: string;
  readonly settings: { readonly [key: string]: Json };
}

/** A finished member. */
export interface MemberResults extends Member {
  readonly results: Results;
}

const FILE = "experiment.json";

/** An experiment's folder: `experiment.json`, and a run's folder for each member. */
export class Experiment {
  readonly path: string;
  readonly title: string;
  readonly members: readonly Member[];

  private constructor(path: string, title: string, members: readonly Member[]) {
    this.path = path;
    this.title = title;
    this.members = members;
  }

  /** Begins an experiment: every member has the settings of `layers` under its own. Throws {@link UserError}. */
  static async create(
    path: string,
    title: string,
    members: readonly Member[],
    layers: readonly Layer[],
  ): Promise<Experiment> {
    if (await Deno.stat(path).then(() => true, () => false)) {
      throw new UserError(`${path}: is there already; go on with it by --resume, or choose another --name`);
    }
    const under = layers.reduce<Json>((value, layer) => merge(value, layer.value), {});
    const settled = members.map((m) => ({ ...m, settings: merge(under, m.settings) as Member["settings"] }));
    // A mistake in the settings is better found before the first of several trainings than before the last.
    for (const { settings } of settled) RunFolder.check([...layers, { source: "experiment", value: settings }]);
    makeFolder(path);
    await writeJsonAtomic(join(path, FILE), { title, members: settled });
    return new Experiment(path, title, settled);
  }

  /** Opens one to go on with. */
  static open(path: string): Experiment {
    const parsed = schema.safeParse(fileLayer(join(path, FILE)).value);
    if (!parsed.success) throw new UserError(`${join(path, FILE)}: ${parsed.error.issues[0].message}`);
    return new Experiment(path, parsed.data.title, parsed.data.members as readonly Member[]);
  }

  /** Whether a folder is an experiment's. */
  static is(path: string): boolean {
    try {
      return Deno.statSync(join(path, FILE)).isFile;
    } catch {
      return false;
    }
  }

  /** Trains what is not yet trained, in order. `onMember` is told which run begins. */
  async run(hooks: TrainHooks, onMember: (member: Member, index: number) => void): Promise<MemberResults[]> {
    const done: MemberResults[] = [];
    for (const [index, member] of this.members.entries()) {
      const path = join(this.path, member.folder);
      const file = join(path, "results.json");
      if (!exists(file)) {
        onMember(member, index);
        const layers = [{ source: join(this.path, FILE), value: member.settings }];
        using folder = exists(join(path, "config.json"))
          ? await RunFolder.resume(path)
          : await RunFolder.create(path, layers);
        await trainModel(folder, hooks).catch(async (error: unknown) => {
          await folder.discardIfUnused();
          throw error;
        });
      }
      done.push({ ...member, results: readResults(file) });
    }
    return done;
  }
}

/** Mean and spread (sample standard deviation, 0 for one) of numbers. */
export function meanAndSpread(values: readonly number[]): { readonly mean: number; readonly spread: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, spread: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** A row of the comparison: figures averaged over the seeds of one name. */
export interface ComparedRow {
  readonly name: string;
  readonly kind: ResultRow["kind"];
  /** The four metrics, means over seeds. */
  readonly mean: readonly number[];
  /** Their spreads. */
  readonly spread: readonly number[];
  /** Accuracy in each range of clue distances, means over seeds; empty where it is not known. */
  readonly clues: readonly number[];
}

/** The comparison of an experiment. */
export interface Comparison {
  readonly split: string;
  readonly images: number;
  /** Runs averaged in each row. */
  readonly seeds: number;
  /** Members' rows in order, then the exact posteriors once. */
  readonly rows: readonly ComparedRow[];
  /** Ranges of clue distances with their instances. */
  readonly clues: readonly Pick<ClueRow, "name" | "instances">[];
}

/** Averages the members of each name. */
export function compare(members: readonly MemberResults[]): Comparison {
  const names = [...new Set(members.map(({ name }) => name))];
  const of = (name: string): Results[] => members.filter((m) => m.name === name).map(({ results }) => results);
  const average = (results: readonly Results[], index: number, name: string): ComparedRow => {
    const figures = results.map(({ rows }) => fourOf(rows[index]));
    const stats = figures[0].map((_, k) => meanAndSpread(figures.map((four) => four[k])));
    return {
      name,
      kind: results[0].rows[index].kind,
      mean: stats.map((s) => s.mean),
      spread: stats.map((s) => s.spread),
      clues: results[0].clues.map((_, c) => meanAndSpread(results.map((r) => r.clues[c].accuracy[index])).mean),
    };
  };
  const own = names.flatMap((name) => {
    const results = of(name);
    return results[0].rows.flatMap((row, index) =>
      row.kind === "exact" ? [] : [average(results, index, row.kind === "answer" ? name : `${name}: ${part(row.name)}`)]
    );
  });
  const { split, images, rows, clues } = members[0].results;
  const exact = rows.flatMap((row, index) =>
    row.kind === "exact" ? [average([members[0].results], index, row.name)] : []
  );
  return {
    split,
    images,
    seeds: of(names[0]).length,
    rows: [...own, ...exact],
    clues: clues.map(({ name, instances }) => ({ name, instances })),
  };
}

const part = (name: string): string => name.slice(name.indexOf(": ") + 2);

function fourOf({ perInstance, perClass }: ResultRow): number[] {
  return [perInstance.ap, perInstance.ac, perClass.ap, perClass.ac];
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
