/** References of normalisation, softmax and losses. */
import * as ad from "../float64/autodiff64.ts";
import { elements, indicesOf, NDArray64, optionalReal, real, type Ref, whole } from "../float64/ndarray64.ts";
import { type Attrs, axisOf, number, numbers, word } from "./attrs.ts";
import type { Family, Reference } from "./family.ts";
import { mean } from "./reduce.ts";

/** gamma * (x - mean) / sqrt(variance + epsilon) + beta. */
function normalise(
  x: ad.Node,
  mu: ad.Node,
  variance: ad.Node,
  gamma: ad.Node,
  beta: ad.Node,
  epsilon: number,
): ad.Node {
  const deviation = ad.sqrt(ad.add(variance, ad.constant(epsilon)));
  return ad.add(ad.mul(gamma, ad.div(ad.sub(x, mu), deviation)), beta);
}

/** Calls `row` with the scalars along `axis` for each position on the other axes; puts its results in the same places. */
function along(x: NDArray64, axis: number, row: (line: readonly ad.Node[]) => ad.Node[]): NDArray64 {
  const nodes = new Int32Array(x.nodes.length);
  const step = elements(x.shape.slice(axis + 1)), extent = x.shape[axis];
  for (const index of indicesOf(x.shape)) {
    if (index[axis] !== 0) continue;
    const first = index.reduce((flat, i, k) => flat * x.shape[k] + i, 0);
    const line = Array.from({ length: extent }, (_, i) => x.nodes[first + i * step]);
    row(line).forEach((node, i) => nodes[first + i * step] = node);
  }
  return new NDArray64(x.shape, nodes);
}

/** x minus its largest element, which changes nothing but keeps exp in range; and the exponentials' sum. */
function shifted(line: readonly ad.Node[]): { readonly logits: ad.Node[]; readonly total: ad.Node } {
  // An exactly known constant: its gradient cancels, and so does its error.
  const top = ad.constant(Math.max(...line.map(ad.valueOf)), 0);
  const logits = line.map((x) => ad.sub(x, top));
  return { logits, total: ad.sum(logits.map(ad.exp)) };
}

function softmax(line: readonly ad.Node[]): ad.Node[] {
  const { logits, total } = shifted(line);
  return logits.map((x) => ad.div(ad.exp(x), total));
}

function logSoftmax(line: readonly ad.Node[]): ad.Node[] {
  const { logits, total } = shifted(line);
  const logTotal = ad.log(total);
  return logits.map((x) => ad.sub(x, logTotal));
}

function logSumExp(line: readonly ad.Node[]): ad.Node {
  const top = ad.constant(Math.max(...line.map(ad.valueOf)), 0);
  return ad.add(top, ad.log(ad.sum(line.map((x) => ad.exp(ad.sub(x, top))))));
}

function reduced(losses: readonly ad.Node[], shape: readonly number[], attrs: Attrs): NDArray64[] {
  const reduction = word(attrs, "reduction", ["mean", "sum", "none"]);
  if (reduction === "none") return [new NDArray64(shape, Int32Array.from(losses))];
  // No rows cost nothing.
  return [NDArray64.from([], () => reduction === "sum" || losses.length === 0 ? ad.sum(losses) : mean(losses))];
}

/** Mean and biased variance of some scalars. */
function statistics(terms: readonly ad.Node[]): { readonly mu: ad.Node; readonly variance: ad.Node } {
  const mu = mean(terms);
  const squares = terms.map((x) => {
    const difference = ad.sub(x, mu);
    return ad.mul(difference, difference);
  });
  return { mu, variance: mean(squares) };
}

/** Normalises all elements with the same `row` by their own statistics; `place` finds the element's gamma and beta. */
function byRows(
  [x, gamma, beta]: readonly (Ref | null)[],
  epsilon: number,
  row: (index: readonly number[]) => string,
  place: (index: readonly number[]) => number[],
): NDArray64[] {
  const a = real(x, "x"), g = optionalReal(gamma, "gamma"), b = optionalReal(beta, "beta");
  const rows = new Map<string, ad.Node[]>();
  for (const index of indicesOf(a.shape)) rows.set(row(index), [...rows.get(row(index)) ?? [], a.at(...index)]);
  const found = new Map([...rows].map(([key, terms]) => [key, statistics(terms)]));
  return [NDArray64.from(a.shape, (index) => {
    const { mu, variance } = found.get(row(index))!, at = place(index);
    return normalise(
      a.at(...index),
      mu,
      variance,
      g ? g.at(...at) : ad.constant(1),
      b ? b.at(...at) : ad.constant(0),
      epsilon,
    );
  })];
}

function distances(distance: (difference: ad.Node) => ad.Node): Reference {
  return ([x, t], attrs) => {
    const predictions = real(x, "predictions"), targets = real(t, "targets");
    const losses = Array.from(predictions.nodes, (node, i) => distance(ad.sub(node, targets.nodes[i])));
    return reduced(losses, predictions.shape, attrs);
  };
}

