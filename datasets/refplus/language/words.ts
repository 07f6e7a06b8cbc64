/** Phrases of a filled template in English, with the words of the published vocabulary (papers/iep-ref.md#phrasing). */
import type { RandomStream } from "../../../engine/base/random.ts";
import { ATTRIBUTE_NAMES } from "../scenes/catalogue.ts";
import type { Description } from "./describe.ts";

/** Words that mean the same. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  thing: ["thing", "object"],
  sphere: ["sphere", "ball"],
  cube: ["cube", "block"],
  large: ["large", "big"],
  small: ["small", "tiny"],
  metal: ["metallic", "metal", "shiny"],
  rubber: ["rubber", "matte"],
  left: ["left of", "to the left of", "on the left side of"],
  right: ["right of", "to the right of", "on the right side of"],
  behind: ["behind"],
  front: ["in front of"],
};

/** One of `texts`, with the slots' descriptions put in. */
export function phrase(texts: readonly string[], slots: readonly Description[], random: RandomStream): string {
  const pick = <T>(list: readonly T[]): T => list[random.integer(0, list.length - 1)];
  const synonym = (word: string): string => pick(SYNONYMS[word] ?? [word]);
  const noun = (slot: Description, plural: string): string => {
    const shape = synonym(slot.shape ?? "thing") + plural;
    const before = ATTRIBUTE_NAMES.filter((name) => name !== "shape").map((name) => slot[name] && synonym(slot[name]));
    return [slot.ordinal?.[0], slot.visible, ...before, shape, slot.ordinal?.[1]].filter(Boolean).join(" ");
  };
  const text = pick(texts)
    .replace(/\[([^\]]*)\]/g, (_, words) => random.unit() < 0.5 ? words : "")
    .replace(/\{(\d+)(?::(\w+))?\}/g, (_, number, form) => {
      const slot = slots[Number(number)];
      if (form === "r") return synonym(slot.relation!);
      if (form === "v") return synonym(slot.value!);
      return noun(slot, form === "one" ? "" : "(s)");
    })
    .replace(/\s+/g, " ")
    .replaceAll("the the", "the")
    .replace("; the", "; The");
  return text[0].toUpperCase() + text.slice(1);
}
