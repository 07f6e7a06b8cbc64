/** Readers of what runs write: checkpoints, folders, logs, settings, results, scores, tilings. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { EngineError } from "../../../engine/base/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../engine/safetensors.ts";
import "../../../engine/mod.ts";
import { readTuning } from "../../../engine/tuning/known.ts";
import { SHIPPED } from "../../../engine/tuning/shipped.ts";
import { formatTuning } from "../../../engine/tuning/file.ts";
import { RUN_KINDS } from "../../../model/kinds.ts";
import { readResults, resultsTable } from "../../../model/regions/evaluation/results.ts";
import { readScores } from "../../../model/regions/evaluation/scores_file.ts";
import { Experiment } from "../../../model/regions/experiments/experiment.ts";
import { newConfig, REGION_RUNS } from "../../../model/regions/config.ts";
import { readRunCheckpoint, startOf } from "../../../model/run/checkpoint.ts";
import { kindOf } from "../../../model/run/kind.ts";
import { fileLayer } from "../../../model/run/layers.ts";
import { MetricsLog } from "../../../model/run/logs/metrics_log.ts";
import { BINARY } from "../mutate/bytes.ts";
import { JSON_LINES, JSON_MUTATORS } from "../mutate/json.ts";
import { type Bytes, textOf } from "../mutate/mutator.ts";
import { CHECKED_SAFETENSORS } from "../mutate/safetensors.ts";
import { independentJson, strictText } from "../oracles/json.ts";
import { slowSafetensors } from "../oracles/safetensors.ts";
import type { Files, FuzzReader } from "../reader.ts";
import { fixture, json } from "./samples.ts";

const RUNS = fileURLToPath(new URL("../../fixtures/runs-0.2/", import.meta.url));
const NEWEST: Readonly<Record<string, string>> = {
  regions: "step_00000004.safetensors",
  generator: "step_00000003.safetensors",
  cells: "step_00000003.safetensors",
};

/** A checkpoint of a fixture, its tensors left small, as a run of today writes it. */
function checkpoint(run: string): Bytes {
  const { tensors, metadata } = decodeSafetensors(fixture(join(RUNS, run, "checkpoints", NEWEST[run])));
  const small = [...tensors].filter(([, { data }]) => data.length < 400);
  return encodeSafetensors(small, metadata, { checksum: true });
}

async function readCheckpoint(path: string): Promise<unknown> {
  const read = await readRunCheckpoint(path, RUN_KINDS), kind = kindOf(read.config, RUN_KINDS)!;
  const { bytes: _, path: __, ...checked } = read;
  kind.check(read);
  return { ...checked, start: startOf(read), lines: kind.describe(read) };
}

/** The complaint about a number that is not finite, or that differs from the slow reader's. */
function otherNumbers(value: unknown, bytes: Uint8Array): string | null {
  const { tensors } = value as { tensors: ReadonlyMap<string, { shape: readonly number[]; data: ArrayLike<number> }> };
  const slow = slowSafetensors(bytes);
  if (!slow) return "read what must be refused";
  for (const [name, { shape, data }] of tensors) {
    const numbers = Array.from(data, (v) => Math.fround(Number(v)));
    if (!isDeepStrictEqual([[...shape], numbers], slow.get(name))) return `"${name}": other numbers`;
    if (!numbers.every(Number.isFinite)) return `"${name}": a number that is not finite`;
  }
  return null;
}

const scores = (): Bytes =>
  encodeSafetensors([
    ["labels", { dtype: "I32", shape: [3], data: Int32Array.of(1, 2, 1) }],
    ["probabilities.image", {
      dtype: "F32",
      shape: [3, 3],
      data: Float32Array.of(0, 0.5, 0.5, 0, 0.25, 0.75, 0, 1, 0),
    }],
  ], {
    model: "baseline",
    split: "coco val",
    images: "2",
    classes: JSON.stringify(["__background__", "cat", "dog"]),
    outputs: JSON.stringify(["image"]),
  }, { checksum: true });

const FIGURES = { ap: 0.5, ac: 0.25, sc: null };
const results = {
  split: "coco val",
  images: 2,
  instances: 3,
  rows: [{ name: "baseline", kind: "answer", perInstance: FIGURES, perClass: FIGURES }],
  classes: [{ name: "cat", instances: 2, ap: 0.5, ac: 0.5, sc: 0.5 }],
  contextDistances: [],
};

/** A file of one JSON value, refused where `JSON.parse` or a key that is twice says so. */
function settings(name: string, file: string, sample: () => unknown, read: (path: string) => unknown): FuzzReader {
  return {
    name,
    samples: () => [{ [file]: json(sample()) }],
    mutators: () => JSON_MUTATORS,
    read: (folder) => read(join(folder, file)),
    check: (_, files) => {
      const text = strictText(files[file]);
      return text !== undefined && independentJson(text) !== undefined ? null : "read what JSON.parse refuses";
    },
  };
}

