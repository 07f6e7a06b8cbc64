/** A download that is not whole: the bytes so far, and what they belong to, beside the path of the whole file. */
import { z } from "../../engine/base/packages/zod.ts";

const factsSchema = z.object({
  address: z.string(),
  validator: z.string().nullable(),
  total: z.number().nullable(),
});

/** Origin of a part. */
export interface PartFacts {
  readonly address: string;
  /** The server's mark of the file, by which it says later whether it is still the same; null where it gave none. */
  readonly validator: string | null;
  /** Length of the whole as the server gave it. */
  readonly total: number | null;
}

/** The part of a path: how many bytes are there, and their origin; null where nothing says. */
export function readPart(path: string): { readonly have: number; readonly facts: PartFacts | null } {
  let have = 0;
  try {
    have = Deno.statSync(`${path}.part`).size;
    const facts = factsSchema.safeParse(JSON.parse(Deno.readTextFileSync(`${path}.part.json`)));
    return { have, facts: facts.success ? facts.data : null };
  } catch {
    return { have, facts: null };
  }
}

/** Notes the origin of a part that is about to be written. */
export function writePart(path: string, facts: PartFacts): void {
  Deno.writeTextFileSync(`${path}.part.json`, JSON.stringify(facts));
}

/** Removes a part and its note. */
export function forgetPart(path: string): void {
  for (const name of [`${path}.part`, `${path}.part.json`]) {
    try {
      Deno.removeSync(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
