/** Our region classifiers beside the authors' networks, on the same weights and the same image. */
import { type Device, type NamedParameter, softmax, type Tensor } from "../../../engine/mod.ts";
import { BaselineClassifier, type RegionFeatures } from "../../../model/regions/baseline.ts";
import { classKnowledge } from "../../../model/regions/reasoning/knowledge.ts";
import { hardExampleWeights } from "../../../model/regions/reasoning/losses.ts";
import { PUBLISHED_REASONING, type ReasoningOptions } from "../../../model/regions/reasoning/options.ts";
import { ReasoningClassifier, type Rollout, type Trace } from "../../../model/regions/reasoning/reasoner.ts";
import type { Losses } from "../../../model/regions/contract.ts";
import type { RegionInput, RegionTensors } from "../../../model/regions/regions.ts";
import { resnetPresets } from "../../../model/backbones/resnet.ts";
import { importWeights } from "../../../model/weights/import.ts";
import { uniform } from "./formula.ts";
import { type NetworkGolden, snapshotOf } from "./golden.ts";
import { placeOf } from "./names.ts";
import { Parameters, turns } from "./parameters.ts";
import type { Rows } from "./rows.ts";
import { compareSteps, DECAY, type Picture } from "./steps.ts";

/** Of values, relative to the largest of the tensor; of gradients. */
const FORWARD = 2e-4, GRADIENT = 2e-3;

type Image = RegionInput | RegionTensors;

/** Values on the way of the pass that the losses are made of: a pass for each comparison would take most of the time. */
interface Seen {
  features: RegionFeatures | null;
  /** Null of a plain ConvNet. */
  rollout: (Rollout & Trace) | null;
}

/** Puts features where they outlive the pass that made them. */
function see(model: Model, features: RegionFeatures): RegionFeatures {
  if (model.seen) {
    model.seen.features = features;
    model.device.currentScope!.keep(features.map);
  }
  return features;
}

class SeenBaseline extends BaselineClassifier {
  /** Filled by the next pass where it is there. */
  seen: Seen | null = null;

  override features(input: Image): RegionFeatures {
    return see(this, super.features(input));
  }
}

class SeenReasoning extends ReasoningClassifier {
  /** Filled by the next pass where it is there. */
  seen: Seen | null = null;

  override features(input: Image): RegionFeatures {
    return see(this, super.features(input));
  }

  override rollout(input: Image): Rollout {
    if (!this.seen) return super.rollout(input);
    const trace: Trace = { memories: [], layers: [], edges: null };
    return this.seen.rollout = { ...super.rollout(input, trace), ...trace };
  }
}

type Model = SeenBaseline | SeenReasoning;

/** Holds one golden file's figures. */
export async function compareNetwork(device: Device, golden: NetworkGolden, rows: Rows): Promise<void> {
  using model = build(device, golden);
  const own = new Parameters(model);
  await compareFirstWeights(own, golden, rows);
  load(own, golden, rows);
  const { args: { height, width, net }, boxes, labels } = golden;
  const input: Picture = {
    image: uniform("image", height * width * 3, -120, 130),
    height,
    width,
    boxes: Float32Array.from(boxes.flat()),
  };
  {
    using _scope = device.scope();
    const targets = device.tensor(Int32Array.from(labels));
    const seen: Seen = model.seen = { features: null, rollout: null };
    const { total, parts } = model.loss(input, targets);
    model.seen = null;
    const { rollout } = seen, features = seen.features!;
    await compareTensor("head", features.map, golden, rows);
    await compareTensor("rois", features.boxes.normalised, golden, rows);
    if (rollout) await compareRollout(rollout, targets, parts, golden, rows);
    else await compareScores(features.logits, "", golden, rows);
    await compareLosses(own, total, net !== "base_memory", golden, rows);
    total.backward();
    await compareGradients(own, golden, rows);
    model.zeroGrad();
  }
  if (golden.steps) await compareSteps(model, own, input, golden, rows);
}

function build(device: Device, { args }: NetworkGolden): Model {
  const { classes, maxpool: maxPool, layers, net } = args;
  const shared = { classes, resnet: resnetPresets[`resnet${layers}`], seed: 3, maxPool };
  if (net === "baseline") return new SeenBaseline(device, shared);
  const { memory, head, loss } = PUBLISHED_REASONING;
  const { std = 0.01, ustd = 0.01, cstd = 0.01 } = args;
  // base_memory.py has no attention and plain means of cross-entropies; its answer is the last prediction.
  const attention = net === "memory";
  const reasoning: ReasoningOptions = {
    ...PUBLISHED_REASONING,
    iterations: args.iter,
    memory: { ...memory, depth: args.depth, std, updateStd: ustd },
    head: { ...head, width: args.fc, std: cstd },
    loss: { ...loss, beta: args.beta, reweight: attention },
    attention,
  };
  const knowledge = classKnowledge(null, classes, null, 3);
  return new SeenReasoning(device, { ...shared, mode: "local", reasoning, knowledge });
}

/** Our first weights' deviations beside the authors' initialisers': both are samples of so many numbers. */
async function compareFirstWeights(own: Parameters, { variables }: NetworkGolden, rows: Rows): Promise<void> {
  const memory = Object.entries(variables).filter(([name]) => name.startsWith("SMN/"));
  for await (const [name, values, { shape, initStd }] of own.each(memory, (p) => p.tensor.data())) {
    const size = shape.reduce((a, b) => a * b, 1), std = deviation(values);
    const off = initStd === 0 ? std : Math.abs(std / initStd - 1) / (5 / Math.sqrt(size));
    rows.add(`first ${name}: deviation in units of 5 / sqrt(n)`, off, 1, `${std} for ${initStd}`);
  }
}

