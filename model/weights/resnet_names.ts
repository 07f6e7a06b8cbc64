/** Names and arrangements of a ResNet's weights in others' files. */

/** Origin of the names in a file. */
export type Naming = "torchvision" | "slim" | "port";

/** Names of a convolution and its normalisation. */
export interface ConvNames {
  readonly weight: string;
  /** Scale γ, shift β, running mean and variance of the normalisation. */
  readonly norm: readonly [gamma: string, beta: string, mean: string, variance: string];
}

/** A convolution's place: the stem, or a convolution of a unit of a block, all counted from 1. */
export type ConvPlace = "stem" | {
  readonly block: number;
  readonly unit: number;
  readonly conv: 1 | 2 | 3 | "shortcut";
};

/** The part of a name before and after what torchvision calls it. */
interface TorchStems {
  readonly stem: (layer: "conv" | "bn") => string;
  readonly block: (block: number) => string;
}

const STEMS: Readonly<Record<"torchvision" | "port", TorchStems>> = {
  torchvision: { stem: (layer) => `${layer}1`, block: (block) => `layer${block}` },
  // nn.Sequential(conv1, bn1, relu, maxpool, layer1, layer2, layer3), and layer4 by itself.
  port: {
    stem: (layer) => `Conv_base.${layer === "conv" ? 0 : 1}`,
    block: (block) => block === 4 ? "Conv_top.0" : `Conv_base.${block + 3}`,
  },
};

const norm = (stem: string, names: readonly [string, string, string, string]): ConvNames["norm"] =>
  names.map((name) => `${stem}${name}`) as unknown as ConvNames["norm"];
const TORCH_NORM = [".weight", ".bias", ".running_mean", ".running_var"] as const;
const SLIM_NORM = [
  "/BatchNorm/gamma",
  "/BatchNorm/beta",
  "/BatchNorm/moving_mean",
  "/BatchNorm/moving_variance",
] as const;

/** Names by `naming` of the convolution at `place`; `root` is the scope of slim's names, such as `resnet_v1_50`. */
export function convNames(naming: Naming, place: ConvPlace, root = ""): ConvNames {
  if (naming === "slim") {
    const stem = place === "stem"
      ? `${root}/conv1`
      : `${root}/block${place.block}/unit_${place.unit}/bottleneck_v1/${name(place.conv)}`;
    return { weight: `${stem}/weights`, norm: norm(stem, SLIM_NORM) };
  }
  const stems = STEMS[naming];
  if (place === "stem") return { weight: `${stems.stem("conv")}.weight`, norm: norm(stems.stem("bn"), TORCH_NORM) };
  const unit = `${stems.block(place.block)}.${place.unit - 1}`;
  const [conv, bn] = place.conv === "shortcut"
    ? ["downsample.0", "downsample.1"]
    : [`conv${place.conv}`, `bn${place.conv}`];
  return { weight: `${unit}.${conv}.weight`, norm: norm(`${unit}.${bn}`, TORCH_NORM) };
}

/** Our name: `resnet.` and this, then `.weight`, `.scale`, `.shift`. */
export function ownName(place: ConvPlace): string {
  return place === "stem" ? "resnet.conv1" : `resnet.block${place.block}.unit${place.unit}.${name(place.conv)}`;
}

function name(conv: 1 | 2 | 3 | "shortcut"): string {
  return conv === "shortcut" ? conv : `conv${conv}`;
}

/** The convolutions of a ResNet with bottlenecks of so many units a block, in the order they run. */
export function* convPlaces(units: readonly number[]): Generator<ConvPlace> {
  yield "stem";
  for (const [b, count] of units.entries()) {
    for (let unit = 1; unit <= count; unit++) {
      for (const conv of [1, 2, 3] as const) yield { block: b + 1, unit, conv };
      if (unit === 1) yield { block: b + 1, unit, conv: "shortcut" };
    }
  }
}
