/** Many annotations at once, on all cores. */
import { availableParallelism } from "node:os";
import type { ParseAnswer, ParseRequest, ParseSetup } from "./parse_worker.ts";

/** Images a thread is given before it has answered: one to work on, one to go on with. */
const AHEAD = 2;
/** Fewer images than this are not worth another thread. */
const WORTH = 16;

/** Reads the annotations of `images` in threads and passes each on in whatever order they finish; at most a few are in memory. */
export async function parseAnnotations(
  images: readonly Omit<ParseRequest, "id">[],
  setup: ParseSetup,
  onImage: (answer: ParseAnswer) => void,
): Promise<void> {
  if (images.length === 0) return;
  const count = Math.min(availableParallelism(), Math.ceil(images.length / WORTH));
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL("./parse_worker.ts", import.meta.url), { type: "module" }),
  );
  let asked = 0, answered = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      for (const worker of workers) {
        const ask = (): void => {
          if (asked < images.length) worker.postMessage({ id: asked, ...images[asked++] } satisfies ParseRequest);
        };
        worker.onmessage = ({ data }: MessageEvent<ParseAnswer>) => {
          try {
            onImage(data);
          } catch (error) {
            return reject(error);
          }
          if (++answered === images.length) resolve();
          else ask();
        };
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
        worker.postMessage(setup);
        for (let i = 0; i < AHEAD; i++) ask();
      }
    });
  } finally {
    for (const worker of workers) worker.terminate();
  }
}