/** Normalisation, softmax and losses by name. */
export const normalisation: Family = {
  batchNorm: ([x, gamma, beta], attrs) => {
    const a = real(x, "x"), g = real(gamma, "gamma"), b = real(beta, "beta");
    const epsilon = number(attrs, "epsilon"), channels = a.shape[a.shape.length - 1];
    const columns = Array.from(
      { length: channels },
      (_, c) => Array.from(a.nodes.filter((_, i) => i % channels === c)),
    );
    const means = columns.map(mean);
    const variances = columns.map((column, c) =>
      mean(column.map((value) => {
        const difference = ad.sub(value, means[c]);
        return ad.mul(difference, difference);
      }))
    );
    const y = NDArray64.from(a.shape, (index) => {
      const c = index[index.length - 1];
      return normalise(a.at(...index), means[c], variances[c], g.at(c), b.at(c), epsilon);
    });
    return [y, NDArray64.from([channels], ([c]) => means[c]), NDArray64.from([channels], ([c]) => variances[c])];
  },
  batchNormInference: ([x, gamma, beta, mu, variance], attrs) => {
    const a = real(x, "x"), epsilon = number(attrs, "epsilon");
    const perChannel = [mu, variance, gamma, beta].map((t) => real(t, "per-channel input"));
    return [
      NDArray64.from(a.shape, (index) => {
        const [m, v, g, b] = perChannel.map((t) => t.at(index[index.length - 1]));
        return normalise(a.at(...index), m, v, g, b, epsilon);
      }),
    ];
  },
  layerNorm: (inputs, attrs) => {
    const axes = numbers(attrs, "axes");
    const others = (index: readonly number[]): string => index.filter((_, axis) => !axes.includes(axis)).join();
    return byRows(inputs, number(attrs, "epsilon"), others, (index) => axes.map((axis) => index[axis]));
  },
  groupNorm: (inputs, attrs) => {
    const channels = real(inputs[0], "x").shape.at(-1)!, size = channels / number(attrs, "groups");
    const row = (index: readonly number[]): string => `${index[0]} ${Math.floor(index[index.length - 1] / size)}`;
    return byRows(inputs, number(attrs, "epsilon"), row, (index) => [index[index.length - 1]]);
  },
  softmax: ([x], attrs) => {
    const a = real(x, "x");
    return [along(a, axisOf(number(attrs, "axis"), a.shape.length), softmax)];
  },
  logSoftmax: ([x], attrs) => {
    const a = real(x, "x");
    return [along(a, axisOf(number(attrs, "axis"), a.shape.length), logSoftmax)];
  },
  crossEntropy: ([x, y, w], attrs) => {
    const logits = real(x, "logits"), labels = whole(y, "labels"), weights = optionalReal(w, "weights");
    const [n, classes] = logits.shape, spread = number(attrs, "smoothing") / classes;
    const losses = Array.from({ length: n }, (_, row) => {
      const label = labels.at(row);
      if (label === (attrs.ignored ?? -1)) return ad.constant(0);
      const line = Array.from({ length: classes }, (_, c) => logits.at(row, c));
      // Classes of no weight are left out, whose logarithm may be infinite.
      const loss = logSoftmax(line).flatMap((log, c) =>
        spread === 0 && c !== label
          ? []
          : [ad.mul(log, ad.constant(-spread - (c === label ? 1 - spread * classes : 0)))]
      ).reduce(ad.add);
      return weights ? ad.mul(loss, weights.at(row)) : loss;
    });
    const lse = NDArray64.from([n], ([row]) => logSumExp(Array.from({ length: classes }, (_, c) => logits.at(row, c))));
    return [...reduced(losses, [n], attrs), lse];
  },
  exampleWeights: ([x, y, f], attrs) => {
    const logits = real(x, "logits"), labels = whole(y, "labels"), factors = optionalReal(f, "factors");
    const [n, classes] = logits.shape, least = ad.constant(number(attrs, "least"));
    const raw = Array.from({ length: n }, (_, row) => {
      const label = labels.at(row);
      const line = softmax(Array.from({ length: classes }, (_, c) => logits.at(row, c)));
      const p = label >= 0 && label < classes ? line[label] : ad.constant(0);
      const weight = ad.maximum(ad.sub(ad.constant(1), p), least);
      return factors ? ad.mul(weight, factors.nodes[row]) : weight;
    });
    const total = ad.maximum(ad.sum(raw), ad.constant(1e-14));
    return [new NDArray64([n], Int32Array.from(raw, (weight) => ad.div(weight, total)))];
  },
  mseLoss: distances((d) => ad.mul(d, d)),
  l1Loss: distances(ad.abs),
  bceWithLogits: ([x, t], attrs) => {
    const logits = real(x, "logits"), targets = real(t, "targets");
    const losses = Array.from(logits.nodes, (node, i) => {
      const target = targets.nodes[i];
      // log(1 + e^x) - x t would be infinity less infinity.
      if (Math.abs(ad.valueOf(node)) === Infinity) {
        return ad.add(ad.mul(ad.sub(ad.constant(1), target), node), ad.softplus(ad.neg(node)));
      }
      return ad.sub(ad.softplus(node), ad.mul(node, target));
    });
    return reduced(losses, logits.shape, attrs);
  },
};
