/** Metadata that hold JSON as text, checked. */
import { readJson } from "../../engine/base/json_text.ts";
import { z } from "../../engine/base/packages/zod.ts";

/** A schema of a text whose JSON value is of `schema`; what `JSON.parse` refuses, or a key twice, is refused with the reason. */
export function jsonText<T>(schema: z.ZodType<T>) {
  return z.string().transform((text, context): unknown => {
    const read = readJson(text);
    if ("value" in read) return read.value;
    context.addIssue({ code: "custom", message: `is not JSON (${read.fault.reason})` });
    return z.NEVER;
  }).pipe(schema);
}
