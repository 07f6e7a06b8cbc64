/** Pictures of reports: boxes with labels that lie on none other, the rest shown where the pointer is, enlarged by a click. */
import { type LabelPlace, placeLabels } from "../../../engine/base/place_labels.ts";
import { escape, type Explained, renderExplained } from "./parts.ts";

/** A box on a picture. */
export interface PictureBox {
  /** x1, y1, x2, y2 in inclusive pixels of the picture. */
  readonly box: readonly [number, number, number, number];
  readonly label: string;
  /** Green or red. */
  readonly right: boolean;
}

/** A picture with boxes. */
export interface Picture {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** The whole file, and its type, such as `image/png`. */
  readonly file: Uint8Array;
  readonly type: string;
  readonly boxes: readonly PictureBox[];
  /** The model's scores of the boxes, by iteration, with attention and senders of messages. */
  readonly explained?: Explained;
}

/** Several answers for the regions of one picture, side by side. */
export interface PicturePair extends Omit<Picture, "boxes" | "explained"> {
  /** Boxes of each answer, with its name. */
  readonly answers: readonly { readonly name: string; readonly boxes: readonly PictureBox[] }[];
}

/** Labels that a picture shows without being asked. */
const SHOWN_LABELS = 25;

/** Pixels on the page that a picture is about as wide as, by which labels have their size. */
const SHOWN_WIDTH = 440;

/** Height of letters on the page, in pixels. */
const LETTERS = 11;

/** A picture with its boxes and, folded away, its scores. */
export function renderPicture(picture: Picture): string {
  const { title, explained } = picture;
  const scores = explained === undefined
    ? ""
    : `<details><summary class="s">Scores by iteration: ${escape(title)}</summary><div class="scroll">${
      renderExplained(explained)
    }</div></details>`;
  return `<figure>${drawing(picture, picture.boxes, imageOf(picture))}<figcaption>${
    escape(title)
  }</figcaption>${scores}</figure>`;
}

/** A picture once for each answer; its file stands on the page once. */
export function renderPair(pair: PicturePair, id: string): string {
  const first = imageOf(pair).replace("<image ", `<image id="${id}" `);
  const parts = pair.answers.map(({ name, boxes }, i) =>
    `<figure>${drawing(pair, boxes, i === 0 ? first : `<use href="#${id}"/>`)}<figcaption>${escape(name)}: ${
      boxes.filter(({ right }) => right).length
    } of ${boxes.length} right</figcaption></figure>`
  );
  return `<section><div class="pair">${parts.join("")}</div><p class="note">${escape(pair.title)}</p></section>`;
}

function imageOf({ width, height, file, type }: Pick<Picture, "width" | "height" | "file" | "type">): string {
  const pixels = type === "image/png" ? ' style="image-rendering:pixelated"' : "";
  return `<image width="${width}" height="${height}"${pixels} href="data:${type};base64,${file.toBase64()}"/>`;
}

function drawing(
  { title, width, height }: Pick<Picture, "title" | "width" | "height">,
  boxes: readonly PictureBox[],
  image: string,
): string {
  const letters = LETTERS * width / SHOWN_WIDTH, round = (value: number): string => value.toFixed(2);
  const labels = boxes.map(({ box: [x1, y1, x2, y2], label }) => ({
    box: [x1, y1, x2 + 1, y2 + 1] as const,
    width: ([...label].length * 0.56 + 0.6) * letters,
    height: 1.35 * letters,
  }));
  // Wrong answers have the first choice of places.
  const order = boxes.map((_, i) => i).sort((a, b) => Number(boxes[a].right) - Number(boxes[b].right));
  const placed = placeLabels(order.map((i) => labels[i]), [width, height], SHOWN_LABELS);
  const places = new Map(order.map((i, n) => [i, placed[n]]));
  const area = ({ box: [x1, y1, x2, y2] }: PictureBox): number => (x2 - x1) * (y2 - y1);
  // Small boxes lie above large ones, so that the pointer finds them.
  const stacked = boxes.map((_, i) => i).sort((a, b) => area(boxes[b]) - area(boxes[a]));
  const tag = (i: number, [x, y]: LabelPlace): string => {
    const { width: w, height: h } = labels[i];
    return `<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}"/>` +
      `<text x="${round(x + 0.3 * letters)}" y="${round(y + letters)}" font-size="${round(letters)}" ` +
      `textLength="${round(w - 0.6 * letters)}" lengthAdjust="spacingAndGlyphs">${escape(boxes[i].label)}</text>`;
  };
  const side = (i: number): string => boxes[i].right ? "right" : "wrong";
  const frames = stacked.map((i) => {
    const { box: [x1, y1, x2, y2], label, right } = boxes[i], { width: w, height: h } = labels[i];
    const [x, y] = [Math.max(0, Math.min(x1, width - w)), Math.max(0, Math.min(y1 - h, height - h))];
    return `<g class="box ${side(i)}"><title>${escape(label)}</title>` +
      `<rect class="f" x="${round(x1)}" y="${round(y1)}" width="${round(x2 - x1 + 1)}" height="${
        round(y2 - y1 + 1)
      }" ` +
      `vector-effect="non-scaling-stroke" stroke-width="1.5"${right ? "" : ' stroke-dasharray="6 3"'}/>` +
      `${places.get(i) ? "" : `<g class="tag asked">${tag(i, [x, y])}</g>`}</g>`;
  });
  // Above all frames, which would strike them out.
  const tags = [...places].flatMap(([i, place]) => place ? [`<g class="tag ${side(i)}">${tag(i, place)}</g>`] : []);
  return `<label class="zoom"><input type="checkbox" aria-label="enlarge ${escape(title)}">` +
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">${image}${frames.join("")}${
      tags.join("")
    }</svg></label>`;
}
