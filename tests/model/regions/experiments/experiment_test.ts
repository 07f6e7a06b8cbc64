/** An experiment's folder: begun where there is none, also after a kill in its first moment. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Experiment } from "../../../../model/regions/experiments/experiment.ts";
import { withFolder } from "../../../support/folder.ts";

const MEMBERS = [{ folder: "baseline", name: "baseline", settings: {} }];

const create = (path: string): Promise<Experiment> => Experiment.create(path, "test", MEMBERS, []);

Deno.test("an experiment begins again after a kill in its first moment, and never over what is there", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run");
    await Deno.mkdir(path);
    // No process has this number: systems end theirs at 4,194,304.
    await Deno.writeTextFile(join(path, ".experiment.json.4194305.partial"), "{");
    strictEqual((await create(path)).path, path);
    deepStrictEqual([...Deno.readDirSync(path)].map(({ name }) => name), ["experiment.json"]);
    await rejects(create(path), /run: is there already; go on with it by --resume/);

    const busy = join(folder, "busy"), file = join(folder, "file");
    await Deno.mkdir(busy);
    await Deno.writeTextFile(join(busy, `.experiment.json.${Deno.pid}.partial`), "{");
    await rejects(create(busy), /busy: is there already/);
    await Deno.writeTextFile(file, "");
    await rejects(create(file), /file: is there already/);
  }));
