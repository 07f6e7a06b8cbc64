/**
 * The spatial memory of the reference's PyTorch port, as far as it has a place in ours
 * (papers/iterative-reasoning.md#the-port).
 */
import { filterFromTorch, interleaved, type OwnTensor, rowBlocks, type TensorSource, transposed } from "./convert.ts";

/** Extents of its layers. */
export interface PortSizes {
  readonly depth: number;
  readonly crop: number;
  readonly width: number;
  readonly features: number;
}

/** The port fixes these. */
const PORT: PortSizes = { depth: 512, crop: 7, width: 4096, features: 1024 };

/** Puts the memory's weights `into`; returns what is lost, in words. */
export function importPortMemory(
  source: TensorSource,
  into: Map<string, OwnTensor>,
  classes: number,
  sizes: PortSizes = PORT,
): string[] {
  const { depth, crop, width, features } = sizes;
  const put = (name: string, tensor: OwnTensor): void => void into.set(`memory.${name}`, tensor);
  const vector = (name: string, size: number): OwnTensor => ({ shape: [size], data: source.take(name, [size]) });
  const conv = (name: string, kernel: number, inputs: number, outputs: number): OwnTensor => {
    const shape = [outputs, inputs, kernel, kernel];
    return filterFromTorch(source.take(`${name}.weight`, shape), shape);
  };
  const linear = (name: string, inputs: number, outputs: number): OwnTensor =>
    transposed(source.take(`${name}.weight`, [outputs, inputs]), [outputs, inputs]);

  // Its initial memory is zero and not trained; any size of it means the same.
  put("mem_init", { shape: [1, 20, 20, depth], data: new Float32Array(20 * 20 * depth) });
  put("map_prob.weight", linear("_bottomtop_fc", classes, depth));
  put("pool5_comp.weight", conv("_bottomtop_conv", 1, features, depth));
  // Biases that are only ever added to one another become one.
  put("pool5_comp.bias", sum(vector("_bottomtop_conv.bias", depth), vector("_bottomtop_fc.bias", depth)));
  put("input2.weight", conv("_input_conv.0", 3, depth, depth));
  put("input2.bias", vector("_input_conv.0.bias", depth));
  for (const [own, letter] of [["x", "p"], ["s", "m"]] as const) {
    const gates = (["reset", "update"] as const).map((gate) => conv(`_gate_${letter}_${gate}`, 3, depth, 1));
    put(`gru.gates.${own}.weight`, interleaved(gates));
    put(`gru.candidate.${own}.weight`, conv(`_gate_${letter}_input`, 3, depth, depth));
  }
  const bias = (gate: string, size: number): OwnTensor =>
    sum(vector(`_gate_p_${gate}.bias`, size), vector(`_gate_m_${gate}.bias`, size));
  put("gru.gates.bias", interleaved([bias("reset", 1), bias("update", 1)]));
  put("gru.candidate.bias", bias("input", depth));
  for (const [i, name] of ["context_n1", "context_n2.1", "context_n2.3"].entries()) {
    put(`context${i + 1}.weight`, conv(name, 3, depth, depth));
    put(`context${i + 1}.bias`, vector(`${name}.bias`, depth));
  }
  const inputs = crop * crop * depth;
  const fc6 = source.take("_fc_iter.0.weight", [width, inputs]);
  for (const [name, tensor] of rowBlocks(transposed(cellsFirst(fc6, crop * crop, depth), [width, inputs]))) {
    put(`head.fc6.${name}`, tensor);
  }
  put("head.fc6.bias", vector("_fc_iter.0.bias", width));
  put("head.fc7.weight", linear("_fc_iter.2", width, width));
  put("head.fc7.bias", vector("_fc_iter.2.bias", width));
  put("head.score.weight", linear("_cls_iter", width, classes));
  put("head.score.bias", vector("_cls_iter.bias", classes));
  put("head.confidence.weight", linear("_confidence_iter", width, 1));
  return [
    "the port takes the first confidence from a layer of its own (_confidence_cls) and adds a constant to the others; " +
    "attention differs from the port's by that",
    "the port writes the first region's update into every box; here each region writes its own",
  ];
}

function sum(a: OwnTensor, b: OwnTensor): OwnTensor {
  return { shape: a.shape, data: a.data.map((v, i) => v + b.data[i]) };
}

/** Rows of [channel, cell] as [cell, channel]: the port flattens crops with channels first. */
function cellsFirst(data: Float32Array, cells: number, depth: number): Float32Array {
  const out = new Float32Array(data.length), row = cells * depth;
  for (let at = 0; at < data.length; at += row) {
    for (let channel = 0; channel < depth; channel++) {
      for (let cell = 0; cell < cells; cell++) out[at + cell * depth + channel] = data[at + channel * cells + cell];
    }
  }
  return out;
}
