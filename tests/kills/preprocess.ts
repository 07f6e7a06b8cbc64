/** Encodes expressions as `itera refplus preprocess` does, saving after every second row: scenes, expressions, output, vocabulary. */
import { preprocessRefexps } from "../../datasets/refplus/encoding/preprocess.ts";

const [scenes, refexps, output, outputVocabulary] = Deno.args;
await preprocessRefexps({
  ...{ scenes, refexps, output, outputVocabulary },
  ...{ mode: "prefix", examples: -1, width: 64, height: 48, saveEvery: 2 },
  ...{ expand: false, complete: true, threshold: 1, encodeUnknown: false },
});
