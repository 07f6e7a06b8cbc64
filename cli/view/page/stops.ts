/** The answers of a model in the order in which they come about, under names for people. */
import type { Answers } from "../compute.ts";

/** One answer on the way. */
export interface Stop {
  /** Name of the prediction. */
  readonly name: string;
  /** Words for people, on one line or two. */
  readonly words: readonly string[];
  /** Index of the update whose messages and memory belong to it; −1 before the first. */
  readonly round: number;
}

const WORDS: Readonly<Record<string, string>> = { local: "Memory", global: "Graph" };

/** Stops of a model's predictions. */
export function stopsOf({ predictions, messages, written }: Answers): Stop[] {
  const rounds = Math.max(messages.length, written.length);
  return predictions.map(({ name }): Stop => {
    if (name === "image") return { name, words: ["First", "look"], round: -1 };
    if (name === "attended") return { name, words: ["Final", "answer"], round: rounds - 1 };
    const [, source, round] = /^(.*) (\d+)$/s.exec(name) ?? [];
    if (source === undefined) return { name, words: [name], round: -1 };
    return { name, words: [WORDS[source] ?? source, round], round: Number(round) - 1 };
  });
}

/** A sentence on a stop. */
export function sentence({ name, words, round }: Stop): string {
  if (name === "image") return "The first look: each one is named by itself, from its own pixels.";
  if (name === "attended") return "The final answer: all looks together, each weighed by how sure the model is of it.";
  if (words[0] === WORDS.local) {
    return `Round ${round + 1}, the memory: what was seen is written down in its place, and neighbours read it.`;
  }
  if (words[0] === WORDS.global) {
    return `Round ${round + 1}, the graph: all send messages to each other, near and far, and to what they may be.`;
  }
  return `${words.join(" ")}: an answer of this model.`;
}

/** Classes with the largest probabilities in a row, the background left out. */
export function topClasses(row: Float32Array, count: number): number[] {
  return [...row.keys()].slice(1).sort((a, b) => row[b] - row[a]).slice(0, count);
}

/** The class with the largest probability in a row, the background left out. */
export function topClass(row: Float32Array): number {
  let best = 1;
  for (let c = 2; c < row.length; c++) if (row[c] > row[best]) best = c;
  return best;
}

/** Row `r` of a matrix of rows that are equally long. */
export function rowOf(values: Float32Array, rows: number, r: number): Float32Array {
  const length = values.length / rows;
  return values.subarray(r * length, (r + 1) * length);
}
