/** Reads annotations of ADE20K off the main thread: instance maps are large pictures, and every pixel is looked at. */
import { tellFailures } from "../thread.ts";
import { type AdeFiles, adeRegions, readAdeAnnotation, unnamedInstances } from "./annotation.ts";

/** The first message. */
export interface ParseSetup {
  /** Class names, background first. */
  readonly classes: readonly string[];
  readonly referenceNumbers: boolean;
}

/** A request: an image, the files of its annotation. */
export interface ParseRequest {
  readonly id: number;
  readonly image: string;
  readonly files: AdeFiles;
}

/** The regions of an image. */
export interface ParsedImage {
  readonly width: number;
  readonly height: number;
  /** x1, y1, x2, y2, inclusive, [n, 4]. */
  readonly boxes: Uint16Array<ArrayBuffer>;
  /** [n]. */
  readonly labels: Uint16Array<ArrayBuffer>;
  /** Names of regions that are no class, one for each region. */
  readonly unknown: readonly string[];
}

/** The answer to a request: the regions, or the broken file and its fault. */
export type ParseAnswer = { readonly id: number } & (ParsedImage | { readonly path: string; readonly reason: string });

/** The worker's own scope, typed no further than needed. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ParseSetup | ParseRequest>) => void) | null;
  postMessage(message: ParseAnswer): void;
}

tellFailures();
const scope = globalThis as unknown as WorkerScope;
let labels: ReadonlyMap<string, number> = new Map();
let referenceNumbers = false;

async function parse({ id, image, files }: ParseRequest): Promise<ParseAnswer> {
  try {
    const annotation = await readAdeAnnotation(image, { referenceNumbers }, files);
    const regions = adeRegions(annotation);
    // The first class is the background, which nothing is named after.
    const known = regions.filter(({ name }) => labels.get(name));
    return {
      id,
      width: annotation.width,
      height: annotation.height,
      boxes: Uint16Array.from(known.flatMap(({ box }) => [...box])),
      labels: Uint16Array.from(known, ({ name }) => labels.get(name)!),
      unknown: [
        ...regions.filter(({ name }) => !labels.get(name)).map(({ name }) => name),
        ...Array.from({ length: unnamedInstances(annotation) }, () => ""),
      ],
    };
  } catch (error) {
    const { message, path = image } = error as Error & { path?: string };
    return { id, path, reason: message.replace(`${path}: `, "") };
  }
}

scope.onmessage = async ({ data }) => {
  if ("classes" in data) {
    labels = new Map(data.classes.map((name, label) => [name, label]));
    referenceNumbers = data.referenceNumbers;
  } else scope.postMessage(await parse(data));
};
