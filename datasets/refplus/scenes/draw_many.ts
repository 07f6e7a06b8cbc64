/** Draws many pictures on several threads, and yields them in order. */
import { type DrawnPicture, drawPng } from "./draw_png.ts";
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
    () => new Worker(new URL("./draw_worker.ts", import.meta.url), { type: "module" }),
  );
  try {
    // A worker answers in the order of its requests, so answers need no identifiers.
    const asked = workers.map(() => [] as PromiseWithResolvers<DrawnPicture>[]);
    workers.forEach((worker, w) => {
      worker.onmessage = ({ data }: MessageEvent<DrawnPicture>) => asked[w].shift()!.resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        for (const { reject } of asked[w].splice(0)) reject(new Error(event.message));
      };
    });
    const queue: Promise<DrawnPicture>[] = [];
    let next = 0;
    const ask = (): void => {
      if (next >= keys.length) return;
      const answer = Promise.withResolvers<DrawnPicture>();
      // A failure is thrown to the one who waits for it; later promises of the queue are not awaited.
      answer.promise.catch(() => {});
      const w = next % workers.length;
      asked[w].push(answer);
      workers[w].postMessage(keys[next++]);
      queue.push(answer.promise);
    };
    for (let i = 0; i < AHEAD * workers.length; i++) ask();
    for (let head = queue.shift(); head; head = queue.shift()) {
      yield await head;
      ask();
    }
  } finally {
    for (const worker of workers) worker.terminate();
  }
}
