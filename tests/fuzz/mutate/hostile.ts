/** Values that readers of files stumble over. */

/** Numbers as a text file may have them; some are no JSON. */
export const NUMBERS: readonly string[] = [
  ...["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "-1", "0", "-0", "0.5", "1e-400", "1e308", "4.9e-324", "1e39"],
  ...["2147483647", "2147483648", "4294967295", "4294967296", "65535", "65536", "255", "256", "1000000", "1e9", "1e15"],
  ...[
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "01",
    "1.",
    ".5",
    "+1",
    "0x10",
    "1_000",
    "1e",
  ],
];

/** Whole numbers for fields of a binary file. */
export const INTEGERS: readonly bigint[] = [
  ...[0n, 1n, 2n, 7n, 8n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0x8000n, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n],
  ...[0xfffffff0n, 0xffffffffn, 0x100000000n, 0x1fffffffffffffn, 0x20000000000000n, 0x7fffffffffffffffn],
  ...[0x8000000000000000n, 0xffffffffffffffffn],
];

/** Names: out of a folder, with control characters, of JavaScript's own objects, empty, long, of two spellings. */
export const NAMES: readonly string[] = [
  ...["..", ".", "../x", "../../x.png", "a/../../b", "/etc/passwd", "//a", "a/", "a/./b", "a\\..\\b", "C:\\a", "~"],
  ...["", " ", "\t", "a b", "\0", "a\0b", "a\nb", "a\rb", "\x1b[2J", "\x1b]0;x\x07", "\x7f", "\u009b2J", "\u202egnp.a"],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "__background__", "length", "0", "-1", "NaN", "null"],
  ...["\ufeffa", "\ud800", "e\u0301", "\u00e9", "\u2028", "<img src=x onerror=alert(1)>", "a#b", "a:1", "%00", "a,b"],
  "a".repeat(300),
  "b".repeat(5000),
];
