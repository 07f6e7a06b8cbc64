import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  decodeSafetensors,
  encodeSafetensors,
  firstNonFinite,
  SafetensorsError,
  type SafetensorsTensor,
} from "../../engine/safetensors.ts";

const tensors: Record<string, SafetensorsTensor> = {
  "10": { dtype: "F32", shape: [2, 3], data: new Float32Array([1, -0, NaN, Infinity, 1e-45, 6]) },
  "9": { dtype: "U8", shape: [3], data: new Uint8Array([1, 2, 3]) },
  f64: { dtype: "F64", shape: [1], data: new Float64Array([Math.PI]) },
  f16: { dtype: "F16", shape: [3], data: new Float16Array([1, 2.5, 65504]) },
  bf16: { dtype: "BF16", shape: [1], data: new Uint16Array([0x3f80]) },
  i64: { dtype: "I64", shape: [2], data: new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]) },
  u64: { dtype: "U64", shape: [1], data: new BigUint64Array([2n ** 64n - 1n]) },
  i32: { dtype: "I32", shape: [], data: new Int32Array([-7]) },
  u32: { dtype: "U32", shape: [1, 1], data: new Uint32Array([0xffffffff]) },
  i16: { dtype: "I16", shape: [1], data: new Int16Array([-2]) },
  u16: { dtype: "U16", shape: [1], data: new Uint16Array([65535]) },
  i8: { dtype: "I8", shape: [1], data: new Int8Array([-1]) },
  bool: { dtype: "BOOL", shape: [2], data: new Uint8Array([0, 1]) },
  empty: { dtype: "F32", shape: [0, 5], data: new Float32Array(0) },
  'näme "quoted"': { dtype: "F32", shape: [1], data: new Float32Array([3]) },
};

/** A file of a hand-written header and so many bytes of tensors. */
function file(header: string, available: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + available);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function refused(bytes: Uint8Array, reason: RegExp): void {
  throws(() => decodeSafetensors(bytes), (error) => {
    ok(error instanceof SafetensorsError, String(error));
    ok(reason.test(error.message), `"${error.message}" does not say ${reason}`);
    return true;
  });
}

Deno.test("every element type, empty tensors and odd names survive a round trip bit for bit", () => {
  const { tensors: back, metadata } = decodeSafetensors(encodeSafetensors(tensors, { step: "12", a: "ü\n" }));
  deepStrictEqual(metadata, { step: "12", a: "ü\n" });
  deepStrictEqual([...back.keys()].sort(), Object.keys(tensors).sort());
  for (const [name, tensor] of Object.entries(tensors)) deepStrictEqual(back.get(name), tensor);
});

Deno.test("the same tensors give the same bytes in whatever order they come, aligned to their element size", () => {
  const forwards = encodeSafetensors(tensors, { b: "1", a: "2" });
  deepStrictEqual(encodeSafetensors(Object.entries(tensors).reverse(), { a: "2", b: "1" }), forwards);
  const headerLength = Number(new DataView(forwards.buffer).getBigUint64(0, true));
  strictEqual(headerLength % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(forwards.subarray(8, 8 + headerLength)));
  for (const [name, { data }] of Object.entries(tensors)) {
    strictEqual(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, 0, name);
  }
});

Deno.test("a file read by the safetensors library of Python is laid out as this one", () => {
  // Bytes written by safetensors 0.8.0 (Python) for {"a": int16 [1], "b": float32 [[1.5]]} with metadata {"k": "v"}.
  const header = '{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},' +
    '"a":{"dtype":"I16","shape":[1],"data_offsets":[4,6]}}';
  const bytes = file(header.padEnd(Math.ceil(header.length / 8) * 8), 6);
  bytes.set([0x00, 0x00, 0xc0, 0x3f, 0xfe, 0xff], bytes.length - 6);
  deepStrictEqual(
    encodeSafetensors({
      a: { dtype: "I16", shape: [1], data: new Int16Array([-2]) },
      b: { dtype: "F32", shape: [1, 1], data: new Float32Array([1.5]) },
    }, { k: "v" }),
    bytes,
  );
});

Deno.test("a file cut at any byte is refused", () => {
  const bytes = encodeSafetensors({ w: tensors["10"] }, { step: "1" });
  for (let length = 0; length < bytes.length; length++) {
    throws(() => decodeSafetensors(bytes.subarray(0, length)), SafetensorsError, `cut at ${length}`);
  }
  refused(bytes.subarray(0, 4), /has 4 bytes/);
  refused(bytes.subarray(0, bytes.length - 1), /cut short/);
});

