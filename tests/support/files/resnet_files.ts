/** Files of ResNet weights made by formula, as torchvision and TF-slim would have written them. */
import type { StoredTensor, WeightFile } from "../../../model/weights/stored.ts";
import { norm, weight } from "../formula.ts";

type Units = readonly number[];

class Writer {
  readonly tensors = new Map<string, StoredTensor>();

  put(name: string, shape: readonly number[], data: () => Float32Array<ArrayBuffer>): void {
    this.tensors.set(name, { shape, read: data });
  }

  norms(stem: string, names: readonly string[], channels: number, last: boolean): void {
    const values = norm(stem, channels, last);
    names.forEach((name, i) => this.put(name, [channels], () => values[i]));
  }
}

/** Convolutions of a bottleneck: name, window, input and output channels. */
function* bottleneck(inputs: number, base: number, first: boolean) {
  yield { conv: 1, k: 1, inputs, outputs: base } as const;
  yield { conv: 2, k: 3, inputs: base, outputs: base } as const;
  yield { conv: 3, k: 1, inputs: base, outputs: 4 * base } as const;
  if (first) yield { conv: 0, k: 1, inputs, outputs: 4 * base } as const;
}

/** A state dict of torchvision's. */
export function torchFile(units: Units): WeightFile {
  const file = new Writer();
  const add = (conv: string, bn: string, k: number, inputs: number, outputs: number, last: boolean): void => {
    const fan = k * k * inputs;
    file.put(`${conv}.weight`, [outputs, inputs, k, k], () => weight(`${conv}.weight`, fan * outputs, fan));
    const names = ["weight", "bias", "running_mean", "running_var"].map((part) => `${bn}.${part}`);
    file.norms(bn, names, outputs, last);
    file.put(`${bn}.num_batches_tracked`, [], () => Float32Array.of(0));
  };
  add("conv1", "bn1", 7, 3, 64, false);
  let inputs = 64;
  units.forEach((count, b) => {
    for (let u = 0; u < count; u++) {
      for (const c of bottleneck(inputs, 64 * 2 ** b, u === 0)) {
        const unit = `layer${b + 1}.${u}`;
        if (c.conv === 0) add(`${unit}.downsample.0`, `${unit}.downsample.1`, c.k, c.inputs, c.outputs, true);
        else add(`${unit}.conv${c.conv}`, `${unit}.bn${c.conv}`, c.k, c.inputs, c.outputs, c.conv === 3);
      }
      inputs = 256 * 2 ** b;
    }
  });
  file.put("fc.weight", [1000, 2048], () => new Float32Array(1000 * 2048));
  file.put("fc.bias", [1000], () => new Float32Array(1000));
  return { format: "made", tensors: file.tensors, metadata: {} };
}

/** A checkpoint of TF-slim's resnet_v1. */
export function slimFile(root: string, units: Units): WeightFile {
  const file = new Writer();
  const add = (scope: string, k: number, inputs: number, outputs: number, last: boolean): void => {
    const fan = k * k * inputs;
    file.put(`${scope}/weights`, [k, k, inputs, outputs], () => weight(`${scope}/weights`, fan * outputs, fan));
    const names = ["gamma", "beta", "moving_mean", "moving_variance"].map((part) => `${scope}/BatchNorm/${part}`);
    file.norms(scope, names, outputs, last);
  };
  add(`${root}/conv1`, 7, 3, 64, false);
  let inputs = 64;
  units.forEach((count, b) => {
    for (let u = 0; u < count; u++) {
      for (const c of bottleneck(inputs, 64 * 2 ** b, u === 0)) {
        const unit = `${root}/block${b + 1}/unit_${u + 1}/bottleneck_v1`;
        add(c.conv === 0 ? `${unit}/shortcut` : `${unit}/conv${c.conv}`, c.k, c.inputs, c.outputs, c.conv % 3 === 0);
      }
      inputs = 256 * 2 ** b;
    }
  });
  file.put(`${root}/logits/weights`, [1, 1, 2048, 1000], () => new Float32Array(2048 * 1000));
  return { format: "made", tensors: file.tensors, metadata: {} };
}
