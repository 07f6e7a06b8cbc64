/** References of recurrent cells. */
import * as ad from "../autodiff64.ts";
import { NDArray64, optionalReal, real } from "../ndarray64.ts";
import { word } from "./attrs.ts";
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
  // torch.nn.LSTM of one layer, time first.
  lstm: ([x, h, c, wx, wh, bx, bh]) => {
    const all = real(x, "x"), [steps, rows, inputs] = all.shape;
    let [hidden, cell] = [real(h, "h"), real(c, "c")];
    const states: NDArray64[] = [];
    for (let t = 0; t < steps; t++) {
      const now = NDArray64.from([rows, inputs], ([b, i]) => all.at(t, b, i));
      [hidden, cell] = lstmStep(now, hidden, cell, real(wx, "wx"), real(wh, "wh"), [bx, bh]);
      states.push(hidden);
    }
    const outputs = NDArray64.from([steps, rows, hidden.shape[1]], ([t, b, i]) => states[t].at(b, i));
    return [outputs, hidden, cell];
  },
  convGru: ([x, s, wxGates, wsGates, bGates, wxCand, wsCand, bCand], attrs) => {
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
  },
};

/** Gates in the order input, forget, cell, output: the states after one step. */
function lstmStep(
  x: NDArray64,
  hidden: NDArray64,
  cell: NDArray64,
  wx: NDArray64,
  wh: NDArray64,
  [bx, bh]: readonly Parameters<typeof optionalReal>[0][],
): [NDArray64, NDArray64] {
  const [, d] = cell.shape;
  const fromInput = dense(x, wx, optionalReal(bx, "bx"));
  const fromState = dense(hidden, wh, optionalReal(bh, "bh"));
  const gate = (b: number, i: number, k: number): ad.Node =>
    ad.add(fromInput.at(b, k * d + i), fromState.at(b, k * d + i));
  const next = NDArray64.from(cell.shape, ([b, i]) => {
    const kept = ad.mul(ad.sigmoid(gate(b, i, 1)), cell.at(b, i));
    return ad.add(kept, ad.mul(ad.sigmoid(gate(b, i, 0)), ad.tanh(gate(b, i, 2))));
  });
  const out = NDArray64.from(cell.shape, ([b, i]) => ad.mul(ad.sigmoid(gate(b, i, 3)), ad.tanh(next.at(b, i))));
  return [out, next];
}
