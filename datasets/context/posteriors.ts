/**
 * Upper bounds of accuracy: the exact class posteriors from an object's look alone, from its pair, and from the image.
 * The generator's own tables are summed over, in float64; a faded object's likelihood is the same for every class.
 */
import type { ContextTables } from "./tables.ts";

/** One pair as it is seen: two looks (L means faded) and the relation, an index into `RELATIONS`. */
export interface SeenPair {
  readonly hostLook: number;
  readonly guestLook: number;
  readonly relation: number;
}

/** Posteriors over classes of one pair's two objects, each [C]. */
export interface PairPosterior {
  readonly host: Float64Array<ArrayBuffer>;
  readonly guest: Float64Array<ArrayBuffer>;
}

/** p(l | c): 1 - faded for the class's own look, faded for the faded look, else 0. */
export function lookLikelihood(tables: ContextTables, look: number, label: number): number {
  if (look === tables.looks.length) return tables.faded;
  return tables.lookOf[label] === look ? 1 - tables.faded : 0;
}

/** p(c | l) ∝ p(c) p(l | c), [C], with `shares` = p(c). */
export function appearancePosterior(tables: ContextTables, shares: ArrayLike<number>, look: number) {
  const posterior = new Float64Array(shares.length);
  for (let c = 1; c < shares.length; c++) posterior[c] = shares[c] * lookLikelihood(tables, look, c);
  return normalised(posterior);
}

/** p(h, seen | s) and p(g, seen | s) for every scene, unnormalised, and p(seen | s). */
export function sceneTerms(
  tables: ContextTables,
  seen: SeenPair,
): { readonly host: Float64Array[]; readonly guest: Float64Array[]; readonly likelihood: Float64Array } {
  const classes = tables.names.length;
  const host: Float64Array[] = [], guest: Float64Array[] = [];
  const likelihood = new Float64Array(tables.scenes.length);
  tables.scenes.forEach((scene, s) => {
    const byHost = new Float64Array(classes), byGuest = new Float64Array(classes);
    scene.hosts.forEach((h, i) => {
      const front = scene.probabilities[i] * lookLikelihood(tables, seen.hostLook, h);
      if (front === 0) return;
      const { guests, relations, probabilities } = scene.guests[i];
      for (let j = 0; j < guests.length; j++) {
        if (relations[j] !== seen.relation) continue;
        const joint = front * probabilities[j] * lookLikelihood(tables, seen.guestLook, guests[j]);
        byHost[h] += joint;
        byGuest[guests[j]] += joint;
        likelihood[s] += joint;
      }
    });
    host.push(byHost);
    guest.push(byGuest);
  });
  return { host, guest, likelihood };
}

/** p(h | pair) and p(g | pair): the scene is summed out under its uniform prior. */
export function pairPosterior(tables: ContextTables, seen: SeenPair): PairPosterior {
  const { host, guest } = sceneTerms(tables, seen);
  return { host: mixed(host), guest: mixed(guest) };
}

/** p(c | everything) for every pair of one image, and p(s | all pairs), [S]. */
export function imagePosterior(
  tables: ContextTables,
  seen: readonly SeenPair[],
): { readonly scene: Float64Array<ArrayBuffer>; readonly pairs: readonly PairPosterior[] } {
  const terms = seen.map((pair) => sceneTerms(tables, pair));
  // Likelihoods of up to eight pairs multiply to no less than about 1e-40: no logarithms are needed in float64.
  const scene = new Float64Array(tables.scenes.length).fill(1);
  for (const { likelihood } of terms) likelihood.forEach((value, s) => scene[s] *= value);
  normalised(scene);
  const pairs = terms.map(({ host, guest, likelihood }) => {
    const weights = Float64Array.from(scene, (p, s) => likelihood[s] > 0 ? p / likelihood[s] : 0);
    return { host: mixed(host, weights), guest: mixed(guest, weights) };
  });
  return { scene, pairs };
}

function mixed(terms: readonly Float64Array[], weights?: ArrayLike<number>): Float64Array<ArrayBuffer> {
  const sum = new Float64Array(terms[0].length);
  terms.forEach((term, s) => {
    const weight = weights === undefined ? 1 : weights[s];
    for (let c = 0; c < sum.length; c++) sum[c] += weight * term[c];
  });
  return normalised(sum);
}

function normalised(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  let total = 0;
  for (const value of values) total += value;
  for (let i = 0; i < values.length; i++) values[i] /= total;
  return values;
}
