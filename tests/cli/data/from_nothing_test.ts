/**
 * The command lists of docs/paper-table.md, line by line, from archives served on this machine to the table: photographs of COCO
 * and scenes of ADE20K that lie beside the clone, ResNet-50, few steps. It takes some minutes, so that it runs where `ITERA_TRUTH`
 * is set; `all` runs every training of the lists, else those of the baseline and of the whole model run.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { SOURCES } from "../../../datasets/fetch/addresses.ts";
import { encodeSafetensors } from "../../../engine/mod.ts";
import { itera, ROOT } from "../../support/command.ts";
import { commandsIn } from "../../support/docs/commands_in.ts";
import { type Made, tarFile, zipFile } from "../../support/files/archives.ts";
import { type FaultyServer, serveFaultily } from "../../support/files/faulty_server.ts";
import { torchFile } from "../../support/files/resnet_files.ts";
import { withFolder } from "../../support/folder.ts";

const SHARED = join(ROOT, "..", "shared", "data");
const there = await Deno.stat(join(SHARED, "coco-tiny")).then(() => true, () => false);
const asked = Deno.env.get("ITERA_TRUTH"), ALL = asked === "all";

/** Reason why the lists are not run; empty where they are. */
const LEFT_OUT = !there
  ? " (left out: ../shared/data is not here)"
  : !asked
  ? " (left out: ITERA_TRUTH=1 runs it)"
  : "";

/** Trainings of the lists that are run unless all are asked for. */
const USUAL = /-(baseline|final)$/;

/** Few steps, small pictures, and of the modules that reason small ones: ResNet-50 itself stays whole. */
const SMALL = ["--max-steps", "2", "--short-side", "64", "--long-side", "96"];
const SMALL_REASONING = [
  ...["model.reasoning.iterations=2", "model.reasoning.memory.depth=16"],
  ...["model.reasoning.graph.width=32", "model.reasoning.head.width=64"],
].flatMap((setting) => ["--set", setting]);

/** The files below a folder, by their paths in it. */
function filesBelow(folder: string, top: string): Made[] {
  return [...Deno.readDirSync(join(folder, top))].flatMap(({ name, isDirectory }): Made[] => {
    const path = `${top}/${name}`;
    return isDirectory
      ? filesBelow(folder, path)
      : [{ name: path, data: Deno.readFileSync(join(folder, path)), packed: false }];
  });
}

/** Commands of the first block below a heading of the page. */
function listOf(heading: string): string[][] {
  const page = Deno.readTextFileSync(join(ROOT, "docs", "paper-table.md"));
  const from = page.indexOf(`## ${heading}\n`), end = page.indexOf("```\n", page.indexOf("```sh\n", from));
  return commandsIn(page.slice(from, end + 4)).map(({ words }) => [...words]);
}

/** Serves archives, and writes the file of their addresses that `--addresses` takes for a set. */
async function serve(server: FaultyServer, set: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const known = SOURCES.find(({ name }) => name === set)!.releases[0].files;
  const facts = Object.entries(files).map(([name, bytes]) => {
    ok(known.some((file) => file.name === name), `${name} is no file of ${set}`);
    server.files.set(`/${name}`, { bytes });
    return [name, { address: `${server.address}/${name}`, bytes: bytes.length, md5: null }] as const;
  });
  await Deno.writeTextFile(`${set}.json`, JSON.stringify(Object.fromEntries(facts)));
}

/** ResNet-50 made by formula, where TF-slim's archive has its own: what a file of weights is, is found from its contents. */
function weights(): Uint8Array {
  const tensors = [...torchFile([3, 4, 6, 3]).tensors].map(([name, { shape, read }]) =>
    [name, { dtype: "F32", shape: [...shape], data: Float32Array.from(read()) }] as const
  );
  return tarFile([{ name: "./resnet_v1_50.ckpt", data: encodeSafetensors(tensors, { format: "pt" }) }]);
}

