/**
 * From an expression's words to a program's tokens: an LSTM encoder and an LSTM decoder
 * (papers/iep-ref.md#program-generator).
 */
import { END, NULL, START } from "../../../datasets/refplus/encoding/tokens.ts";
import {
  add,
  argmax,
  clamp,
  concat,
  crossEntropy,
  type Device,
  Embedding,
  exp,
  gather,
  type Linear,
  log,
  logSoftmax,
  LSTM,
  type LSTMResult,
  type LSTMState,
  Module,
  reshape,
  Seeds,
  slice,
  type Tensor,
} from "../../../engine/mod.ts";
import { linear } from "../engine/initial.ts";
import { type Sequences, StaticExpressions, StaticSequences, timeFirst } from "./sequence_inputs.ts";

/** Sizes and settings of a {@link ProgramGenerator}. */
export interface ProgramGeneratorOptions {
  /** Size of the expressions' vocabulary. */
  readonly words: number;
  /** Size of the programs' vocabulary. */
  readonly tokens: number;
  /** Width of word and token vectors; default 300. */
  readonly wordDim?: number;
  /** Units of each LSTM layer; default 256. */
  readonly hidden?: number;
  /** LSTM layers of the encoder and of the decoder; default 2. */
  readonly layers?: number;
  /** Initial bias of the forget gates; null or left out for a random one. */
  readonly forgetBias?: number | null;
  /** Label smoothing of {@link ProgramGenerator.loss}; default 0. */
  readonly labelSmoothing?: number;
  /** Seed of the first weights. */
  readonly seed: number;
}

export type { Sequences };

/** Tokens drawn with a temperature, keyed by seed, step and the expression's number. */
export interface DrawOptions {
  /** Seed of the draws. */
  readonly seed: number;
  /** Number of the update. */
  readonly step: number;
  /** Divisor of the logits; default 1. */
  readonly temperature?: number;
  /** Numbers of the expressions, from `first` on, where they are a part of a batch of `of`; by default all of it. */
  readonly rows?: { readonly first: number; readonly of: number };
}

/** Choice of tokens: the likeliest, or drawn. */
export type Choice = "likeliest" | DrawOptions;

/** Decoded programs. */
export interface Decoded {
  /** [count, length] without `<START>`, `<END>` included, then `<NULL>`. */
  readonly programs: Sequences;
  /** The same before anything after `<END>` is made `<NULL>`, as far as the last program goes. */
  readonly drawn: Sequences;
}

/** Longest program in tokens, which is the number of decoding steps. */
export const MAX_PROGRAM = 30;

/**
 * The program generator of IEP-Ref: sequence to sequence without attention.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { Adam, Device } from "@itera/itera/engine";
 * import { ProgramGenerator } from "@itera/itera/models";
 *
 * await using device = await Device.open();
 * const sizes = { words: 6, tokens: 6, wordDim: 8, hidden: 16, layers: 1 };
 * using generator = new ProgramGenerator(device, { ...sizes, seed: 1 });
 * using adam = new Adam(device, generator.trainable(), { rate: 0.05 });
 * // Words and tokens between <START> (1) and <END> (2).
 * const words = { data: Int32Array.of(1, 4, 5, 2), count: 1, length: 4 };
 * const program = { data: Int32Array.of(1, 5, 4, 2), count: 1, length: 4 };
 * for (let step = 0; step < 20; step++) {
 *   using scope = device.scope();
 *   generator.loss(words, program).backward();
 *   adam.step();
 *   generator.zeroGrad();
 * }
 * const { programs } = await generator.decode(words, "likeliest");
 * deepStrictEqual([...programs.data], [5, 4, 2]);
 * ```
 */
export class ProgramGenerator extends Module {
  readonly #tokens: number;
  readonly #encoderEmbed: Embedding;
  readonly #encoder: LSTM;
  readonly #decoderEmbed: Embedding;
  readonly #decoder: LSTM;
  readonly #hidden: number;
  readonly #labelSmoothing: number;
  readonly #linear: Linear;

