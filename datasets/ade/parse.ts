/** Many annotations at once, on all cores. */
import { availableParallelism } from "node:os";
import { UserError } from "../../engine/base/user_error.ts";
import { Thread, ThreadError } from "../thread.ts";
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
  const threads = Array.from(
    { length: count },
    () => new Thread<ParseAnswer>(new URL("./parse_worker.ts", import.meta.url), { setup, idOf: ({ id }) => id }),
  );
  let asked = 0;
  const work = async (thread: Thread<ParseAnswer>): Promise<void> => {
    while (asked < images.length) {
      const place = asked++, request = images[place];
      try {
        // A thread numbers its own requests; whoever asked counts all images.
        onImage({ ...await thread.ask((id): ParseRequest => ({ id, ...request })), id: place });
      } catch (error) {
        if (error instanceof ThreadError) {
          throw new UserError(`${request.image}, or an image read beside it: ${error.message}`);
        }
        throw error;
      }
    }
  };
  try {
    await Promise.all(threads.flatMap((thread) => Array.from({ length: AHEAD }, () => work(thread))));
  } finally {
    for (const thread of threads) thread[Symbol.dispose]();
  }
}
