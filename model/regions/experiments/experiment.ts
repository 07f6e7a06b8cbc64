/** Several runs that differ in named settings, trained one after the other and compared in one table. */
import { join } from "node:path";
import { z } from "../../../engine/base/packages/zod.ts";
import { firstRepeated } from "../../../engine/base/repeated.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { readResults, type Results } from "../evaluation/results.ts";
import { removeAbandoned, writeJsonAtomic } from "../../../engine/base/atomic.ts";
import { fileLayer, fromHere, type Json, type Layer, merge } from "../../run/layers.ts";
import { isEmpty, makeFolder, RunFolder } from "../../run/run_folder.ts";
import { exists, EXPERIMENT_FILE } from "../../run/run_names.ts";
import type { TrainHooks } from "../../run/hooks.ts";
import { newConfig, REGION_RUNS } from "../config.ts";
import { trainModel } from "../trainer.ts";

/** Files of an experiment's folder, beside its runs' folders. */
const OWN_FILES: readonly string[] = [EXPERIMENT_FILE, "report.html", "comparison.json"];

const schema = z.strictObject({
  title: z.string(),
  /** Runs in the order they are trained: folder name, row name, settings over the defaults. */
  members: z.array(z.strictObject({
    folder: z.string().regex(/^(?!\.\.?$)[\w.-]+$/, "a folder is named by letters, digits, points and dashes")
      .refine((name) => !OWN_FILES.includes(name), "is the name of a file of the experiment"),
    name: z.string(),
    settings: z.record(z.string(), z.json()),
  })).min(1),
});

/** One run of an experiment. */
export interface Member {
  /** Folder name inside the experiment's. */
  readonly folder: string;
  /** Name of its row; runs of one name differ in their seed and are averaged. */
  readonly name: string;
  readonly settings: { readonly [key: string]: Json };
}

/** A finished member. */
export interface MemberResults extends Member {
  readonly results: Results;
}

const FILE = EXPERIMENT_FILE;

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

  /**
   * Begins an experiment in a new or empty folder: every member has the settings of `layers` under its own. Throws
   * {@link UserError}.
   */
  static async create(
    path: string,
    title: string,
    members: readonly Member[],
    layers: readonly Layer[],
  ): Promise<Experiment> {
    const there = await Deno.stat(path).catch(() => null);
    // One that was killed in its first moment left half of its first file.
    if (there?.isDirectory) await removeAbandoned(path);
    if (there && !(there.isDirectory && isEmpty(path))) {
      throw new UserError(`${path}: is there already; go on with it by --resume, or choose another --name`);
    }
    const under = fromHere(layers, REGION_RUNS.paths).reduce<Json>((value, layer) => merge(value, layer.value), {});
    const settled = members.map((m) => ({ ...m, settings: merge(under, m.settings) as Member["settings"] }));
    // A mistake in the settings is better found before the first of several trainings than before the last.
    for (const { settings } of settled) newConfig([...layers, { source: "experiment", value: settings }]);
    makeFolder(path);
    await writeJsonAtomic(join(path, FILE), { title, members: settled });
    return new Experiment(path, title, settled);
  }

  /** Opens one to go on with. */
  static open(path: string): Experiment {
    const parsed = schema.safeParse(fileLayer(join(path, FILE)).value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new UserError(`${join(path, FILE)}: ${issue.path.join(".") || "the file"}: ${issue.message}`);
    }
    const twice = firstRepeated(parsed.data.members.map(({ folder }) => folder));
    if (twice !== undefined) throw new UserError(`${join(path, FILE)}: members: the folder ${twice} is there twice`);
    return new Experiment(path, parsed.data.title, parsed.data.members as readonly Member[]);
  }

  /** True where a folder is an experiment's. */
  static is(path: string): boolean {
    try {
      return Deno.statSync(join(path, FILE)).isFile;
    } catch {
      return false;
    }
  }

  /** Removes the folder again while no run is in it: a data set that is not there should not use up its name. */
  #discardIfUnused(): void {
    const inside = [...Deno.readDirSync(this.path)].map(({ name }) => name);
    if (inside.every((name) => name === FILE)) Deno.removeSync(this.path, { recursive: true });
  }

  /** Trains what is not yet trained, in order. `onMember` is called as each run begins. */
  async run(hooks: TrainHooks, onMember: (member: Member, index: number) => void): Promise<MemberResults[]> {
    const done: MemberResults[] = [];
    await removeAbandoned(this.path);
    for (const [index, member] of this.members.entries()) {
      const path = join(this.path, member.folder);
      const file = join(path, "results.json");
      // Earlier versions wrote the report after the results, so that a kill could leave it out.
      if (!exists(file) || !exists(join(path, "report.html"))) {
        onMember(member, index);
        const layers = [{ source: join(this.path, FILE), value: member.settings }];
        using folder = exists(join(path, "config.json"))
          ? await RunFolder.resume(path, [], REGION_RUNS)
          : await RunFolder.create(path, layers, REGION_RUNS);
        await trainModel(folder, hooks).catch(async (error: unknown) => {
          if (await folder.discardIfUnused()) this.#discardIfUnused();
          throw error;
        });
      }
      done.push({ ...member, results: readResults(file) });
    }
    return done;
  }
}
