/** References of matrix products and of sparse message passing. */
import * as ad from "../float64/autodiff64.ts";
import { broadcast, flatIndex, indicesOf, NDArray64, optionalReal, real, unbroadcast } from "../float64/ndarray64.ts";
import { flag, text } from "./attrs.ts";
import type { Family, Reference } from "./family.ts";
import { activation } from "./pointwise.ts";

/** One sparse relation in compressed rows: entries of row i are rowPtr[i] .. rowPtr[i + 1] - 1. */
interface Relation {
  readonly rowPtr: ArrayLike<number>;
  readonly colIdx: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

function inner(length: number, term: (k: number) => ad.Node): ad.Node {
  return ad.sum(Array.from({ length }, (_, k) => term(k)));
}

/** x [B,K] times w [K,N], plus bias [N] where there is one. */
export function dense(x: NDArray64, w: NDArray64, bias: NDArray64 | null): NDArray64 {
  const [k, n] = w.shape;
  return NDArray64.from([...x.shape.slice(0, -1), n], (index) => {
    const rest = index.slice(0, -1), column = index[index.length - 1];
    const product = inner(k, (i) => ad.mul(x.at(...rest, i), w.at(i, column)));
    return bias ? ad.add(product, bias.at(column)) : product;
  });
}

/** Every product of elements with the same letters' places, added up where the result's letters say. */
const einsum: Reference = (inputs, attrs) => {
  const operands = inputs.map((x) => real(x, "operand"));
  const [left, right] = text(attrs, "spec").split("->"), letters = left.split(",");
  const all = [...new Set(left.replace(",", ""))];
  const once = all.filter((letter) => left.split(letter).length === 2).sort().join("");
  const output = right ?? once;
  const extent = (letter: string): number => {
    const i = letters.findIndex((own) => own.includes(letter));
    return operands[i].shape[letters[i].indexOf(letter)];
  };
  const terms = new Map<number, ad.Node[]>(), shape = [...output].map(extent);
  for (const place of indicesOf(all.map(extent))) {
    const at = (own: string): number[] => [...own].map((letter) => place[all.indexOf(letter)]);
    const factors = operands.map((x, i) => x.at(...at(letters[i])));
    const to = flatIndex(shape, at(output));
    terms.set(to, [...terms.get(to) ?? [], factors.reduce(ad.mul)]);
  }
  return [NDArray64.from(shape, (index) => ad.sum(terms.get(flatIndex(shape, index)) ?? []))];
};

/** Products by name. */
export const products: Family = {
  einsum,
  matmul: ([x, y], attrs) => {
    const a = real(x, "a"), b = real(y, "b");
    const ta = flag(attrs, "transposeA"), tb = flag(attrs, "transposeB");
    const batchA = a.shape.slice(0, -2), batchB = b.shape.slice(0, -2);
    const [a0, a1] = a.shape.slice(-2), [b0, b1] = b.shape.slice(-2);
    const m = ta ? a1 : a0, k = ta ? a0 : a1, n = tb ? b0 : b1;
    return [
      NDArray64.from([...broadcast(batchA, batchB), m, n], (index) => {
        const batch = index.slice(0, -2), [row, column] = index.slice(-2);
        const ia = unbroadcast(batchA, batch), ib = unbroadcast(batchB, batch);
        return inner(
          k,
          (i) => ad.mul(a.at(...ia, ...(ta ? [i, row] : [row, i])), b.at(...ib, ...(tb ? [column, i] : [i, column]))),
        );
      }),
    ];
  },
  linear: ([x, w, bias, other = null], attrs) => {
    const y = dense(real(x, "x"), real(w, "w"), optionalReal(bias, "bias"));
    const residual = optionalReal(other, "residual"), act = activation(attrs);
    return [
      new NDArray64(y.shape, Int32Array.from(y.nodes, (v, i) => act(residual ? ad.add(v, residual.nodes[i]) : v))),
    ];
  },
  propagate: ([x, w, shift = null], attrs) => {
    const a = real(x, "x"), weights = real(w, "w"), bias = optionalReal(shift, "bias");
    const graph = attrs.graph as { readonly rows: number; readonly relations: readonly Relation[] };
    const [, d, o] = weights.shape, width = 4 * Math.ceil(d / 4);
    // What each row collects of the relations that have edges, rows padded to whole fours: kept for the gradient on request.
    const used = graph.relations.filter(({ colIdx }) => colIdx.length > 0);
    const collected = NDArray64.from([graph.rows, used.length * width], ([row, column]) => {
      const { rowPtr, colIdx, values } = used[Math.floor(column / width)], at = column % width;
      const entries = Array.from({ length: rowPtr[row + 1] - rowPtr[row] }, (_, i) => rowPtr[row] + i);
      return at < d ? ad.sum(entries.map((e) => ad.mul(ad.constant(values[e]), a.at(colIdx[e], at)))) : ad.constant(0);
    });
    return [
      NDArray64.from([graph.rows, o], ([row, column]) => {
        const terms: ad.Node[] = [];
        graph.relations.forEach(({ rowPtr, colIdx, values }, e) => {
          for (let entry = rowPtr[row]; entry < rowPtr[row + 1]; entry++) {
            const strength = ad.constant(values[entry]);
            const message = inner(d, (i) => ad.mul(a.at(colIdx[entry], i), weights.at(e, i, column)));
            terms.push(ad.mul(strength, message));
          }
        });
        const total = ad.sum(terms);
        return bias ? ad.add(total, bias.at(column)) : total;
      }),
      ...attrs.keeps ? [collected] : [],
    ];
  },
};
