/** Our preparation of pictures and weighting of hard examples beside the authors' (golden/input.json). */
import { flipBoxes, prepareImage } from "../../../datasets/images/preprocess.ts";
import type { Device } from "../../../engine/mod.ts";
import { hardExampleWeights } from "../../../model/regions/reasoning/losses.ts";
import { uniform } from "./formula.ts";
import { largestDifference, type Rows } from "./rows.ts";

/** Outputs of the authors' minibatch for pictures, and of their update_weights for probabilities. */
export interface InputGolden {
  readonly kind: "input";
  readonly cases: readonly {
    readonly height: number;
    readonly width: number;
    readonly target: number;
    readonly max: number;
    readonly flipped: boolean;
    readonly boxesIn: readonly (readonly number[])[];
    readonly shape: readonly number[];
    readonly scale: number;
    readonly memory: readonly number[];
    readonly boxes: readonly number[];
    readonly step: number;
    readonly values: readonly number[];
  }[];
  readonly hard: readonly {
    readonly beta: number;
    readonly prob: readonly number[];
    readonly labels: readonly number[];
    readonly weights: readonly number[];
  }[];
}

/** Holds the golden file's figures. */
export async function compareInput(device: Device, { cases, hard }: InputGolden, rows: Rows): Promise<void> {
  for (const one of cases) comparePicture(one, rows);
  for (const { beta, prob, labels, weights } of hard) {
    using _scope = device.scope();
    // Logits whose softmax gives the probabilities.
    const logs = Float32Array.from(prob, (p) => Math.log(Math.max(p, 1e-30)));
    const logits = device.tensor(logs, [labels.length, prob.length / labels.length]);
    const got = await hardExampleWeights(logits, device.tensor(Int32Array.from(labels)), beta).data();
    rows.add(`weights of hard examples, beta ${beta}`, largestDifference(got, weights), 1e-6);
  }
}

function comparePicture(one: InputGolden["cases"][number], rows: Rows): void {
  const { height, width, target, max, flipped } = one;
  const bgr = uniform(`picture ${height} ${width}`, height * width * 3, 0, 255).map(Math.round);
  const rgb = Uint8Array.from(bgr, (_, i) => bgr[i - i % 3 + 2 - i % 3]);
  const got = prepareImage({ rgb, width, height }, flipped, { target, max });
  const name = `${width} x ${height} to ${target}/${max}${flipped ? ", flipped" : ""}:`;
  const [, high, wide] = one.shape;
  const apart = Math.abs(got.width - wide) + Math.abs(got.height - high);
  rows.add(`${name} size ${wide} x ${high}`, apart, 0, `got ${got.width} x ${got.height}`);
  rows.add(`${name} scale`, Math.abs(got.scale - one.scale) / one.scale, 1e-6, `${got.scale} for ${one.scale}`);
  if (apart === 0) {
    rows.add(`${name} pixels of 255`, largestDifference(sampled(got.image, one), one.values) / 255, 2e-5);
  }
  const plain = Float32Array.from(one.boxesIn.flat());
  const boxes = (flipped ? flipBoxes(plain, width) : plain).map((v) => v * got.scale);
  rows.add(`${name} boxes in pixels`, largestDifference(boxes, one.boxes), 1e-4);
  rows.add(
    `${name} size of the memory`,
    largestDifference([Math.ceil(got.height / 16), Math.ceil(got.width / 16)], one.memory),
    0,
  );
}

function sampled(image: Float32Array, { values, step }: InputGolden["cases"][number]): number[] {
  return values.map((_, k) => image[k * step]);
}