/** Runs a list where it is; the text that its last command prints. */
async function run(list: readonly (readonly string[])[]): Promise<string> {
  const trained = new Set<string>();
  let last = "";
  for (const words of list) {
    const name = words[words.indexOf("--name") + 1], command = words.slice(0, 2).join(" ");
    let call = [...words];
    if (words[0] === "train") {
      if (!ALL && !USUAL.test(name)) continue;
      trained.add(`runs/${name}`);
      call.push(...SMALL, .../-(local|global|final)$/.test(name) ? SMALL_REASONING : []);
    } else if (words[0] === "ensemble" && !ALL) continue;
    else if (words[0] === "compare" && !ALL) {
      call = call.filter((word) => !word.startsWith("runs/") || trained.has(word));
    } else if (command === "data fetch") call.push("--addresses", `${words[2]}.json`);
    const { code, out, err } = await itera(...call);
    strictEqual(code, 0, `${call.join(" ")}: ${err}`);
    last = out;
  }
  return last;
}

Deno.test({
  name: `the lists of commands lead from archives to the table, on COCO and on ADE20K${LEFT_OUT}`,
  ignore: LEFT_OUT !== "",
  fn: () =>
    withFolder(async (folder) => {
      const before = Deno.cwd();
      await using server = serveFaultily({});
      try {
        Deno.chdir(folder);
        await serve(server, "resnet50", { "resnet_v1_50_2016_08_28.tar.gz": weights() });
        const ade = join(SHARED, "ade20k-2021-sample"), scenes = filesBelow(ade, "images");
        Deno.writeFileSync(
          "ADE20K_2021_17_01.zip",
          zipFile(scenes.map((one) => ({ ...one, name: `ADE20K_2021_17_01/${one.name}` }))),
        );
        const pictures = scenes.map(({ name }) => name).filter((name) => name.endsWith(".jpg")).sort();
        const [first] = pictures,
          text = (names: readonly string[]) => new TextEncoder().encode(names.join("\n") + "\n");
        const split = (name: string) => Deno.readFileSync(join(SHARED, "ade-split", name));
        await serve(server, "ade20k", {
          "train.txt": text(pictures),
          ...{ "val.txt": text(pictures), "mval.txt": text([first]), "mtest.txt": text([first]) },
          ...{ "objectnames.txt": split("objectnames.txt"), "objectcounts.txt": split("objectcounts.txt") },
        });
        const coco = join(SHARED, "coco-tiny");
        await serve(server, "coco", {
          "annotations_trainval2017.zip": zipFile(
            filesBelow(coco, "annotations").map((one) => ({ ...one, packed: true })),
          ),
          "val2017.zip": zipFile(filesBelow(coco, "val2017")),
          "train2017.zip": zipFile(filesBelow(coco, "train2017")),
        });

        const table = (name: string) =>
          new RegExp(`│ ${name}[^│]*│ +\\d\\.\\d{3} │ +\\d\\.\\d{3} │ +\\d\\.\\d{3} │ +\\d\\.\\d{3} │`);
        const list = listOf("One GPU: ADE20K");
        ok(list.length === 12, `${list.length} commands`);
        const adeTable = await run(list);
        for (const name of ["ade-baseline", "ade-final"]) match(adeTable, table(name));
        deepStrictEqual(
          [...Deno.readDirSync("ade/images/ADE/training/urban/street")].filter(({ isDirectory }) => isDirectory),
          [],
          "instance masks are not needed",
        );
        const cocoTable = await run(listOf("One GPU: COCO"));
        for (const name of ["coco-baseline", "coco-final"]) match(cocoTable, table(name));
        const results = JSON.parse(Deno.readTextFileSync("runs/coco-final/coco_results.json"));
        const truth = JSON.parse(Deno.readTextFileSync(join(coco, "annotations", "instances_val2017.json")));
        const ids = new Set(truth.images.map(({ id }: { id: number }) => id));
        ok(results.length > 700 && results.every(({ image_id }: { image_id: number }) => ids.has(image_id)));
      } finally {
        Deno.chdir(before);
      }
    }),
});
