/** The regions of COCO's pictures by the reference's rules: which annotations count, and their boxes in whole pixels. */
import { BACKGROUND } from "../types.ts";
import { clipped, type CocoAnnotation, type CocoImage, type CocoInstances } from "./instances.ts";

/** Rules by which annotations become regions, see `CocoOptions`. */
export interface CocoRules {
  readonly crowd: boolean;
  readonly moveBoxes: boolean;
}

/** A region and the annotation it was read from. */
export interface CocoRegionOf {
  readonly annotation: CocoAnnotation;
  readonly label: number;
  /** x1, y1, x2, y2, inclusive pixels. */
  readonly box: readonly number[];
}

/** Class names of a file, background first. */
export function classNames({ categories }: CocoInstances): string[] {
  return [BACKGROUND, ...categories.map(({ name }) => name.replaceAll(" ", "_"))];
}

/** Labels by category: ids have holes, a class is the rank of its id. */
export function labelsById({ categories }: CocoInstances): ReadonlyMap<string, number> {
  return new Map(categories.map(({ id }, i) => [id, i + 1]));
}

/** The regions of a picture in the order of its annotations; `onFault` is called for each that is left out or cut. */
export function regionsOf(
  { annotations }: CocoInstances,
  image: CocoImage,
  labels: ReadonlyMap<string, number>,
  { crowd, moveBoxes }: CocoRules,
  onFault: (fault: "dropped" | "clipped") => void = () => {},
): CocoRegionOf[] {
  return (annotations.get(image.id) ?? []).flatMap((annotation) => {
    const label = labels.get(annotation.category);
    if (label === undefined || annotation.crowd && !crowd) return [];
    const inside = clipped(annotation, image, moveBoxes);
    if (!inside || inside.cut) onFault(inside ? "clipped" : "dropped");
    return inside ? [{ annotation, label, box: inside.box }] : [];
  });
}
