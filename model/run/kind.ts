/** Kinds of training runs: their settings, from defaults to those of a resumed run, and recognition of a saved run's kind. */
import type { z } from "../../engine/base/packages/zod.ts";
import { UserError } from "../../engine/base/user_error.ts";
import { type Json, type Layer, lookup } from "./layers.ts";
import type { RunConfig } from "./run_config.ts";

/** A kind of training run. */
export interface RunKind<C extends RunConfig = RunConfig> {
  /** Its name, in `config.json` and in every checkpoint. */
  readonly kind: string;
  /** The settings of a new run. Throws {@link UserError}. */
  readonly begin: (layers: readonly Layer[]) => C;
  /** The settings of a run that goes on. Throws {@link UserError} for a change that would make it another run. */
  readonly resume: (saved: Layer, layers: readonly Layer[]) => C;
  /** True where settings without a kind, which earlier versions saved, are of this one. */
  readonly owns: (saved: Json) => boolean;
  /** Its settings, each with its meaning. */
  readonly schema: z.ZodType<C>;
  /** Names of its settings that are paths of files and folders. */
  readonly paths: readonly string[];
  /** Settings that a resumed run may change, by their names. */
  readonly free: RegExp;
  /** Settings of a new run for which nothing is given but `choices`; those that have no default are absent. */
  readonly defaults: (choices: Json) => Json;
  /** Choices on which defaults depend, by the flags that make them. */
  readonly choices: readonly { readonly flags: string; readonly value: Json }[];
}

/** The kind among `kinds` that saved settings are of; undefined where they are of none. */
export function kindOf<K extends Pick<RunKind, "kind" | "owns">>(saved: Json, kinds: readonly K[]): K | undefined {
  const named = lookup(saved, ["kind"]);
  return kinds.find((kind) => named === undefined ? kind.owns(saved) : kind.kind === named);
}

/** Throws {@link UserError} where saved settings are of another kind than wanted. */
export function expectKind({ source, value }: Layer, wanted: Pick<RunKind, "kind" | "owns">): void {
  if (kindOf(value, [wanted])) return;
  const named = lookup(value, ["kind"]);
  throw new UserError(
    `${source}: is a run of ${typeof named === "string" ? `kind ${named}` : "another kind"}, not of ${wanted.kind}`,
  );
}
