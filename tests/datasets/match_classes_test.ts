import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { classDifference, matchClasses, requireRegions } from "../../datasets/match_classes.ts";
import type { RegionDataset } from "../../datasets/types.ts";
import { UserError } from "../../engine/base/user_error.ts";

/** A split of one picture with regions of `labels`. */
function split(classes: readonly string[], labels: readonly number[], flipLabels?: readonly number[]): RegionDataset {
  const boxes = Float32Array.from(labels.flatMap((_, r) => [r, 0, r + 1, 1]));
  return {
    name: "coco",
    split: "val",
    classes,
    size: 1,
    source: { kind: "files", paths: ["a.png"] },
    record: () => ({ id: "a", width: 9, height: 9, boxes, labels: Int32Array.from(labels) }),
    ...flipLabels ? { flipLabels: Int32Array.from(flipLabels) } : {},
  };
}

const CLASSES = ["__background__", "car", "left arm", "right arm"];

Deno.test("labels follow the names of classes, whatever their order and however many", () => {
  const same = split(CLASSES, [1, 2]);
  strictEqual(matchClasses(same, [...CLASSES], "the run"), same);
  const fewer = matchClasses(split([CLASSES[0], CLASSES[3], CLASSES[1]], [1, 2, 1]), CLASSES, "the run");
  deepStrictEqual([fewer.classes, [...fewer.record(0).labels]], [CLASSES, [3, 1, 3]]);
  deepStrictEqual([...fewer.record(0).boxes], [0, 0, 1, 1, 1, 0, 2, 1, 2, 0, 3, 1]);
  // A class more that nothing is labelled with does no harm.
  const more = matchClasses(split([...CLASSES, "white"], [3]), CLASSES, "the run");
  deepStrictEqual([...more.record(0).labels], [3]);
  const mirrored = matchClasses(split([CLASSES[0], CLASSES[3], CLASSES[2]], [1], [0, 2, 1]), CLASSES, "the run");
  deepStrictEqual([...mirrored.flipLabels!], [0, 1, 3, 2]);
});

Deno.test("regions that can get no label are named with their number, and so are names that are there twice", () => {
  const refuses = (set: RegionDataset, message: RegExp) =>
    throws(
      () => matchClasses(set, CLASSES, "the run"),
      (e) => e instanceof UserError && message.test(e.message) && !e.message.includes("\n"),
    );
  refuses(
    split([...CLASSES, "white", "grey"], [4, 4, 5, 1]),
    /^coco val: has 5 classes, the run 3 \(only here: white, grey\); regions of white \(2\), grey \(1\) can get no label/,
  );
  refuses(split(["__background__", "car", "car"], [1]), /car is there twice, so classes cannot be matched by name/);
  strictEqual(classDifference(["b", "x", "y"], ["b", "y", "x"], "the run"), "2 classes, the run 2, in another order");
});

Deno.test("a split without a region is refused", () => {
  requireRegions(split(CLASSES, [1]));
  throws(() => requireRegions(split(CLASSES, [])), /coco val: none of its 1 images has a region/);
});
