/** References of the optimisers' rules: a weight after some steps, with the bound on a float32 evaluation. */
import * as ad from "../float64/autodiff64.ts";
import { boundOf } from "../float64/tape64.ts";

/** Constants of a rule; `beta2` and `epsilon` are Adam's alone. */
export interface RuleOptions {
  readonly rate: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly decoupledDecay?: boolean;
}

/** A number with its bound. */
export interface Bounded {
  readonly value: number;
  readonly bound: number;
}

/** A step of a rule: the weight after it. */
type Step = (w: ad.Node, g: ad.Node, t: number) => ad.Node;

/** Runs a rule on one weight, with the gradients of its steps: sums of what was given since the first, as they are not zeroed. */
function steps(weight: number, gradients: readonly number[], begin: () => Step): Bounded {
  ad.resetTape();
  const step = begin();
  let w = ad.input(weight), g = ad.constant(0);
  gradients.forEach((gradient, i) => {
    g = i === 0 ? ad.input(gradient) : ad.add(g, ad.input(gradient));
    w = step(w, g, i + 1);
  });
  return { value: ad.valueOf(w), bound: boundOf(w) };
}

/** A weight after steps of SGD with classical momentum. */
export function sgdSteps(weight: number, gradients: readonly number[], options: RuleOptions): Bounded {
  const { rate, momentum, weightDecay } = options;
  return steps(weight, gradients, () => {
    let velocity = ad.constant(0);
    return (w, g) => {
      const decayed = ad.add(g, ad.mul(ad.constant(weightDecay), w));
      velocity = ad.add(ad.mul(ad.constant(momentum), velocity), decayed);
      return ad.sub(w, ad.mul(ad.constant(rate), velocity));
    };
  });
}

/** A weight after steps of Adam (Kingma and Ba, 2015), or of AdamW with decoupled decay. */
export function adamSteps(weight: number, gradients: readonly number[], options: RuleOptions): Bounded {
  const { rate, momentum, beta2 = 0, epsilon = 0, weightDecay, decoupledDecay = false } = options;
  const decay = (w: ad.Node): ad.Node => ad.mul(ad.constant(weightDecay), w);
  const mean = (beta: number, old: ad.Node, now: ad.Node): ad.Node =>
    ad.add(ad.mul(ad.constant(beta), old), ad.mul(ad.constant(1 - beta), now));
  // The kernel's 1 - beta^t is a sum of t products.
  const corrected = (beta: number, t: number, moment: ad.Node): ad.Node => {
    const lost = 1 - beta ** t;
    return ad.mul(ad.div(ad.constant(1), ad.constant(lost, 4 * t * lost)), moment);
  };
  return steps(weight, gradients, () => {
    let first = ad.constant(0), second = ad.constant(0);
    return (w, own, t) => {
      const g = decoupledDecay ? own : ad.add(own, decay(w));
      first = mean(momentum, first, g);
      second = mean(beta2, second, ad.mul(g, g));
      const scale = ad.add(ad.sqrt(corrected(beta2, t, second)), ad.constant(epsilon));
      const change = ad.div(corrected(momentum, t, first), scale);
      return ad.sub(w, ad.mul(ad.constant(rate), decoupledDecay ? ad.add(change, decay(w)) : change));
    };
  });
}
