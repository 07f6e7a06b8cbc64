/** First biases of layers. */
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { init, type Initialiser, type Seeds } from "./init.ts";

/** A layer's bias; one that starts from zeros takes no seed. */
export function biasOf(
  outputs: number,
  { biasInit }: { readonly biasInit?: Initialiser },
  seeds: Seeds,
  parameter: (name: string, shape: Shape, make: Initialiser, seed: number) => Tensor,
): Tensor {
  return parameter("bias", [outputs], biasInit ?? init.zeros, biasInit ? seeds.next() : 0);
}