/** The readers. */
export const RUN_FILES: readonly FuzzReader[] = [
  ...([["checkpoints, bytes alone", true], ["checkpoints", false]] as const).map((
    [name, onlyOriginal],
  ): FuzzReader => ({
    name,
    samples: () =>
      (onlyOriginal ? ["regions"] : Object.keys(NEWEST)).map((run) => ({ "a.safetensors": checkpoint(run) })),
    mutators: () => onlyOriginal ? BINARY : CHECKED_SAFETENSORS,
    read: (folder) => readCheckpoint(join(folder, "a.safetensors")),
    check: (value, files) => otherNumbers(value, files["a.safetensors"]),
    onlyOriginal,
  })),
  {
    name: "run folders",
    samples: () => {
      const whole = checkpoint("regions");
      const config = fixture(join(RUNS, "regions/config.json"));
      const [older, newer] = ["step_00000002", "step_00000004"].map((step) => `run/checkpoints/${step}.safetensors`);
      return [{ "run/config.json": config, [older]: whole, [newer]: whole } as Files];
    },
    mutators: (file) => file.endsWith(".json") ? JSON_MUTATORS : BINARY,
    read: (folder) => readCheckpoint(join(folder, "run")),
    onlyOriginal: true,
  },
  ...([["scores, bytes alone", true], ["scores", false]] as const).map(([name, onlyOriginal]): FuzzReader => ({
    name,
    samples: () => [{ "scores.safetensors": scores() }],
    // Whoever writes the header anew may leave the checksum out: such a file is read as those of before there was one.
    mutators: () => onlyOriginal ? BINARY : CHECKED_SAFETENSORS,
    read: (folder) => readScores(join(folder, "scores.safetensors")),
    check: (value) => {
      const { scores: { labels, outputs, classes }, set } = value as Awaited<ReturnType<typeof readScores>>;
      if (set.classes.length !== classes || labels.some((label) => label < 0 || label >= classes)) {
        return "other classes";
      }
      return outputs.every(({ probabilities }) =>
          probabilities.length === labels.length * classes && probabilities.every(Number.isFinite)
        )
        ? null
        : "other scores";
    },
    onlyOriginal,
  })),
  {
    name: "metrics",
    samples: () => [{ "metrics.jsonl": fixture(join(RUNS, "regions/metrics.jsonl")) }],
    mutators: () => JSON_LINES,
    read: (folder) => {
      const path = join(folder, "metrics.jsonl"), records = MetricsLog.read(path);
      using log = MetricsLog.open(path, 3);
      return { records, state: log.state, kept: MetricsLog.read(path) };
    },
    check: (value, files) => {
      const { records, kept } = value as { records: { step: number }[]; kept: unknown[] };
      const text = textOf(files["metrics.jsonl"]),
        whole = text.slice(0, text.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
      const slow = whole.map((line) => independentJson(line));
      if (!isDeepStrictEqual(records, slow)) return "other records than JSON.parse gives";
      const beyond = records.findIndex(({ step }) => step > 3);
      return isDeepStrictEqual(kept, beyond < 0 ? records : records.slice(0, beyond)) ? null : "keeps other records";
    },
  },
  settings(
    "settings",
    "config.json",
    () => newConfig([{ source: "sample", value: { model: { name: "baseline" } } }]),
    (path) => {
      const layer = fileLayer(path);
      return { begun: newConfig([layer]), resumed: REGION_RUNS.resume(layer, []) };
    },
  ),
  ...(["generator", "cells"] as const).map((run) =>
    settings(
      `settings of ${run}`,
      "config.json",
      () => JSON.parse(textOf(fixture(join(RUNS, run, "config.json")))),
      (path) => {
        const layer = fileLayer(path), kind = kindOf(layer.value, RUN_KINDS);
        return kind ? kind.resume(layer, []) : null;
      },
    )
  ),
  {
    ...settings("experiments", "experiment.json", () => ({
      title: "two seeds",
      members: [
        { folder: "baseline-1", name: "baseline", settings: { seed: 1, steps: 5 } },
        { folder: "baseline-2", name: "baseline", settings: { seed: 2, steps: 5, model: { name: "baseline" } } },
      ],
    }), (path) => {
      const { title, members } = Experiment.open(path.replace(/\/experiment\.json$/, ""));
      return { title, members };
    }),
  },
  settings("results", "results.json", () => results, (path) => {
    const read = readResults(path);
    return { read, table: resultsTable(read) };
  }),
  {
    name: "tilings",
    samples: () => [{
      "tuning.json": new TextEncoder().encode(formatTuning({
        winners: SHIPPED.slice(0, 4),
        refused: [{ adapter: "a | b | c | cpu", driver: "1", kernel: "a.wgsl:b", sample: "b [3]", fault: "off" }],
      })),
    }],
    mutators: () => JSON_MUTATORS,
    read: (folder) => readTuning(join(folder, "tuning.json")),
    check: (value, files) => {
      // No file at all is no fault.
      if (!files["tuning.json"]) {
        return isDeepStrictEqual(value, { winners: [], refused: [] }) ? null : "winners of nothing";
      }
      const text = textOf(files["tuning.json"]);
      return independentJson(text) === undefined ? "read what JSON.parse refuses" : null;
    },
    typed: (error, folder) => error instanceof EngineError && error.message.includes(folder),
  },
];
