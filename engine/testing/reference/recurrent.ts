/** References of recurrent cells. */
import * as ad from "../float64/autodiff64.ts";
import { NDArray64, optionalReal, real, type Ref } from "../float64/ndarray64.ts";
import { type Attrs, number, word } from "./attrs.ts";
import type { Family } from "./family.ts";
import { activations } from "./pointwise.ts";
import { dense } from "./products.ts";
import { convolve, sameWindow } from "./spatial.ts";

/** Recurrent cells by name. */
export const recurrent: Family = {
  // torch.nn.GRUCell: gates in the order reset, update, new.
  gruCell: ([x, h, wx, wh, bx, bh]) => {
    const state = real(h, "h"), [, d] = state.shape;
    const fromInput = dense(real(x, "x"), real(wx, "wx"), optionalReal(bx, "bx"));
    const fromState = dense(state, real(wh, "wh"), optionalReal(bh, "bh"));
    return [
      NDArray64.from(state.shape, ([b, i]) => {
        const gate = (k: number): ad.Node => ad.sigmoid(ad.add(fromInput.at(b, k * d + i), fromState.at(b, k * d + i)));
        const reset = gate(0), update = gate(1);
        const fresh = ad.tanh(ad.add(fromInput.at(b, 2 * d + i), ad.mul(reset, fromState.at(b, 2 * d + i))));
        return ad.add(ad.mul(ad.sub(ad.constant(1), update), fresh), ad.mul(update, state.at(b, i)));
      }),
    ];
  },
  // torch.nn.LSTM of one layer, time first, from the products of its input: gates in the order input, forget, cell, output.
  lstm: ([gx, h, c, wh]) => {
    const products = real(gx, "gx"), [steps, rows] = products.shape, d = real(h, "h").shape[1];
    let [hidden, cell] = [real(h, "h"), real(c, "c")];
    const states: NDArray64[] = [];
    for (let t = 0; t < steps; t++) {
      const [before, fromState] = [cell, dense(hidden, real(wh, "wh"), null)];
      const gate = (b: number, i: number, k: number): ad.Node =>
        ad.add(products.at(t, b, k * d + i), fromState.at(b, k * d + i));
      const next = NDArray64.from([rows, d], ([b, i]) => {
        const kept = ad.mul(ad.sigmoid(gate(b, i, 1)), before.at(b, i));
        return ad.add(kept, ad.mul(ad.sigmoid(gate(b, i, 0)), ad.tanh(gate(b, i, 2))));
      });
      hidden = NDArray64.from([rows, d], ([b, i]) => ad.mul(ad.sigmoid(gate(b, i, 3)), ad.tanh(next.at(b, i))));
      cell = next;
      states.push(hidden);
    }
    const outputs = NDArray64.from([steps, rows, d], ([t, b, i]) => states[t].at(b, i));
    return [outputs, hidden, cell];
  },
  // The same by joined weights: the candidate's channels, then reset, update and zeros up to a whole four.
  convGruJoined: ([x, s, wx, ws, bx, wc], attrs) => {
    const depth = real(s, "s").shape[3], gates = 2 * number(attrs, "gates");
    const cut = (t: Ref | null, first: number, count: number): NDArray64 => {
      const from = real(t, "weights");
      return NDArray64.from(from.shape.with(-1, count), (i) => from.at(...i.slice(0, -1), first + i[i.length - 1]));
    };
    const [wxCand, wxGates] = [cut(wx, 0, depth), cut(wx, depth, gates)];
    const [bCand, bGates] = [cut(bx, 0, depth), cut(bx, depth, gates)];
    return convGru([x, s, wxGates, cut(ws, 0, gates), bGates, wxCand, wc, bCand], attrs);
  },
  convGru,
};

function convGru(
  [x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand]: readonly (Ref | null)[],
  attrs: Attrs,
): Ref[] {
  const image = real(x, "x"), state = real(s, "s"), depth = state.shape[3];
  const act = activations[word(attrs, "activation", ["relu", "tanh"])];
  const conv = (from: NDArray64, w: NDArray64): NDArray64 => convolve(from, w, sameWindow(w));
  const biasGates = real(bGates, "bGates"), gates = biasGates.shape[0] / 2;
  const gatesX = conv(image, real(wxGates, "wxGates")), gatesS = conv(state, real(wsGates, "wsGates"));
  /** Gate k (0 reset, 1 update) for a channel of the state; one gate may serve all channels. */
  const gate = ([n, y, z, c]: readonly number[], k: number): ad.Node => {
    const i = k * gates + (gates === 1 ? 0 : c);
    return ad.sigmoid(ad.add(ad.add(gatesX.at(n, y, z, i), biasGates.at(i)), gatesS.at(n, y, z, i)));
  };
  const resetState = NDArray64.from(state.shape, (index) => ad.mul(gate(index, 0), state.at(...index)));
  const candX = conv(image, real(wxCand, "wxCand")), candS = conv(resetState, real(wsCand, "wsCand"));
  const biasCand = real(bCand, "bCand");
  if (biasCand.shape[0] !== depth) throw new Error("reference: convGru: bCand must have one value per state channel");
  return [
    NDArray64.from(state.shape, (index) => {
      const cand = act(ad.add(ad.add(candX.at(...index), biasCand.at(index[3])), candS.at(...index)));
      const old = state.at(...index);
      return ad.add(old, ad.mul(gate(index, 1), ad.sub(cand, old)));
    }),
  ];
}
