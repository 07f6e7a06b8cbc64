/** Files of weights of every format, and broken and hostile ones (tests/fixtures/weights_files.py made the whole ones). */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../engine/base/user_error.ts";
import { encodeSafetensors } from "../../../engine/safetensors.ts";
import { unpickle } from "../../../model/weights/pickle.ts";
import { readWeights } from "../../../model/weights/read_weights.ts";
import { WeightsError } from "../../../model/weights/stored.ts";
import { tensorsIn, torchRules } from "../../../model/weights/torch_storage.ts";
import { withFolder } from "../../support/folder.ts";
import { numbers } from "../../support/formula.ts";
import { withRandom } from "../../support/random.ts";

const FOLDER = new URL("../../fixtures/weights/", import.meta.url).pathname;
const made = (name: string, size: number): number[] => [...numbers(name, size, -1, 1)];

/** Every tensor as its shape and numbers. */
async function contents(path: string): Promise<Record<string, [shape: readonly number[], data: number[]]>> {
  const { tensors } = await readWeights(path);
  return Object.fromEntries([...tensors].map(([name, t]) => [name, [t.shape, [...t.read()]]]));
}

const half = (values: number[]): number[] => [...new Float32Array(Float16Array.from(values))];
/** bfloat16 keeps the upper half of a float32's bits, rounded to even. */
const bfloat = (values: number[]): number[] => {
  const bits = Uint32Array.from(
    new Uint32Array(Float32Array.from(values).buffer),
    (b) => ((b + 0x7fff + (b >>> 16 & 1)) >>> 16) << 16,
  );
  return [...new Float32Array(bits.buffer)];
};
const shared = made("shared", 24);
const TORCH = {
  "model.plain.weight": [[3, 5], made("plain", 15)],
  "model.parameter": [[2, 3, 1, 2], made("parameter", 12)],
  "model.half": [[7], half(made("half", 7))],
  "model.bfloat": [[7], bfloat(made("bfloat", 7))],
  "model.double": [[5], made("double", 5)],
  "model.long": [[7], [-3, -2, -1, 0, 1, 2, 3]],
  "model.bool": [[3], [1, 0, 1]],
  "model.scalar": [[], [2.5]],
  "model.empty": [[0, 3], []],
  "model.rows": [[2, 6], shared.slice(6, 18)],
  "model.transposed": [[6, 4], Array.from({ length: 24 }, (_, i) => shared[(i % 4) * 6 + Math.floor(i / 4)])],
  "history.0": [[2], made("first", 2)],
  "history.1.0": [[2], made("second", 2)],
};
const TENSORFLOW = {
  "scope/weights": [[3, 4, 2], made("scope/weights", 24)],
  "scope/BatchNorm/gamma": [[5], made("scope/BatchNorm/gamma", 5)],
  one: [[], made("one", 1)],
  double: [[3], made("double", 3)],
  global_step: [[], [1234567]],
};

const FORMATS = [
  ["archive.pth", "PyTorch archive", TORCH],
  ["stream.pth", "PyTorch stream", TORCH],
  ["v1.ckpt", "TensorFlow checkpoint V1", TENSORFLOW],
  ["v2", "TensorFlow checkpoint V2", TENSORFLOW],
] as const;

for (const [name, format, want] of FORMATS) {
  Deno.test(`${name} is read as a ${format}`, async () => {
    const path = join(FOLDER, name);
    const sorted = (all: Record<string, unknown>): [string, unknown][] => Object.entries(all).sort();
    deepStrictEqual(sorted(await contents(path)), sorted(want));
    deepStrictEqual((await readWeights(path)).format, format);
  });
}

Deno.test("safetensors of any element type are read as f32", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.bin");
    const tensors = {
      h: { dtype: "F16" as const, shape: [2], data: Float16Array.of(0.5, -2) },
      b: { dtype: "BF16" as const, shape: [1], data: Uint16Array.of(0x3fc0) },
      l: { dtype: "I64" as const, shape: [1, 1], data: BigInt64Array.of(-9n) },
    };
    await Deno.writeFile(path, encodeSafetensors(tensors));
    deepStrictEqual(await contents(path), { l: [[1, 1], [-9]], b: [[1], [1.5]], h: [[2], [0.5, -2]] });
  });
});

