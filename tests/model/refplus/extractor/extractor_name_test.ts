/** Names of extractors, which files of features and checkpoints have had since the first version. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type ExtractorName,
  printExtractor,
  readExtractor,
  sameExtractor,
} from "../../../../model/refplus/extractor/extractor_name.ts";

const size = { width: 192, height: 128 }, digest = "0123abcd";

/** Texts and the names they stand for. */
const NAMES: Readonly<Record<string, ExtractorName>> = {
  "pixels 192x128 cell 8": { kind: "pixels", ...size, cell: 8 },
  "cells 192x128 scaled 0123abcd": { kind: "cells", ...size, scaled: true, digest },
  "cells 192x128 0123abcd": { kind: "cells", ...size, scaled: false, digest },
  "run 192x128 0123abcd": { kind: "run", ...size, digest },
  "resnet101 stage 3 192x128 0123abcd": { kind: "resnet", model: "resnet101", ...size, digest },
  "resnet101 stage 3 192x128": { kind: "resnet", model: "resnet101", ...size, digest: null },
};

Deno.test("a name is read as it is printed", () => {
  for (const [text, name] of Object.entries(NAMES)) {
    deepStrictEqual(readExtractor(text), name);
    strictEqual(printExtractor(name), text);
  }
  const others = [
    ...[
      "unknown",
      "",
      "pixels 192x128",
      "pixels 192x128 cell 8 0123abcd",
      "run 192x128 cell 8",
      "run 0192x128 0123abcd",
    ],
    ...["resnet18 stage 3 192x128", "resnet101 stage 4 192x128", "cells 192x128 0123abc", "cells 192x128 scaled "],
  ];
  for (const text of others) {
    deepStrictEqual(readExtractor(text), { kind: "other", text });
    strictEqual(printExtractor(readExtractor(text)), text);
  }
});

Deno.test("names are of one extractor where they differ by no more than a digest that one lacks", () => {
  const texts = [...Object.keys(NAMES), "run 192x128 0123abce", "some", "some 0123abcd"];
  for (const a of texts) {
    ok(sameExtractor(a, "unknown") && sameExtractor("unknown", a), a);
    for (const b of texts) {
      const pair = [a, b].every((text) => text.startsWith("resnet101"));
      strictEqual(sameExtractor(a, b), a === b || pair, `${a}; ${b}`);
    }
  }
});
