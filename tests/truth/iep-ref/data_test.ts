/** Programs, visibility and preprocessing against the authors' on random sets (golden/scenes.json and others, make/data.py). */
import { join } from "node:path";
import { execute } from "../../../datasets/refplus/language/execute.ts";
import { preprocessRefexps } from "../../../datasets/refplus/encoding/preprocess.ts";
import type { ProgramMode } from "../../../datasets/refplus/encoding/programs.ts";
import { RefexpFile } from "../../../datasets/refplus/files/refexp_file.ts";
import type { Vocabulary } from "../../../datasets/refplus/encoding/tokens.ts";
import type { ProgramNode, Scene } from "../../../datasets/refplus/files/types.ts";
import { visibilityOf } from "../../../datasets/refplus/scenes/visibility.ts";
import { withFolder } from "../../support/folder.ts";
import { golden } from "./golden.ts";
import { Comparison } from "./comparison.ts";

/** A node in the golden files. */
type GoldenNode = readonly [type: string, inputs: number[], values: string[]];

/** Outputs of the authors' executor; null where a node is invalid. */
interface ExecutorGolden {
  /** Fully and partially visible objects of each scene; null where that is unclear. */
  readonly visibility: readonly (readonly [full: number[], partial: number[]] | null)[];
  readonly programs:
    readonly (readonly [scene: number, program: GoldenNode[], outputs: (number | number[])[] | null])[];
}

/** Output of the authors' preprocessing. */
interface PreprocessGolden {
  readonly rows:
    readonly (readonly [text: string, image: number, program: GoldenNode[], output: number[], family: number])[];
  readonly runs: readonly {
    readonly name: string;
    readonly mode: ProgramMode;
    readonly size: number;
    readonly threshold: number;
    readonly vocab: Vocabulary;
    readonly refexps: number[][];
    readonly programs: number[][];
    readonly image_idxs: number[];
    readonly orig_idxs: number[];
    readonly refexp_families: number[];
    /** Starts of the digests of masks as bytes of 0 and 1. */
    readonly masks: string[];
  }[];
}

const scenes = golden<Scene[]>("scenes.json");
const nodes = (program: readonly GoldenNode[]): ProgramNode[] =>
  program.map(([type, inputs, value_inputs]) => ({ type, inputs, value_inputs }));

Deno.test("programs and visibility have the outputs of the authors' executor, node by node", () => {
  const { visibility, programs } = golden<ExecutorGolden>("executor.json"), comparison = new Comparison();
  comparison.same("number of scenes", visibility.length, scenes.length);
  scenes.forEach((scene, i) => {
    const seen = visibilityOf(scene);
    comparison.same(`visibility of scene ${i}`, seen && [seen.full, seen.partial], visibility[i]);
  });
  programs.forEach(([scene, program, outputs], i) => {
    comparison.same(`program ${i} on scene ${scene}`, execute(scenes[scene], nodes(program)), outputs);
  });
  comparison.done();
});

Deno.test("preprocessing makes the authors' vocabulary, sequences and masks", async (t) => {
  const { rows, runs } = golden<PreprocessGolden>("preprocess.json");
  await withFolder(async (folder) => {
    const at = (name: string): string => join(folder, name);
    const refexps = rows.map(([refexp, image_index, program, output, refexp_family_index]) => ({
      refexp,
      image_index,
      image_filename: scenes[image_index].image_filename,
      program: nodes(program).map((node, k) => k === program.length - 1 ? { ...node, _output: output } : node),
      refexp_family_index,
    }));
    await Deno.writeTextFile(at("scenes.json"), JSON.stringify({ info: {}, scenes }));
    await Deno.writeTextFile(at("refexps.json"), JSON.stringify({ info: {}, refexps }));
    for (const run of runs) {
      await t.step(run.name, async () => {
        const output = at(`${run.name}.h5`), vocabulary = at(`${run.name}.json`);
        await preprocessRefexps({
          mode: run.mode,
          refexps: at("refexps.json"),
          scenes: at("scenes.json"),
          output,
          outputVocabulary: vocabulary,
          examples: -1,
          height: run.size,
          width: run.size,
          expand: false,
          complete: false,
          threshold: run.threshold,
          encodeUnknown: run.threshold > 1,
        });
        await compareFile(output, JSON.parse(await Deno.readTextFile(vocabulary)), run);
      });
    }
  });
});

async function compareFile(path: string, vocabulary: unknown, want: PreprocessGolden["runs"][number]): Promise<void> {
  const comparison = new Comparison();
  using file = await RefexpFile.open(path);
  const { refexpLength, programLength, images, originals, families } = file;
  const rows = (data: Int32Array, length: number): number[][] =>
    Array.from({ length: file.size }, (_, i) => [...data.subarray(i * length, (i + 1) * length)]);
  comparison.same("vocabulary", vocabulary, want.vocab);
  comparison.same("words", rows(file.refexps, refexpLength), want.refexps);
  comparison.same("programs", rows(file.programs, programLength), want.programs);
  comparison.same("pictures", [...images], want.image_idxs);
  comparison.same("places", [...originals], want.orig_idxs);
  comparison.same("families", [...families], want.refexp_families);
  for (const [i, digest] of want.masks.entries()) {
    comparison.same(`mask ${i}`, await startOfDigest(file.mask(i)), digest);
  }
  comparison.done();
}

async function startOfDigest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes)));
  return hash.subarray(0, 8).toHex();
}
