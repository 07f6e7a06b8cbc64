/**
 * The spatial memory of the reference's own snapshots: TensorFlow's variables below `SMN/`
 * (papers/iterative-reasoning.md#memory-layers).
 */
import { interleaved, type OwnTensor, rowBlocks, type TensorSource } from "./convert.ts";

/** Name of the memory's initial value, which every snapshot with a memory has. */
const INITIAL = "SMN/mem_init/mem_init";

/** True for a snapshot of a model with a memory. */
export function hasSnapshotMemory(source: TensorSource): boolean {
  return source.has(INITIAL);
}

/**
 * Puts the memory's weights `into`; returns what there is to say, in words. Axes are ours already; a gate has one channel
 * and a layer of its own there, here both gates are one layer. Sizes are the file's.
 */
export function importSnapshotMemory(source: TensorSource, into: Map<string, OwnTensor>, classes: number): string[] {
  const put = (name: string, tensor: OwnTensor): void => void into.set(`memory.${name}`, tensor);
  const take = (name: string, shape: readonly number[]): OwnTensor => ({ shape, data: source.take(name, shape) });
  const [, height, wide, depth] = source.shape(INITIAL);
  /** A convolution of whatever window, odd and square. */
  const filter = (scope: string, inputs: number, outputs: number): OwnTensor => {
    const [window] = source.shape(`SMN/${scope}/weights`);
    return take(`SMN/${scope}/weights`, [window, window, inputs, outputs]);
  };
  const bias = (scope: string, outputs: number): OwnTensor => take(`SMN/${scope}/biases`, [outputs]);
  const layer = (own: string, scope: string, inputs: number, outputs: number): void => {
    put(`${own}.weight`, filter(scope, inputs, outputs));
    put(`${own}.bias`, bias(scope, outputs));
  };

  put("mem_init", take(INITIAL, [1, height, wide, depth]));
  put("map_prob.weight", take("SMN/bottom_top/map_prob/weights", [classes, depth]));
  layer("pool5_comp", "bottom_top/pool5_comp", source.shape("SMN/bottom_top/pool5_comp/weights")[2], depth);
  for (const [i, scope] of numbered(source, "pool5_input", 2)) layer(`input${i}`, scope, depth, depth);
  for (const [own, letter] of [["x", "p"], ["s", "m"]] as const) {
    const gates = ["reset", "update"].map((gate) => filter(`mem_update/${gate}_${letter}`, depth, 1));
    put(`gru.gates.${own}.weight`, interleaved(gates));
    put(`gru.candidate.${own}.weight`, filter(`mem_update/input_${letter}`, depth, depth));
  }
  put("gru.gates.bias", interleaved(["reset", "update"].map((gate) => bias(`mem_update/${gate}_p`, 1))));
  put("gru.candidate.bias", bias("mem_update/input_p", depth));
  layer("context1", "context/conv1", depth, depth);
  for (const [i, scope] of numbered(source, "context", 2)) layer(`context${i}`, scope, depth, depth);

  let width = depth;
  for (let i = 6; source.has(`SMN/fc7/mem_fc${i}/weights`); i++) {
    const name = `SMN/fc7/mem_fc${i}`;
    const [inputs, outputs] = source.shape(`${name}/weights`);
    for (const [part, tensor] of rowBlocks(take(`${name}/weights`, [i === 6 ? inputs : width, outputs]))) {
      put(`head.fc${i}.${part}`, tensor);
    }
    put(`head.fc${i}.bias`, take(`${name}/biases`, [outputs]));
    width = outputs;
  }
  put("head.score.weight", take("SMN/cls_iter/cls_score_mem/weights", [width, classes]));
  put("head.score.bias", bias("cls_iter/cls_score_mem", classes));
  if (!source.has("SMN/confid_iter/confid_mem/weights")) {
    return [
      "the snapshot is of a memory without attention: take it with model.reasoning.attention and loss.reweight off",
    ];
  }
  put("head.confidence.weight", take("SMN/confid_iter/confid_mem/weights", [width, 1]));
  return [];
}

/** The convolutions conv02, conv03, … of a scope, by number. */
function* numbered(source: TensorSource, scope: string, first: number): Generator<readonly [number, string]> {
  for (let i = first;; i++) {
    const name = `${scope}/conv${String(i).padStart(2, "0")}`;
    if (!source.has(`SMN/${name}/weights`)) return;
    yield [i, name];
  }
}
