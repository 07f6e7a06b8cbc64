/** Every kind of work that is killed: the commands that begin it and go on with it, on data so small that it takes seconds. */
import { join } from "node:path";
import { refPlusFiles } from "../../datasets/refplus/files/layout.ts";
import { spawned } from "../support/command.ts";
import { writeTinyCoco } from "../support/files/tiny_coco.ts";
import { randomFor } from "../support/random.ts";
import { writeToy } from "../support/refplus/toy_refplus.ts";

/** Work that can be killed. */
export interface Work {
  readonly name: string;
  /** Arguments of `itera`, or of a script of its own, that begin it; what it writes lies under `out`. */
  readonly begin: readonly string[];
  /** Arguments that go on with it once `begun` is there; by default those that begin it. */
  readonly goOn?: { readonly begun: string; readonly args: readonly string[] };
  /** A script to run instead of `itera`. */
  readonly script?: string;
  /** Paths removed before each life: what is kept from one run for the next. */
  readonly forget?: readonly string[];
}

/** Settings of runs on region data, and on the toy task of referring expressions. */
const REGIONS = { image: { shortSide: 40, longSide: 64 }, steps: 8, displayEvery: 2, checkpointEvery: 2 };
const REFPLUS = {
  generator: { wordDim: 6, hidden: 8, layers: 1 },
  engine: { dim: 4, headWidth: 32, headChunk: 3 },
  ...{ batch: 5, steps: 8, displayEvery: 2, validateEvery: 3, checkpointEvery: 2 },
};
const EXTRACTOR = {
  ...{ steps: 8, batch: 2, displayEvery: 2, checkpointEvery: 2, image: { height: 32, width: 32 } },
  network: { widths: [8, 8], channels: 8, layers: 2, detail: 1 },
};

/** Makes data under `folder` and lists what writes files of referring expressions, below `out`. */
export async function writers(folder: string, out: string): Promise<Work[]> {
  const set = (out: string): string[] => ["refplus", "generate", "--split", "val", "--out", out, "--false-premise"];
  const generated = ["--images", "5", "--refexps-per-image", "2", "--max-objects", "4"];
  await ready([...set(join(folder, "set")), ...generated]);
  const { images, scenes, refexps } = refPlusFiles(join(folder, "set"), "val");
  return [
    {
      name: "features",
      begin: [
        ...["refplus", "features", "--input_image_dir", images, "--output_h5_file", join(out, "features.h5")],
        ...["--model", "pixels", "--image_height", "32", "--image_width", "48", "--cell", "4", "--batch_size", "1"],
      ],
    },
    {
      name: "preprocess",
      begin: [scenes, refexps, join(out, "refexps.h5"), join(out, "vocabulary.json")],
      script: "tests/kills/preprocess.ts",
    },
    { name: "generate", begin: [...set(join(out, "set")), ...generated] },
  ];
}

/** Makes data under `folder`, where {@link writers} made some already, and lists every kind of training, below `out`. */
export async function trainings(folder: string, out: string): Promise<Work[]> {
  const at = (...parts: string[]): string => join(folder, ...parts);
  await writeTinyCoco(at("coco"));
  const [files, val] = [
    await writeToy(folder, "train", 17, randomFor("kills", 1)),
    await writeToy(folder, "val", 6, randomFor("kills", 2)),
  ];
  const settings = async (name: string, value: unknown): Promise<string[]> => {
    await Deno.writeTextFile(at(`${name}.json`), JSON.stringify(value));
    return ["--config", at(`${name}.json`)];
  };
  const regions = await settings("regions", { ...REGIONS, dataset: { dataset: "coco", data: at("coco") } });
  const refplus = await settings("refplus", {
    ...REFPLUS,
    data: {
      trainRefexps: files.refexps,
      trainFeatures: files.features,
      valRefexps: val.refexps,
      valFeatures: val.features,
      vocabulary: files.vocabulary,
    },
  });
  const work = (name: string, command: readonly string[], more: readonly string[], begun = "config.json"): Work => ({
    name,
    begin: [...command, "--runs", out, "--name", "run", ...more],
    goOn: {
      begun: join("run", begun),
      args: [command[0] === "ablate" ? "ablate" : "train", "--resume", "--runs", out, "--name", "run"],
    },
  });
  const starts = ["--runs", at("starts"), ...refplus];
  await ready(["refplus", "train", "--stage", "pg", "--name", "pg", ...starts]);
  await ready(["refplus", "train", "--stage", "ee-gt", "--name", "ee", ...starts]);
  const words = ["--program_generator_start_from", at("starts", "pg")];
  const both = [...words, "--execution_engine_start_from", at("starts", "ee")];
  const stage = (name: string, more: readonly string[] = []): Work =>
    work(`refplus ${name}`, ["refplus", "train", "--stage", name], [...refplus, ...more]);
  const { images, scenes } = refPlusFiles(at("set"), "val");
  const short = [...regions, "--set", "steps=4"];
  return [
    ...["baseline", "local", "global", "final"].map((model): Work => ({
      ...work(`region classifier, ${model}`, ["train", "--model", model], regions),
      // Reading the data set writes what was read beside it.
      forget: [at("coco", ".itera")],
    })),
    stage("pg"),
    stage("ee-gt"),
    stage("ee-pred", words),
    stage("joint", both),
    work("extractor", ["refplus", "extractor"], [
      ...["--input_image_dir", images, "--input_scenes_json", scenes],
      ...await settings("extractor", EXTRACTOR),
    ]),
    work("comparison", ["train", "--model", "baseline", "local"], short, "experiment.json"),
    work("ablations", ["ablate", "--only", "baseline", "--only", "no-memory"], short, "experiment.json"),
  ];
}

async function ready(args: readonly string[]): Promise<void> {
  const { code, err } = await spawned(...args);
  if (code !== 0) throw new Error(`itera ${args.join(" ")}: ${err}`);
}