Deno.test("files cut short anywhere are refused with a reason", async () => {
  await withFolder(async (folder) => {
    for (const name of ["archive.pth", "stream.pth", "v1.ckpt", "v2.index"]) {
      const whole = await Deno.readFile(join(FOLDER, name));
      const path = join(folder, name);
      for (let length = 0; length < whole.length; length += 1 + Math.floor(whole.length / 60)) {
        await Deno.writeFile(path, whole.subarray(0, length));
        await rejects(readWeights(path), UserError, `${name} cut to ${length} bytes`);
      }
    }
  });
});

/** Formats whose checksums cover the numbers: what is read at all is read right. */
const CHECKED = ["archive.pth", "v1.ckpt", "v2.index", "v2.data-00000-of-00001"];

Deno.test("a changed byte is noticed, or changes nothing", async () => {
  await withRandom("changed byte", async (random) => {
    await withFolder(async (folder) => {
      for (const [name, , want] of FORMATS) {
        const files = name === "v2" ? ["v2.index", "v2.data-00000-of-00001"] : [name];
        for (const file of files) await Deno.copyFile(join(FOLDER, file), join(folder, file));
        for (const file of files) {
          const path = join(folder, file), whole = await Deno.readFile(path);
          for (let trial = 0; trial < 60; trial++) {
            const [at] = random.integers(1, 0, whole.length), [by] = random.integers(1, 1, 256);
            const changed = whole.slice();
            changed[at] ^= by;
            await Deno.writeFile(path, changed);
            const got = await contents(join(folder, name)).catch((error: unknown) => {
              ok(error instanceof UserError, `byte ${at} of ${file}: ${error}`);
              return null;
            });
            if (!got || !CHECKED.includes(file)) continue;
            // Names and shapes lie in the pickle, whose checksum is checked too.
            deepStrictEqual(Object.entries(got).sort(), Object.entries(want).sort(), `byte ${at} of ${file}`);
          }
          await Deno.writeFile(path, whole);
        }
      }
    });
  });
});

/** A pickle from its instructions: text as it stands, numbers as bytes. */
function pickle(...parts: readonly (string | number)[]): Uint8Array {
  const text = new TextEncoder();
  return Uint8Array.from(parts.flatMap((part) => typeof part === "string" ? [...text.encode(part)] : [part]));
}

/** A tensor of the shape and strides given, on a storage of four floats, the numbers as protocol 0 writes them. */
function tensorPickle(offset: string, shape: string, strides: string): Uint8Array {
  const storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ";
  const list = (values: string): string => `(${values.split(",").filter(Boolean).map((v) => `L${v}L\n`).join("")}t`;
  return pickle(`ctorch._utils\n_rebuild_tensor\n(${storage}L${offset}L\n${list(shape)}${list(strides)}tR.`);
}

const REFUSED: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["a call of the shell", pickle("cos\nsystem\n(S'true'\ntR."), /names os\.system, which is not needed.*not run/],
  [
    "the same by the newer instruction",
    pickle(0x80, 4, 0x8c, 2, "os", 0x8c, 6, "system", 0x93, "."),
    /names os\.system/,
  ],
  ["a builtin", pickle("c__builtin__\neval\n."), /names __builtin__\.eval/],
  ["a class called by an instruction of its own", pickle("(i__main__\nThing\n."), /instruction 0x69/],
  ["an object made without a call", pickle("ccollections\nOrderedDict\n)", 0x81, "."), /instruction 0x81/],
  ["a class called that may only be named", pickle("ctorch\nFloatStorage\n)R."), /calls torch\.FloatStorage/],
  ["a prototype's name", pickle("cconstructor\n\n."), /names constructor\./],
  ["a call of a number", pickle("I1\n)R."), /calls what is no function/],
  ["an end before the beginning", pickle("."), /takes what is not there/],
  ["a memory never filled", pickle("h", 9, "."), /recalls what it never remembered/],
  ["text longer than the file", pickle("X", 255, 255, 255, 127, "ab"), /cut short/],
  ["a tensor beyond its storage", tensorPickle("0", "2,3", "3,1"), /reaches outside its storage of 4 elements/],
  ["a tensor before its storage", tensorPickle("-1", "2", "1"), /reaches outside/],
  ["strides that step back", tensorPickle("3", "2", "-1"), /reaches outside/],
  ["a shape that overflows", tensorPickle("0", "4294967296,4294967296", "0,0"), /which cannot be/],
  ["a negative extent", tensorPickle("0", "-2,-2", "1,1"), /which cannot be/],
  [
    "a name that is no text",
    pickle(0x80, 2, "]q", 0, "]q", 1, "(h", 0, "h", 0, "eh", 1, 0x93, "."),
    /by what is no text/,
  ],
  ["a dict of what are no pairs", pickle("ccollections\nOrderedDict\nK", 5, 0x85, "R."), /not made of pairs/],
  ["an integer of many bytes", pickle(0x8b, 0, 0, 1, 0, "x".repeat(70000), "."), /an integer of 65536 bytes/],
  ["an integer of many digits", pickle(`I${"9".repeat(3000)}\n.`), /a number that is none/],
  [
    "a tensor that repeats what is there",
    tensorPickle("0", "1000", "0"),
    /repeats its storage of 4 elements too often/,
  ],
  ["a whole number beyond 2^53", tensorPickle("0", "9007199254740993", "0"), /not described by|which cannot be/],
];

