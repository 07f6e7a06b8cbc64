/** Our weights by the names and axes PyTorch expects. */
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../../engine/mod.ts";
import { filterToTorch, type OwnTensor, reversedInputs, transposed } from "./convert.ts";
import { convNames, type ConvPlace } from "./resnet_names.ts";
import { WeightsError } from "./stored.ts";

/** The convolution's place and the part of it that a name of ours means; null for tensors outside the backbone. */
function placeOf(name: string): { readonly place: ConvPlace; readonly part: string } | null {
  const found = /^resnet\.(?:conv1|block(\d+)\.unit(\d+)\.(conv[123]|shortcut))\.(weight|scale|shift)$/.exec(name);
  if (!found) return null;
  const [, block, unit, conv, part] = found;
  if (block === undefined) return { place: "stem", part };
  const which = conv === "shortcut" ? conv : Number(conv.slice(4)) as 1 | 2 | 3;
  return { place: { block: Number(block), unit: Number(unit), conv: which }, part };
}

/**
 * The weights of a file of ours as safetensors for PyTorch: the backbone by torchvision's names (the folded normalisation
 * as γ and β with mean 0 and variance 1 − ε), other filters [O, I, kH, kW] and matrices [out, in] by our names. With `rgb`,
 * the first convolution takes RGB where ours takes BGR.
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { decodeSafetensors, encodeSafetensors } from "@itera/itera/engine";
 * import { exportTorch } from "@itera/itera/models";
 *
 * const weight = { dtype: "F32", shape: [1, 1, 3, 1], data: Float32Array.of(1, 2, 3) } as const;
 * const bytes = encodeSafetensors({ "resnet.conv1.weight": weight });
 * const filter = decodeSafetensors(exportTorch(bytes, { rgb: true })).tensors.get("conv1.weight")!;
 * deepStrictEqual(filter, { dtype: "F32", shape: [1, 3, 1, 1], data: Float32Array.of(3, 2, 1) });
 * ```
 *
 * @throws {WeightsError} when the bytes hold no backbone of ours.
 */
export function exportTorch(bytes: Uint8Array, options: { readonly rgb: boolean }): Uint8Array<ArrayBuffer> {
  const { tensors } = decodeSafetensors(bytes);
  const prefix = [...tensors.keys()].some((name) => name.startsWith("model.resnet.")) ? "model." : "";
  const out = new Map<string, SafetensorsTensor>();
  for (const [name, tensor] of tensors) {
    if (!name.startsWith(prefix) || tensor.dtype !== "F32") continue;
    const own = name.slice(prefix.length);
    const place = placeOf(own);
    if (place) putConv(out, place.place, place.part, tensor, options.rgb);
    else out.set(own, f32(forTorch(tensor)));
  }
  if (!out.has("conv1.weight")) throw new WeightsError("it holds no ResNet by Itera's names");
  return encodeSafetensors(out, { format: "pt" });
}

function putConv(
  out: Map<string, SafetensorsTensor>,
  place: ConvPlace,
  part: string,
  tensor: OwnTensor,
  rgb: boolean,
): void {
  const { weight, norm: [gamma, beta, mean, variance] } = convNames("torchvision", place);
  if (part === "weight") {
    out.set(weight, f32(filterToTorch(place === "stem" && rgb ? reversedInputs(tensor) : tensor)));
  } else if (part === "shift") out.set(beta, f32(tensor));
  else {
    const { shape, data: { length } } = tensor;
    out.set(gamma, f32(tensor));
    out.set(mean, f32({ shape, data: new Float32Array(length) }));
    out.set(variance, f32({ shape, data: new Float32Array(length).fill(1 - 1e-5) }));
    out.set(mean.replace("running_mean", "num_batches_tracked"), {
      dtype: "I64",
      shape: [],
      data: BigInt64Array.of(0n),
    });
  }
}

function forTorch(tensor: OwnTensor): OwnTensor {
  switch (tensor.shape.length) {
    case 2:
      return transposed(tensor.data, tensor.shape);
    case 4:
      return filterToTorch(tensor);
    default:
      return tensor;
  }
}

function f32({ shape, data }: OwnTensor): SafetensorsTensor {
  return { dtype: "F32", shape, data };
}
