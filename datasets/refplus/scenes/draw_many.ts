/** Draws many pictures on several threads, and yields them in order. */
import { UserError } from "../../../engine/base/user_error.ts";
import { Thread, ThreadError } from "../../thread.ts";
import { type DrawnPicture, drawPng } from "./draw_png.ts";
import type { DrawRequest } from "./draw_worker.ts";
import type { PictureKey } from "./place.ts";

/** Pictures that each thread is ahead. */
const AHEAD = 2;

/** Draws the pictures of `keys`; with fewer than two threads, on this one. */
export async function* drawMany(keys: readonly PictureKey[], threads: number): AsyncGenerator<DrawnPicture> {
  if (threads < 2) {
    for (const key of keys) yield await drawPng(key);
    return;
  }
  const workers = Array.from(
    { length: Math.min(threads, keys.length) },
    () => new Thread<DrawnPicture>(new URL("./draw_worker.ts", import.meta.url)),
  );
  try {
    const queue: Promise<DrawnPicture>[] = [];
    let next = 0;
    const ask = (): void => {
      if (next >= keys.length) return;
      const key = keys[next] satisfies DrawRequest;
      queue.push(workers[next++ % workers.length].ask(() => key));
    };
    for (let i = 0; i < AHEAD * workers.length; i++) ask();
    for (let head = queue.shift(); head; head = queue.shift()) {
      yield await head.catch((error: Error) => {
        throw error instanceof ThreadError ? new UserError(`a picture cannot be drawn: ${error.message}`) : error;
      });
      ask();
    }
  } finally {
    for (const worker of workers) worker[Symbol.dispose]();
  }
}
