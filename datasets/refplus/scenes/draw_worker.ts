/** Worker that draws pictures: a key in, a scene record and a PNG out, in order. */
import { tellFailures } from "../../thread.ts";
import { type DrawnPicture, drawPng } from "./draw_png.ts";
import type { PictureKey } from "./place.ts";

/** A request: a picture's key. */
export type DrawRequest = PictureKey;
/** The answer. */
export type DrawAnswer = DrawnPicture;

/** The worker's own scope, typed no further than needed. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<DrawRequest>) => void) | null;
  postMessage(message: DrawAnswer): void;
}

tellFailures();
const scope = globalThis as unknown as WorkerScope;
let last: Promise<void> = Promise.resolve();
scope.onmessage = ({ data }) => {
  last = last.then(async () => scope.postMessage(await drawPng(data)));
};
