/** Small files of weights and runs that make a careless reader do much. */
import { encodeSafetensors } from "../../../engine/safetensors.ts";
import { type Bytes, joined, utf8 } from "../mutate/mutator.ts";
import { withChecksum } from "../mutate/safetensors.ts";
import { tableOf, varint } from "../mutate/table.ts";
import { zipOf } from "../mutate/zip.ts";
import type { Files } from "../reader.ts";
import type { HostileInput } from "./input.ts";

const repeated = (piece: string, count: number): Bytes => utf8(piece.repeat(count));
const binary = (text: string): Bytes => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A pickle in the archive of `torch.save`. */
const archive = (pickle: Bytes): Files => ({ "archive.pth": zipOf([{ name: "a/data.pkl", data: pickle }]) });

const PROTO = "\x80\x02";

const PICKLES: readonly (readonly [name: string, pickle: () => Bytes])[] = [
  ["lists that hold the list before twice", () => binary(`${PROTO}]q\x00${"(h\x00h\x00tq\x00".repeat(5000)}.`)],
  ["dicts in dicts", () => binary(`${PROTO}${"}X\x01\x00\x00\x00a".repeat(50_000)}N${"s".repeat(50_000)}.`)],
  ["marks alone", () => binary(`${PROTO}${"(".repeat(2_000_000)}`)],
  ["a name by lists of lists", () => binary(`${PROTO}]q\x00${"(h\x00h\x00lq\x00".repeat(40)}h\x00\x93.`)],
  ["a call with a million arguments", () => binary(`${PROTO}ccollections\nOrderedDict\n(${"N".repeat(1_000_000)}tR.`)],
  [
    "one list passed again and again",
    () => binary(`${PROTO}(${"]".repeat(10_000)}lq\x00${"ccollections\nOrderedDict\nh\x00\x85R0".repeat(5000)}N.`),
  ],
  ["an integer of a million digits", () => binary(`${PROTO}L${"9".repeat(1_000_000)}L\n.`)],
  ["a text that claims four gigabytes", () => binary(`${PROTO}X\xff\xff\xff\xffabc.`)],
  ["a tensor of zero strides", () =>
    binary(
      "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQL0L\n(L1000000000L\ntL\n(L0L\nttR.",
    )],
];

const number64 = (value: bigint): Bytes => new Uint8Array(BigUint64Array.of(value).buffer);

/** Safetensors of a header's text. */
const headed = (text: string): Bytes => joined(number64(BigInt(text.length)), utf8(text));

/** The inputs. */
export const HOSTILE_WEIGHTS: readonly HostileInput[] = [
  ...PICKLES.map(([name, pickle]) => ({ reader: "torch archive", name, files: () => archive(pickle()) })),
  {
    reader: "torch archive",
    name: "a packed entry of 64 MB zeros",
    files: () => ({
      "archive.pth": zipOf([{ name: "a/data.pkl", data: new Uint8Array(64 * 2 ** 20), packed: true }]),
    }),
  },
  {
    reader: "torch archive",
    name: "five thousand entries",
    files: () => ({
      "archive.pth": zipOf(Array.from({ length: 5000 }, (_, i) => ({ name: `a/${i}`, data: new Uint8Array(0) }))),
    }),
  },
  { reader: "torch archive, bytes alone", name: "no entries", files: () => ({ "archive.pth": zipOf([]) }) },
  ...PICKLES.map(([name, pickle]) => ({
    reader: "torch stream",
    name,
    files: (): Files => ({
      "stream.pth": joined(binary(`${PROTO}\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.${PROTO}M\xe9\x03.${PROTO}}.`), pickle()),
    }),
  })),
  {
    reader: "tensorflow 1",
    name: "a header of half a million fields",
    files: (): Files => ({ "v1.ckpt": tableOf([[new Uint8Array(0), repeated("\n\0", 500_000)]]) }),
  },
  { reader: "tensorflow 1, bytes alone", name: "zeros", files: () => ({ "v1.ckpt": new Uint8Array(4_000_000) }) },
  {
    reader: "tensorflow 1",
    name: "keys that share all of the one before",
    files: () => ({
      "v1.ckpt": tableOf(Array.from({ length: 2000 }, (_, i) => [repeated("k", i), new Uint8Array(0)] as const)),
    }),
  },
  {
    reader: "tensorflow 2",
    name: "a tensor that claims an exabyte",
    files: () => {
      const shape = joined(
        ...[1, 2, 3].map(() => joined(utf8("\x12"), varint(6), utf8("\x08"), varint(1_000_000_000))),
      );
      const entry = joined(utf8("\x08\x01\x12"), varint(shape.length), shape, utf8("\x28"), varint(10n ** 18n));
      return {
        "v2.index": tableOf([[new Uint8Array(0), utf8("\x08\x01")], [utf8("a"), entry]]),
        "v2.data-00000-of-00001": new Uint8Array(8),
      };
    },
  },
  {
    reader: "tensorflow 2",
    name: "a million shards",
    files: () => ({
      "v2.index": tableOf([[new Uint8Array(0), joined(utf8("\x08"), varint(10n ** 15n))]]),
    }),
  },
  ...["safetensors", "own weights", "exported weights", "checkpoints", "checkpoints, bytes alone"].flatMap((
    reader,
  ): HostileInput[] => [
    { reader, name: "a header that claims 90 MB", files: () => ({ "a.safetensors": number64(90_000_000n) }) },
    {
      reader,
      name: "a header of depth",
      files: () => ({ "a.safetensors": headed(`{"a":${"[".repeat(300_000)}${"]".repeat(300_000)}}`) }),
    },
    {
      reader,
      name: "a shape of depth",
      files: () => ({
        "a.safetensors": headed(
          `{"a":{"dtype":"F32","shape":[${"[".repeat(100_000)}${"]".repeat(100_000)}],"data_offsets":[0,0]}}`,
        ),
      }),
    },
    {
      reader,
      name: "a shape of a million extents",
      files: () => ({
        "a.safetensors": headed(`{"a":{"dtype":"F32","shape":[${"0,".repeat(999_999)}0],"data_offsets":[0,0]}}`),
      }),
    },
    {
      reader,
      name: "an empty tensor of huge extents",
      files: () => ({
        "a.safetensors": headed(
          '{"a":{"dtype":"F32","shape":[9007199254740991,0,9007199254740991],"data_offsets":[0,0]}}',
        ),
      }),
    },
    {
      reader,
      name: "twenty thousand empty tensors",
      files: () => ({
        "a.safetensors": headed(
          `{${
            Array.from({ length: 20_000 }, (_, i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`).join()
          }}`,
        ),
      }),
    },
  ]),
  ...["scores", "scores, bytes alone"].map((reader): HostileInput => ({
    reader,
    name: "drawn pictures by the billion",
    files: () => ({
      "scores.safetensors": withChecksum(encodeSafetensors({
        labels: { dtype: "I32", shape: [0], data: new Int32Array(0) },
        "probabilities.image": { dtype: "F32", shape: [0, 2], data: new Float32Array(0) },
      }, {
        model: "m",
        split: "context test",
        images: "1000000000",
        classes: '["__background__","a"]',
        outputs: '["image"]',
      }, { checksum: true })),
    }),
  })),
];
