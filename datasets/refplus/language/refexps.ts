/** The referring expressions of one picture. */
import { RandomStream } from "../../../engine/base/random.ts";
import type { Balance } from "./balance.ts";
import { Descriptions } from "./describe.ts";
import { flatten } from "../encoding/programs.ts";
import { type PictureKey, SPLIT_CODES, STREAMS } from "../scenes/place.ts";
import { fillTemplate, PATIENCE } from "./search.ts";
import type { Refexp, Scene } from "../files/types.ts";
import { phrase } from "./words.ts";

/** Number and kind of the expressions about a picture. */
export interface RefexpOptions {
  /** Expressions wanted; a scene may have fewer. */
  readonly count: number;
  /** True for expressions that refer to nothing although each of their parts is true. */
  readonly falsePremise: boolean;
  /** True, the default, balances the numbers of objects referred to as well, by the published rules. */
  readonly balanceCounts?: boolean;
  /** States that the search for each may discard. */
  readonly patience?: number;
}

/**
 * Expressions about the picture of `key`, without `refexp_index`. They depend on the key, the options and the tallies of
 * `balance`, which they are added to. No program is used twice on a picture.
 */
export function makeRefexps(
  key: PictureKey,
  scene: Scene,
  { count, falsePremise, balanceCounts = true, patience = PATIENCE }: RefexpOptions,
  balance: Balance,
): Omit<Refexp, "refexp_index">[] {
  const { seed, split, index } = key;
  const purpose = falsePremise ? STREAMS.falsePremise : STREAMS.refexps;
  const random = new RandomStream(seed, SPLIT_CODES[split], index, purpose);
  const descriptions = new Descriptions(scene, falsePremise);
  const made: Omit<Refexp, "refexp_index">[] = [];
  const programs = new Set<string>();
  for (let before = -1; made.length < count && made.length > before;) {
    before = made.length;
    for (const template of balance.order(random)) {
      if (made.length >= count) break;
      const filled = fillTemplate(scene, template, {
        random,
        descriptions,
        falsePremise,
        patience,
        accept: ({ program, answer }) =>
          !programs.has(flatten(program, "prefix")!.join(";")) &&
          (falsePremise || !balanceCounts || balance.allows(template, answer.length)),
      });
      if (!filled) continue;
      const { program, slots, answer } = filled;
      programs.add(flatten(program, "prefix")!.join(";"));
      balance.add(template.file, template.index, answer.length);
      made.push({
        split,
        image_filename: scene.image_filename,
        image_index: index,
        image: scene.image_filename.replace(/\.png$/, ""),
        refexp: phrase(template.texts, slots, random),
        program,
        template_filename: template.file,
        refexp_family_index: template.index,
      });
    }
  }
  return made;
}
