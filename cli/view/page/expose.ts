/** `window.itera`: what the page shows, unrounded, for programs. */
import type { Answers, Box } from "../compute.ts";
import type { App, Shown } from "./app.ts";

/** A prediction with a row of probabilities for each box. */
interface ExposedPrediction {
  readonly name: string;
  readonly probabilities: readonly (readonly number[])[];
}

/** The page, as programs see it. */
export interface Exposed {
  /** Class names, background first. */
  readonly classes: readonly string[];
  /** Index of the picture on show. */
  readonly scene: number;
  /** Boxes in the order of rows: their numbers, and x1, y1, x2, y2. */
  readonly boxes: readonly {
    readonly id: number;
    readonly box: Box;
    readonly hidden: boolean;
    readonly look: number | null;
  }[];
  /** All predictions for these boxes; null until there are any. */
  readonly predictions: readonly ExposedPrediction[] | null;
  /** The same without the box that is asked about. */
  readonly without: { readonly id: number; readonly predictions: readonly ExposedPrediction[] | null } | null;
  /** Attention over the predictions, a row for each box. */
  readonly attention: readonly (readonly number[])[] | null;
  /** True where the predictions were computed in this browser. */
  readonly live: boolean;
  /** The line on the model's state. */
  readonly status: string;
  /** Milliseconds of the last computation. */
  readonly lastMs: number;
  /** Resolves when nothing is left to compute. */
  settled(): Promise<void>;
}

/** Puts {@link Exposed} into the window. */
export function expose(app: App): void {
  const exposed: Exposed = {
    get classes() {
      return app.classes;
    },
    get scene() {
      return app.index;
    },
    get boxes() {
      return app.scene.things.map(({ id, box, hidden, look }) => ({ id, box, hidden, look }));
    },
    get predictions() {
      return predictionsOf(app.shown);
    },
    get without() {
      return app.without && { id: app.without.id, predictions: predictionsOf(app.without.shown) };
    },
    get attention() {
      const { attention } = app.shown?.answers ?? {};
      return attention ? rows(attention, app.shown!.ids.length) : null;
    },
    get live() {
      return app.shown?.live ?? false;
    },
    get status() {
      return app.status.text;
    },
    get lastMs() {
      return app.engine?.lastMs ?? 0;
    },
    settled: () => app.settled(),
  };
  Object.assign(globalThis, { itera: exposed });
}

function predictionsOf(shown: Shown | null): ExposedPrediction[] | null {
  if (!shown) return null;
  const { predictions }: Answers = shown.answers;
  return predictions.map(({ name, probabilities }) => ({ name, probabilities: rows(probabilities, shown.ids.length) }));
}

function rows(values: Float32Array, count: number): number[][] {
  const length = values.length / count;
  return Array.from({ length: count }, (_, r) => Array.from(values.subarray(r * length, (r + 1) * length)));
}