  /** Builds it with random weights. */
  constructor(device: Device, options: ProgramGeneratorOptions) {
    super(device);
    const { words, tokens, wordDim = 300, hidden = 256, layers = 2, forgetBias = null, labelSmoothing = 0, seed } =
      options;
    const lstm = { layers, ...forgetBias === null ? {} : { forgetBias } };
    const seeds = new Seeds(seed);
    this.#tokens = tokens;
    this.#hidden = hidden;
    this.#labelSmoothing = labelSmoothing;
    this.#encoderEmbed = this.child(
      "encoder_embed",
      new Embedding(device, { vocabulary: words, width: wordDim, seeds }),
    );
    this.#encoder = this.child("encoder_rnn", new LSTM(device, { inputs: wordDim, hidden, seeds, ...lstm }));
    this.#decoderEmbed = this.child(
      "decoder_embed",
      new Embedding(device, { vocabulary: tokens, width: wordDim, seeds }),
    );
    this.#decoder = this.child("decoder_rnn", new LSTM(device, { inputs: hidden + wordDim, hidden, seeds, ...lstm }));
    this.#linear = this.child("decoder_linear", linear(device, hidden, tokens, seeds));
  }

  /** The top layer's state at each expression's last word: [count, hidden]. Padding does not affect it. */
  encode(refexps: Sequences): Tensor {
    using scope = this.device.scope();
    return scope.keep(this.#read(scope.adopt(this.#expressions(refexps))));
  }

  /** Logits of the token after each of `inputs`, time first: encoded [N, hidden] → [T · N, tokens]. */
  logits(encoded: Tensor, { data, count, length }: Sequences): Tensor {
    const { device } = this;
    using scope = device.scope();
    const tokens = device.tensor(timeFirst(data, count), [length, count]);
    return scope.keep(this.#scored(this.#decode(this.#given(encoded), tokens)));
  }

  /** Mean cross-entropy over all tokens after `<START>`, `<END>` included, `<NULL>` not (teacher forcing, labels smoothed). */
  loss(refexps: Sequences, programs: Sequences): Tensor {
    using scope = this.device.scope();
    const sizes = { count: refexps.count, words: refexps.length, tokens: programs.length };
    const batch = scope.adopt(new StaticSequences(this.device, sizes));
    batch.write(refexps, programs);
    return scope.keep(this.lossOn(batch));
  }

  /** {@link ProgramGenerator.loss} of a batch on the device, whose work can be captured. */
  lossOn(batch: StaticSequences): Tensor {
    using scope = this.device.scope();
    const states = this.#decode(this.#given(this.#read(batch.expressions)), batch.inputs);
    const total = crossEntropy(this.#scored(states), batch.labels, {
      reduction: "sum",
      labelSmoothing: this.#labelSmoothing,
    });
    return scope.keep(total.mul(batch.share));
  }

  /** Decodes programs of expressions, at most {@link MAX_PROGRAM} tokens each. */
  async decode(refexps: Sequences, choice: Choice): Promise<Decoded> {
    const decoded = this.device.noGrad(() => {
      using scope = this.device.scope();
      return scope.keep(this.decodeOn(scope.adopt(this.#expressions(refexps)), choice)).unscoped();
    });
    const read = decoded.data();
    decoded.dispose();
    return finished(await read, refexps.count);
  }

  /** The tokens i32 [count, {@link MAX_PROGRAM}] of {@link decode}, for expressions on the device; its work can be captured. */
  decodeOn(expressions: StaticExpressions, choice: Choice): Tensor {
    const { device } = this;
    using scope = device.scope();
    const [, count] = expressions.words.shape;
    const given = this.#given(this.#read(expressions));
    let last = device.full([count], START, { dtype: "i32" });
    let state: LSTMState | undefined;
    const chosen: Tensor[] = [];
    for (let t = 0; t < MAX_PROGRAM; t++) {
      const result = this.#decode(given, reshape(last, [1, count]), state);
      state = result;
      const logits = this.#scored(result);
      last = argmax(choice === "likeliest" ? logits : perturbed(logits, choice, t), 1);
      chosen.push(reshape(last, [count, 1]));
    }
    return scope.keep(concat(chosen, 1));
  }

  /**
   * The score-function loss −Σ Aₙ log p(yₙₜ) of drawn programs (Williams, 1992); `mask` leaves out the tokens after a
   * program's own end, which the reference includes (`none`). `temperature` is that of the draw: p is what they were drawn
   * from, or the estimate would be of another expectation. `entropy` times the sum of the tokens' entropies is taken off.
   */
  reinforceLoss(
    refexps: Sequences,
    { data, count, length }: Sequences,
    advantages: ArrayLike<number>,
    mask: "after_end" | "none",
    temperature = 1,
    entropy = 0,
  ): Tensor {
    const { device } = this;
    using scope = device.scope();
    const inputs = new Int32Array(count * length), weights = new Float32Array(count * length);
    const counts = new Float32Array(count * length);
    for (let n = 0; n < count; n++) {
      let over = false;
      for (let t = 0; t < length; t++) {
        const at = n * length + t;
        inputs[at] = t === 0 ? START : data[at - 1];
        counts[at] = over && mask === "after_end" ? 0 : 1;
        weights[at] = counts[at] === 0 ? 0 : advantages[n];
        over ||= data[at] === END;
      }
    }
    const plain = this.logits(this.encode(refexps), { data: inputs, count, length });
    const logits = temperature === 1 ? plain : plain.mul(1 / temperature);
    const labels = device.tensor(timeFirst(data, count));
    const options = { reduction: "sum", weights: device.tensor(timeFirst(weights, count)) } as const;
    const loss = crossEntropy(logits, labels, options);
    if (entropy === 0) return scope.keep(loss);
    const logs = logSoftmax(logits), negative = exp(logs).mul(logs).sum(1);
    return scope.keep(loss.add(negative.mul(device.tensor(timeFirst(counts, count))).sum().mul(entropy)));
  }

  #expressions(refexps: Sequences): StaticExpressions {
    const inputs = new StaticExpressions(this.device, refexps.count, refexps.length);
    inputs.write(refexps);
    return inputs;
  }

  /** {@link encode} of expressions on the device. */
  #read({ words, ends }: StaticExpressions): Tensor {
    // The product of a word's vector with the gates' weights is the same at every time step.
    const given = this.#encoder.products(this.#encoderEmbed.weight);
    const { outputs } = this.#encoder.steps(gather(given, words));
    return gather(reshape(outputs, [words.size, this.#hidden]), ends);
  }

  /** Inputs of the decoder's gates: from the encoded expressions, [1, N, gates], and from each token, [tokens, gates]. */
  #given(encoded: Tensor): Given {
    const [count, hidden] = encoded.shape;
    const read = this.#decoder.products(encoded, { bias: false });
    return {
      read: reshape(read, [1, count, read.shape[1]]),
      tokens: this.#decoder.products(this.#decoderEmbed.weight, { from: hidden }),
    };
  }

  /** States of the decoder after tokens i32 [T, N]. */
  #decode({ read, tokens }: Given, inputs: Tensor, state?: LSTMState): LSTMResult {
    return this.#decoder.steps(add(gather(tokens, inputs), read), state);
  }

  /** Logits [T · N, tokens] of all time steps. */
  #scored({ outputs }: LSTMResult): Tensor {
    return this.#linear.forward(reshape(outputs, [outputs.shape[0] * outputs.shape[1], this.#hidden]));
  }
}

/** Inputs of the decoder's gates. */
interface Given {
  readonly read: Tensor;
  readonly tokens: Tensor;
}

/** Logits whose argmax is a draw from their softmax: Gumbel noise −log(−log u) added. */
function perturbed(logits: Tensor, { seed, step, temperature = 1, rows }: DrawOptions, t: number): Tensor {
  const { device, shape: [count, tokens] } = logits;
  const all = device.uniform([rows?.of ?? count, tokens], { seed, step: step * MAX_PROGRAM + t });
  const uniform = clamp(rows ? slice(all, [rows.first, 0], [count, tokens]) : all, 1e-12, 1 - 1e-7);
  return logits.mul(1 / temperature).sub(log(log(uniform).neg()));
}

/** Cuts drawn tokens [count, MAX_PROGRAM] at the end of the longest program, and each program at its own end. */
export function finished(tokens: ArrayLike<number>, count: number): Decoded {
  const data = Int32Array.from(tokens);
  const rows = Array.from({ length: count }, (_, n) => data.subarray(n * MAX_PROGRAM, (n + 1) * MAX_PROGRAM));
  const lengths = rows.map((row) => {
    const end = row.indexOf(END);
    return end < 0 ? MAX_PROGRAM : end + 1;
  });
  const length = Math.max(1, ...lengths);
  const drawn = Int32Array.from(rows.flatMap((row) => [...row.subarray(0, length)]));
  const programs = drawn.map((token, i) => i % length < lengths[Math.floor(i / length)] ? token : NULL);
  return { programs: { data: programs, count, length }, drawn: { data: drawn, count, length } };
}