/** Standard deviation of numbers; in loops, for there are up to 10^8. */
function deviation(values: Float32Array): number {
  let sum = 0, squares = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  const mean = sum / values.length;
  for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2;
  return Math.sqrt(squares / values.length);
}

/** Writes the authors' weights into ours by the importer; what is left over, what trains there and here. */
function load(own: Parameters, golden: NetworkGolden, rows: Rows): void {
  const { tensors, left } = importWeights(snapshotOf(golden));
  for (const [name, { data }] of tensors) own.all.get(name)!.tensor.write(data);
  const unwritten = [...own.all.keys()].filter((name) => !tensors.has(name))
    .filter((name) => !(golden.args.net === "base_memory" && name === "memory.head.confidence.weight"));
  rows.add("parameters without a counterpart", unwritten.length, 0, unwritten.join(" "));
  rows.add("variables that the importer leaves", left.length, 0, left.join(" "));
  const wrong = Object.entries(golden.variables).filter(([name, { trainable }]) =>
    !name.includes("BatchNorm") && own.holding(placeOf(name)).some((p) => p.trainable !== trainable)
  );
  rows.add("variables that train on one side alone", wrong.length, 0, wrong.map(([name]) => name).join(" "));
}

async function compareTensor(key: string, tensor: Tensor, { out }: NetworkGolden, rows: Rows): Promise<void> {
  const want = out[key];
  if (!want) throw new Error(`the golden file has no ${key}`);
  rows.tensor(key, await tensor.data(), want, FORWARD);
}

async function compareScores(logits: Tensor, suffix: string, golden: NetworkGolden, rows: Rows): Promise<void> {
  await compareTensor(`cls_score${suffix}`, logits, golden, rows);
  await compareTensor(`cls_prob${suffix}`, softmax(logits), golden, rows);
}

async function compareRollout(
  { predictions, attention, attended, memories }: Rollout & Trace,
  targets: Tensor,
  parts: Losses["parts"],
  golden: NetworkGolden,
  rows: Rows,
): Promise<void> {
  const { out, args: { beta, iter, net } } = golden;
  for (const [i, { logits }] of predictions.entries()) {
    await compareScores(logits, `${i}`, golden, rows);
    await compareTensor(`mem${i}`, memories[i], golden, rows);
    if (net === "memory" && i < iter - 1) {
      await compareTensor(`weights${i}`, hardExampleWeights(logits, targets, beta), golden, rows);
    }
  }
  await compareTensor("cross_entropy_image", parts.image, golden, rows);
  await compareTensor("cross_entropy_memory", parts.memory, golden, rows);
  if (net !== "memory") return;
  await compareTensor("cross_entropy_final", parts.final, golden, rows);
  const weights = await attention!.data();
  for (let i = 0; i < iter; i++) {
    rows.tensor(`attend${i}`, weights.filter((_, k) => k % iter === i), out[`attend${i}`]!, FORWARD);
  }
  await compareTensor("attend_score", attended, golden, rows);
  await compareTensor("attend_prob", softmax(attended), golden, rows);
}

/** The minimised loss, and the reported total: half the decay times the squares of all that decays. */
async function compareLosses(
  own: Parameters,
  total: Tensor,
  confidence: boolean,
  golden: NetworkGolden,
  rows: Rows,
): Promise<void> {
  await compareTensor("cross_entropy", total, golden, rows);
  let squares = 0;
  const decaying = [...own.all.values()].filter(({ name, decay }) =>
    decay && (confidence || name !== "memory.head.confidence.weight")
  );
  for (const turn of turns(decaying, ({ tensor }) => tensor.size)) {
    for (const values of await Promise.all(turn.map(({ tensor }) => tensor.data()))) {
      for (let i = 0; i < values.length; i++) squares += values[i] * values[i];
    }
  }
  const want = golden.out.total_loss!.values[0];
  rows.add("total_loss", Math.abs(await total.item() + DECAY / 2 * squares - want) / want, FORWARD);
}

async function compareGradients(own: Parameters, { grads }: NetworkGolden, rows: Rows): Promise<void> {
  const learnt = new Set<string>();
  const withDecay = async ({ name, tensor, decay }: NamedParameter): Promise<Float32Array> => {
    learnt.add(name);
    if (!tensor.grad) return new Float32Array();
    const gradient = await tensor.grad.data();
    if (!decay) return gradient;
    // One after another, for the largest weights take 400 MiB; all variables of a turn wait together all the same.
    const weights = await tensor.data();
    for (let i = 0; i < gradient.length; i++) gradient[i] += DECAY * weights[i];
    return gradient;
  };
  for await (const [variable, got, want] of own.each(Object.entries(grads), withDecay)) {
    rows.tensor(`gradient of ${variable}`, got, want, GRADIENT);
  }
  const extra = [...own.all.values()].filter(({ name, tensor }) => tensor.grad && !learnt.has(name));
  rows.add("gradients the authors do not take", extra.length, 0, extra.map(({ name }) => name).join(" "));
}
