/** Small files of pictures, knowledge, features and logs that make a careless reader do much. */
import { deflateSync } from "node:zlib";
import { loadHdf5 } from "../../../engine/base/packages/h5wasm.ts";
import { type Bytes, utf8 } from "../mutate/mutator.ts";
import { pngOf } from "../mutate/pictures.ts";
import type { Files } from "../reader.ts";
import { READERS } from "../readers/registry.ts";
import { json, lines } from "../readers/samples.ts";
import type { HostileInput } from "./input.ts";

const repeated = (piece: string, count: number): Bytes => utf8(piece.repeat(count));

/** A PNG of one colour that states and holds `width` × `height` pixels, or states them alone. */
function png(width: number, height: number, whole: boolean): Bytes {
  const head = new Uint8Array(13), view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, 0, 0, 0, 0], 8);
  const rows = whole ? new Uint8Array((width + 1) * height) : new Uint8Array(100);
  return pngOf([
    { type: "IHDR", data: head },
    { type: "IDAT", data: new Uint8Array(deflateSync(rows)) },
    { type: "IEND", data: new Uint8Array(0) },
  ]);
}

/** An HDF5 file whose data set claims `shape` and holds nothing, or zeros packed a thousandfold. */
async function hdf5(name: string, shape: readonly number[], chunk: readonly number[]): Promise<Files> {
  const { File } = await loadHdf5(),
    folder = await Deno.makeTempDir({ prefix: "itera-fuzz-" }),
    path = `${folder}/a.h5`;
  try {
    const file = new File(path, "w");
    file.create_dataset({
      name,
      data: new Float32Array(0),
      dtype: "<f",
      shape: shape.map(() => 0),
      maxshape: shape.map(() => null),
      chunks: [...chunk],
      compression: "gzip",
    });
    (file.get(name) as unknown as { resize(shape: readonly number[]): void }).resize(shape);
    file.close();
    return { "a.h5": Deno.readFileSync(path) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The inputs. */
export const HOSTILE_DATA: readonly HostileInput[] = [
  {
    reader: "run folders",
    name: "settings of depth and a checkpoint of nothing",
    files: () => ({
      "run/config.json": repeated("[", 300_000),
      "run/checkpoints/step_00000001.safetensors": new Uint8Array(0),
    }),
  },
  { reader: "pictures", name: "pixels that are not there", files: () => ({ "a.png": png(16_000, 16_000, false) }) },
  { reader: "pictures", name: "more pixels than are read", files: () => ({ "a.png": png(60_000, 60_000, false) }) },
  { reader: "pictures", name: "black packed a thousandfold", files: () => ({ "a.png": png(8000, 8000, true) }) },
  { reader: "pictures", name: "sides of 2³¹", files: () => ({ "a.png": png(2 ** 31 - 1, 2 ** 31 - 1, false) }) },
  {
    reader: "picture names",
    name: "a number near 2³²",
    files: () => ({ "names.txt": lines("a_0.png", "a_4294967294.png") }),
  },
  {
    reader: "picture names",
    name: "a number of thirty digits",
    files: () => ({ "names.txt": lines("a_0.png", `a_${"9".repeat(30)}.png`) }),
  },
  {
    reader: "ade 2016",
    name: "a map that is a bomb",
    files: async () => ({
      ...(await READERS.find(({ name }) => name === "ade 2016")!.samples())[0],
      "a_seg.png": png(60_000, 60_000, false),
    }),
  },
  {
    reader: "ade 2016",
    name: "fifty thousand lines",
    files: async () => ({
      ...(await READERS.find(({ name }) => name === "ade 2016")!.samples())[0],
      "a_atr.txt": repeated("1 # 0 # 0 # a # a # b\n", 50_000),
    }),
  },
  {
    reader: "ade 2021",
    name: "a polygon of two hundred thousand corners",
    files: async () => {
      const corners = Array.from({ length: 200_000 }, (_, i) => i % 7);
      const object = { raw_name: "wall", parts: { part_level: 0 }, polygon: { x: corners, y: corners } };
      return {
        ...(await READERS.find(({ name }) => name === "ade 2021")!.samples())[0],
        "a.json": json({ annotation: { object: [object] } }),
      };
    },
  },
  {
    reader: "ade lists",
    name: "a line of five million letters",
    files: () => ({
      "train.txt": repeated("a", 5_000_000),
      "objectnames.txt": lines("-", "a"),
      "objectcounts.txt": lines("1", "9"),
    }),
  },
  {
    reader: "class names",
    name: "a hundred thousand names",
    files: () => ({
      "names.txt": lines(...Array.from({ length: 100_000 }, (_, i) => `n${i}`)),
      "counts.txt": lines(...Array.from({ length: 100_000 }, () => "9")),
    }),
  },
  {
    reader: "knowledge graphs",
    name: "vectors that are not there",
    files: () => ({
      "graph.jsonl": utf8(
        '{"format":"itera-knowledge","version":1,"classes":["__background__","a"],"types":[],"dim":9007199254740991}',
      ),
    }),
  },
  {
    reader: "knowledge graphs",
    name: "vectors just within what is free",
    files: () => ({
      "graph.jsonl": utf8(
        '{"format":"itera-knowledge","version":1,"classes":["__background__","a"],"types":[],"dim":33000000}',
      ),
    }),
  },
  {
    reader: "knowledge graphs",
    name: "lines of depth",
    files: () => ({
      "graph.jsonl": utf8(
        `{"format":"itera-knowledge","version":1,"classes":["__background__","a"],"types":[],"dim":0}\n${
          "[".repeat(300_000)
        }`,
      ),
    }),
  },
  {
    reader: "wordnet",
    name: "counts of pointers and words that are claims",
    files: () => ({
      "index.noun": lines("cat n 1 999999999 @ 1 1 00000001"),
      "data.noun": lines("00000001 03 n ff cat 0 999999999 @ 00000002 n 0000 | a"),
    }),
  },
  {
    reader: "wordnet",
    name: "kinds of kinds in circles",
    files: () => ({
      "index.noun": lines("cat n 1 0 1 1 00000001"),
      "data.noun": lines(
        ...Array.from(
          { length: 1000 },
          (_, i) =>
            `${String(i).padStart(8, "0")} 03 n 01 a 0 100 ${
              Array.from({ length: 100 }, (_, k) => `@ ${String((i * 7 + k) % 1000).padStart(8, "0")} n 0000`).join(" ")
            } | a`,
        ),
      ),
    }),
  },
  { reader: "word vectors", name: "a line without end", files: () => ({ "words.vec": repeated("cat 1 ", 1_000_000) }) },
  {
    reader: "word vectors",
    name: "vectors of a million numbers",
    files: () => ({ "words.vec": utf8(`2 1000000\ncat 1 2\n`) }),
  },
  {
    reader: "scenes",
    name: "a mask of runs without end",
    files: async () => {
      const [files] = await READERS.find(({ name }) => name === "scenes")!.samples(), [file] = Object.keys(files);
      const set = JSON.parse(new TextDecoder().decode(files[file]));
      set.scenes[0].obj_mask["1"] = `${"0,".repeat(1_000_000)}153600`;
      set.scenes[0].obj_mask["2"] = "9007199254740991";
      return { [file]: json(set) };
    },
  },
  {
    reader: "expressions",
    name: "a program that doubles with each step",
    files: () => {
      const program = Array.from(
        { length: 60 },
        (_, i) => ({
          type: i === 0 ? "scene" : "union",
          inputs: i === 0 ? [] : [i - 1, i - 1],
          value_inputs: [],
          _output: [0],
        }),
      );
      return { "refexps.json": json({ refexps: [{ image_index: 0, refexp: "a", program }] }) };
    },
  },
  {
    reader: "expressions",
    name: "a chain of a hundred thousand steps",
    files: () => {
      const program = Array.from(
        { length: 100_000 },
        (_, i) => ({
          type: i === 0 ? "scene" : "unique",
          inputs: i === 0 ? [] : [i - 1],
          value_inputs: [],
          _output: [0],
        }),
      );
      return { "refexps.json": json({ refexps: [{ image_index: 0, refexp: "a", program }] }) };
    },
  },
  {
    reader: "growing lists",
    name: "a line of five million letters",
    files: () => ({ ".list.json.growing": repeated("a", 5_000_000) }),
  },
  {
    reader: "growing lists",
    name: "a whole list of lines of depth",
    files: () => ({
      "list.json": utf8(
        `{"info":{"version":"1.0","seed":3},"items":[\n${"[".repeat(300_000)}\n],"images":1,"count":1}\n`,
      ),
    }),
  },
  {
    reader: "feature journals",
    name: "rows of another journal",
    files: () => ({ ".a.h5.rows": new Uint8Array(20_000_000) }),
  },
  {
    reader: "features",
    name: "a terabyte that was never written",
    files: () => hdf5("features", [1_000_000, 64, 64, 64], [1, 64, 64, 64]),
  },
  {
    reader: "features",
    name: "rows of a gigabyte",
    files: () => hdf5("features", [4, 256, 1024, 1024], [1, 1, 1024, 1024]),
  },
  {
    reader: "features",
    name: "four million empty rows",
    files: () => hdf5("features", [4_000_000, 1, 1, 1], [4096, 1, 1, 1]),
  },
  {
    reader: "encoded expressions",
    name: "words that were never written",
    files: () => hdf5("refexps", [1_000_000, 4], [1000, 4]),
  },
  {
    reader: "metrics",
    name: "a line of depth",
    files: () => ({ "metrics.jsonl": utf8(`{"step":1}\n${"[".repeat(300_000)}${"]".repeat(300_000)}\n`) }),
  },
  { reader: "metrics", name: "a million empty lines", files: () => ({ "metrics.jsonl": repeated("\n", 1_000_000) }) },
  {
    reader: "metrics",
    name: "twenty thousand records",
    files: () => ({ "metrics.jsonl": repeated('{"step":1,"loss":0.5}\n', 20_000) }),
  },
  {
    reader: "indices",
    name: "an index of a head without end",
    files: async () => {
      const [files] = await READERS.find(({ name }) => name === "indices")!.samples();
      const name = Object.keys(files).find((file) => file.startsWith("cache/"))!;
      return { ...files, [name]: repeated("[", 5_000_000) };
    },
  },
];
