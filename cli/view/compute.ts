/** A model's answers on a picture with all that the page shows of how they came about: the same code in Deno and in a page. */
import type { RgbImage } from "../../datasets/images/preprocess.ts";
import type { SafetensorsTensor } from "../../engine/mod.ts";
import type { RegionModel } from "../../model/regions/contract.ts";
import { predictRegions, preparedRegions } from "../../model/regions/evaluation/predict.ts";
import { explain, type Explanation, type MemoryMap } from "../../model/regions/report/explain.ts";
import type { PageConfig } from "./payload.ts";

/** Numbers of a model on a picture with R regions. */
export type Answers = Pick<Explanation, "predictions" | "attention" | "written" | "messages">;

/** A box in inclusive pixels. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** Answers without any region. */
export const NO_ANSWERS: Answers = { predictions: [], attention: null, written: [], messages: [] };

/** Runs a model on a picture's regions; boxes are in pixels of the picture. */
export async function compute(
  model: RegionModel,
  picture: RgbImage,
  boxes: readonly Box[],
  config: PageConfig,
): Promise<Answers> {
  if (boxes.length === 0) return NO_ANSWERS;
  const image = preparedRegions(picture, Float32Array.from(boxes.flat()), config);
  return await explain(model, image) ?? plain(await predictRegions(model, image));
}

/** Answers of a model that does not show how it came to them. */
function plain(scores: Awaited<ReturnType<typeof predictRegions>>): Answers {
  const predictions = scores[0].map(({ name, probabilities }, p) => {
    const all = new Float32Array(scores.length * probabilities.length);
    scores.forEach((region, r) => all.set(region[p].probabilities, r * probabilities.length));
    return { name, probabilities: all };
  });
  return { ...NO_ANSWERS, predictions };
}

const f32 = (shape: readonly number[], data: Float32Array): SafetensorsTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(data),
});

/** Answers of scene `scene` as tensors for the payload. */
export function storeAnswers(scene: number, answers: Answers, regions: number): [string, SafetensorsTensor][] {
  const { predictions, attention, written, messages } = answers;
  const rows = (data: Float32Array): SafetensorsTensor => f32([regions, data.length / regions], data);
  return [
    ...predictions.map(({ name, probabilities }, i) =>
      [`scene${scene}.prediction${i}.${name}`, rows(probabilities)] as [string, SafetensorsTensor]
    ),
    ...(attention ? [[`scene${scene}.attention`, rows(attention)] as [string, SafetensorsTensor]] : []),
    ...written.map(({ height, width, magnitude }, i) =>
      [`scene${scene}.written${i}`, f32([height, width], magnitude)] as [string, SafetensorsTensor]
    ),
    ...messages.flatMap(({ regions, classes }, i): [string, SafetensorsTensor][] => [
      [`scene${scene}.regions${i}`, rows(regions)],
      [`scene${scene}.classes${i}`, rows(classes)],
    ]),
  ];
}

/** Answers that {@link storeAnswers} made tensors of. */
export function storedAnswers(scene: number, tensors: ReadonlyMap<string, SafetensorsTensor>): Answers {
  const values = (name: string): Float32Array | null => {
    const tensor = tensors.get(`scene${scene}.${name}`);
    return tensor ? tensor.data as Float32Array : null;
  };
  const numbered = <T>(read: (i: number) => T | null): T[] => {
    const all: T[] = [];
    for (let one = read(0); one !== null; one = read(all.length)) all.push(one);
    return all;
  };
  const start = `scene${scene}.prediction`;
  const names = [...tensors.keys()].filter((name) => name.startsWith(start))
    .map((name) => /^(\d+)\.(.*)$/s.exec(name.slice(start.length))!).map(([, i, name]) => ({ i: Number(i), name }))
    .sort((a, b) => a.i - b.i);
  return {
    predictions: names.map(({ i, name }) => ({ name, probabilities: values(`prediction${i}.${name}`)! })),
    attention: values("attention"),
    written: numbered((i): MemoryMap | null => {
      const tensor = tensors.get(`scene${scene}.written${i}`);
      if (!tensor) return null;
      const [height, width] = tensor.shape;
      return { height, width, magnitude: tensor.data as Float32Array };
    }),
    messages: numbered((i) => {
      const regions = values(`regions${i}`), classes = values(`classes${i}`);
      return regions && classes && { regions, classes };
    }),
  };
}
