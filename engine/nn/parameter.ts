/** Parameters of modules as they are listed. */
import type { Tensor } from "../tensor.ts";

/** A trainable (or frozen) tensor of a module. */
export interface ParameterOptions {
  /** Collect gradients; default true. */
  readonly trainable?: boolean;
  /** Apply weight decay; default true for names that end in `weight`. */
  readonly decay?: boolean;
  /** The first axis numbers parameters that only lie together: a bank's; default false. */
  readonly bank?: boolean;
}

/** A parameter with the name it has from the module asked. */
export interface NamedParameter {
  /** Dotted path, such as `block1.0.conv2.weight`. */
  readonly name: string;
  /** Its value. */
  readonly tensor: Tensor;
  /** True where gradients are collected. */
  readonly trainable: boolean;
  /** True where weight decay applies. */
  readonly decay: boolean;
  /** True where the first axis numbers parameters that only lie together (a bank's), of which a step may use a part. */
  readonly bank?: boolean;
}