for (const [what, bytes, reason] of REFUSED) {
  Deno.test(`a pickle with ${what} is refused`, () => {
    throws(
      () => unpickle(bytes, 0, torchRules(new Map())),
      (error) => error instanceof WeightsError && reason.test(error.message),
    );
  });
}

Deno.test("one list passed again and again is refused long before it takes time", () => {
  const pair = [0x4e, 0x4e, 0x86]; // (None, None)
  const pairs = Array.from({ length: 20_000 }, () => pair).flat();
  const again = Array.from({ length: 20_000 }, () => [0x68, 0, 0x68, 1, 0x85, 0x52, 0x30]).flat();
  const bytes = Uint8Array.from([
    ...pickle("ccollections\nOrderedDict\nq", 0, "0("),
    ...pairs,
    ...pickle("lq", 1, "0"),
    ...again,
    ...pickle("N."),
  ]);
  const start = performance.now();
  throws(() => unpickle(bytes, 0, torchRules(new Map())), /passes the same lists again and again/);
  ok(performance.now() - start < 50_000);
});

Deno.test("dicts and lists are as deep as in a state dict, and shared ones are looked at once", () => {
  const nested = (depth: number): unknown => {
    let value: unknown = new Map([["w", 1]]);
    for (let i = 0; i < depth; i++) value = [value, value];
    return value;
  };
  strictEqual(tensorsIn(nested(60)).size, 0);
  throws(() => tensorsIn(nested(101)), /more than 100 dicts and lists lie inside one another/);
});

Deno.test("numbers of NumPy's and settings beside weights stand for nothing", () => {
  const tensor = new TextDecoder().decode(tensorPickle("0", "2", "1")).slice(0, -1);
  const dtype = "cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb";
  const scalar = `cnumpy.core.multiarray\nscalar\n(${dtype}S'abcdefgh'\ntR`;
  const settings = `cargparse\nNamespace\n)\x81}(S'lr'\nF0.1\nub`;
  const bytes = Uint8Array.from(`(dS'best'\n${scalar}sS'args'\n${settings}sS'w'\n${tensor}s.`, (c) => c.charCodeAt(0));
  deepStrictEqual([...tensorsIn(unpickle(bytes, 0, torchRules(new Map())).value).keys()], ["w"]);
});

Deno.test("what is no state dict is refused with advice", async () => {
  await rejects(readWeights(join(FOLDER, "module.pth")), /names torch\.nn\.modules\.linear\.Linear.*state dict alone/);
  await rejects(readWeights(join(FOLDER, "none.pth")), /none\.pth: there is no such file/);
  await rejects(readWeights(join(FOLDER, "v2.data-00000-of-00001")), /is none of safetensors, PyTorch's \.pth/);
  await withFolder(async (folder) => {
    await Deno.copyFile(join(FOLDER, "v2.index"), join(folder, "v2.index"));
    await rejects(readWeights(join(folder, "v2")), /data file .*v2\.data-00000-of-00001 is missing/);
  });
});
