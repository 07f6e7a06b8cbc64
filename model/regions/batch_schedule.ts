/** Rate and schedule of steps that take another number of images than a preset states them for. */
import { differences, type Json, lookup, merge, nest } from "../run/layers.ts";

/** Settings that a preset states for its own batch. */
const RATE = ["optimiser", "rate"];
const COUNTS = [["steps"], ["optimiser", "warmupSteps"], ["optimiser", "decaySteps"]];

/** The images of a step, by settings of which some may not be there or be wrong, which their schema will say. */
interface Batch {
  /** Images of a step per image that the preset states its schedule for; 1 where the schedule is not to be scaled. */
  readonly factor: number;
  /** The optimiser. */
  readonly adam: boolean;
}

/** The batch that settings ask for. */
export function batchOf(settings: Json): Batch {
  const [batch, base] = ["batch", "baseBatch"].map((name) => lookup(settings, [name]));
  const sound = [batch, base].every((n) => Number.isInteger(n) && (n as number) > 0);
  const scaled = sound && lookup(settings, ["scale"]) !== false;
  return {
    factor: scaled ? (batch as number) / (base as number) : 1,
    adam: lookup(settings, ["optimiser", "kind"]) === "adam",
  };
}

/**
 * A preset's settings for steps of `factor` times as many images: the rate grows as the factor for SGD (Goyal et al., "Accurate,
 * Large Minibatch SGD", 2017) and as its square root for Adam; steps, drops and warm-up are divided, so that as many images are
 * shown. What the preset does not state stays out.
 */
export function scaledPreset(preset: Json, { factor, adam }: Batch): Json {
  if (factor === 1) return preset;
  const change = (settings: Json, path: readonly string[], to: (value: number) => number): Json => {
    const value = lookup(settings, path);
    if (typeof value === "number") return merge(settings, nest(path, to(value)));
    if (!Array.isArray(value)) return settings;
    return merge(settings, nest(path, (value as number[]).map(to)));
  };
  const rated = change(preset, RATE, (rate) => rate * (adam ? Math.sqrt(factor) : factor));
  // The last step may show more images than were asked for, never fewer; a warm-up or a drop of few steps stays one.
  return COUNTS.reduce(
    (settings, path) =>
      change(
        settings,
        path,
        (steps) =>
          path[0] === "steps" ? Math.ceil(steps / factor) : steps === 0 ? 0 : Math.max(1, Math.round(steps / factor)),
      ),
    rated,
  );
}

/** The settings that differ by being scaled, in words: `optimiser.rate 0.01 → 0.08`. */
export function scaledSettings(stated: Json, scaled: Json): string[] {
  return differences(stated, scaled).filter((path) => path !== "scale").map((path) => {
    const [was, is] = [stated, scaled].map((settings) => shown(lookup(settings, path.split("."))!));
    return `${path} ${was} → ${is}`;
  });
}

/** A setting in words; rates have many digits. */
function shown(value: Json): string {
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : JSON.stringify(value);
}