Deno.test("any changed header byte either is refused or leaves the data whole", () => {
  const bytes = encodeSafetensors({ w: tensors["10"], v: tensors.i64 });
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  for (let at = 0; at < 8 + headerLength; at++) {
    for (const bit of [1, 2, 32, 128]) {
      const broken = bytes.slice();
      broken[at] ^= bit;
      try {
        const total = [...decodeSafetensors(broken).tensors.values()].reduce((sum, t) => sum + t.data.byteLength, 0);
        strictEqual(total, bytes.length - 8 - headerLength);
      } catch (error) {
        ok(error instanceof SafetensorsError, `byte ${at}: ${error}`);
      }
    }
  }
});

Deno.test("a hostile header is refused with the reason", () => {
  const entry = (dtype: string, shape: string, offsets: string) =>
    `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const one = entry("F32", "[1]", "[0,4]");
  const huge = new Uint8Array(16).fill(255);
  refused(huge, /claims 18446744073709551615 bytes/);
  const longer = file("{}", 0);
  longer[0] = 200;
  refused(longer, /claims 200 bytes, the file has 2/);
  refused(file(" {}", 0), /does not begin with \{/);
  refused(file("{", 0), /not JSON/);
  refused(file("[]", 0), /does not begin with \{/);
  refused(new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]), /not UTF-8/);
  refused(file(`{"a":${one},"a":${one}}`, 4), /"a" twice/);
  refused(file(`{"a":${one},"\\u0061":${one}}`, 4), /"a" twice/);
  refused(file(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), /"dtype" twice/);
  refused(file(`{"a":${one},"b":${entry("F32", "[1]", "[2,6]")}}`, 6), /inside the tensor before/);
  refused(file(`{"a":${one},"b":${one}}`, 4), /inside the tensor before/);
  refused(file(`{"a":${one},"b":${entry("F32", "[1]", "[8,12]")}}`, 12), /4 bytes before tensor "b"/);
  refused(file(`{"a":${one}}`, 5), /1 bytes at the end/);
  refused(file(`{"a":${one}}`, 3), /cut short/);
  refused(file(`{"a":${entry("F32", "[2]", "[0,4]")}}`, 4), /takes 8 bytes, its offsets span 4/);
  refused(file(`{"a":${entry("F32", "[4294967296,4294967296]", "[0,4]")}}`, 4), /too large/);
  refused(file(`{"a":${entry("F32", "[-1]", "[0,4]")}}`, 4), /no shape/);
  refused(file(`{"a":${entry("F32", "[0.5]", "[0,4]")}}`, 4), /no shape/);
  refused(file(`{"a":${entry("F32", "[1]", "[4,0]")}}`, 4), /before it begins/);
  refused(file(`{"a":${entry("F32", "[1]", "[0,4,8]")}}`, 4), /data_offsets/);
  refused(file(`{"a":${entry("F8_E4M3", "[4]", "[0,4]")}}`, 4), /type "F8_E4M3"/);
  refused(file(`{"a":${entry("toString", "[4]", "[0,4]")}}`, 4), /type "toString"/);
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  refused(file(`{"a":{"dtype":${deep},"shape":[1],"data_offsets":[0,4]}}`, 4), /type object/);
  refused(file(`{"a":{"dtype":"F32","shape":[${deep}],"data_offsets":[0,4]}}`, 4), /no shape/);
  refused(file(`{"a":7}`, 0), /not described/);
  refused(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4), /unknown key "x"/);
  refused(file(`{"__metadata__":{"k":1}}`, 0), /"k" is not a string/);
  refused(file(`{"__metadata__":[]}`, 0), /not an object/);
  const polluted = decodeSafetensors(file(`{"__proto__":${one}}`, 4));
  deepStrictEqual([...polluted.tensors.keys()], ["__proto__"]);
});

Deno.test("tensors whose data does not fit their description are not written", () => {
  const write = (tensor: SafetensorsTensor, name = "w") => () => encodeSafetensors([[name, tensor]]);
  throws(write({ dtype: "F32", shape: [2], data: new Float32Array(3) }), /3 elements, its shape \[2\] asks for 2/);
  throws(write({ dtype: "F32", shape: [1], data: new Float32Array(1) }, "__metadata__"), /is taken/);
  const wrong = { dtype: "F32", shape: [1], data: new Int32Array(1) } as unknown as SafetensorsTensor;
  throws(write(wrong), /has a Int32Array/);
  const w = tensors.i32;
  throws(() => encodeSafetensors([["w", w], ["w", w]]), /"w" is taken/);
  throws(write({ ...w, shape: [-1, -w.data.length] }), /has no shape of non-negative integers/);
  throws(write({ ...w, dtype: "i32" } as never), /has the type "i32"; known: F64/);
  throws(write([1] as never), /tensor "w" is { dtype, shape, data }, not an array/);
  throws(() => encodeSafetensors(Promise.resolve({ w }) as never), /SafetensorsError: .*not a promise: await it/);
});

Deno.test("metadata that the reader would refuse are not written", () => {
  const { i32: w } = tensors;
  for (const checksum of [false, true]) {
    const write = (metadata: unknown) => () =>
      encodeSafetensors({ w }, metadata as Record<string, string>, { checksum });
    throws(write({ step: 150 }), /^SafetensorsError: safetensors: metadata are strings, and "step" is number 150$/);
    throws(write({ step: undefined }), /"step" is undefined/);
    throws(write(150), /metadata are an object of strings, not number 150/);
    throws(write(Promise.resolve({})), /not a promise: await it/);
    throws(write({ "itera.crc32c": "00000000" }), /the name "itera.crc32c" in the metadata is the checksum's own/);
  }
  throws(() => encodeSafetensors({ w }, {}, { check: true } as never), /there is no option "check"; it takes checksum/);
});

Deno.test("a file with a checksum is refused with any bit changed, and says that it has one", () => {
  const bytes = encodeSafetensors({ w: tensors["10"], v: tensors.i64 }, { step: "1" }, { checksum: true });
  const { checked, metadata } = decodeSafetensors(bytes);
  deepStrictEqual([checked, metadata], [true, { step: "1" }]);
  strictEqual(decodeSafetensors(encodeSafetensors({ w: tensors["10"] })).checked, false);
  for (let at = 0; at < bytes.length; at++) {
    const broken = bytes.slice();
    broken[at] ^= 1 << at % 8;
    throws(() => decodeSafetensors(broken), SafetensorsError, `byte ${at}`);
  }
  const zeroed = bytes.slice();
  zeroed.fill(0, bytes.length - 20);
  refused(zeroed, /do not fit its checksum/);
});

Deno.test("a file with a checksum keeps the format's rules, so that others' readers open it", () => {
  // The rules as Python's safetensors 0.8.0 checks them; it opens this file and finds these tensors.
  const bytes = encodeSafetensors(tensors, { step: "12", ü: "\n" }, { checksum: true });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true)), start = 8 + length;
  strictEqual(length % 8, 0);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start));
  ok(text.startsWith("{") && /^\}? *$/.test(text.slice(text.lastIndexOf("}"))), "filled up with blanks alone");
  const { __metadata__: metadata, ...header } = JSON.parse(text);
  deepStrictEqual(Object.keys(metadata).sort(), ["itera.crc32c", "step", "ü"]);
  ok(Object.values(metadata).every((value) => typeof value === "string"), "text by name");
  deepStrictEqual(Object.keys(header).sort(), Object.keys(tensors).sort());
  const SIZES: Record<string, number> = {
    F64: 8,
    I64: 8,
    U64: 8,
    F32: 4,
    I32: 4,
    U32: 4,
    F16: 2,
    BF16: 2,
    I16: 2,
    U16: 2,
  };
  type Described = { dtype: string; shape: number[]; data_offsets: [number, number] };
  const entries = Object.entries(header as Record<string, Described>);
  entries.sort(([, { data_offsets: [a, b] }], [, { data_offsets: [c, d] }]) => a - c || b - d);
  let end = 0;
  for (const [name, { dtype, shape, data_offsets: [from, to], ...more }] of entries) {
    deepStrictEqual([from, more], [end, {}], "one after another, without holes");
    end = from + shape.reduce((a, b) => a * b, 1) * (SIZES[dtype] ?? 1);
    strictEqual(to, end, name);
    const { data } = tensors[name];
    const own = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    deepStrictEqual(bytes.subarray(start + from, start + to), own, name);
  }
  strictEqual(start + end, bytes.length, "nothing after the last");
});

Deno.test("strings of a header may have any length", () => {
  const long = '{"a":"\\"'.repeat(1 << 20);
  const bytes = encodeSafetensors({ w: tensors["10"] }, { long }, { checksum: true });
  strictEqual(decodeSafetensors(bytes).metadata.long, long);
});

Deno.test("the first tensor with a number that is not finite is named", () => {
  const f32 = (...data: number[]): SafetensorsTensor => ({
    dtype: "F32",
    shape: [data.length],
    data: Float32Array.from(data),
  });
  strictEqual(firstNonFinite([["a", f32(1, 3.4e38)], ["i", tensors.i64]]), null);
  deepStrictEqual(firstNonFinite([["a", f32(1)], ["b", f32(0, -Infinity)]]), { name: "b", value: -Infinity });
  deepStrictEqual(firstNonFinite([["h", { dtype: "F16", shape: [1], data: Float16Array.of(NaN) }]]), {
    name: "h",
    value: NaN,
  });
});
