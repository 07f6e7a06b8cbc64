/** A rank that exchanges with the others and prints what came of it; its argument says what befalls rank 1. */
import { launched } from "../../../model/run/ranks/launched.ts";
import { MpiRanks } from "../../../model/run/ranks/mpi_ranks.ts";
import { allOf, anywhere, ofFirst } from "../../../model/run/ranks/ranks.ts";

const [fate] = Deno.args;

await using ranks = MpiRanks.open(launched()!, { timeout: 2 });
const { rank, size } = ranks;

/** Bytes by which one sees whose they are. */
const bytes = (of: number): Uint8Array<ArrayBuffer> => new Uint8Array(3 * of).fill(of + 1);
const befallen = (what: string): boolean => fate === what && rank === 1;
if (befallen("busy")) { for (const start = Date.now(); Date.now() - start < 3000;); }
if (befallen("hang")) {
  // Its thread has begun to beat by then.
  await new Promise((resolve) => setTimeout(resolve, 500));
  Deno.kill(Deno.pid, "SIGSTOP");
}
const sums = await ranks.sum(Float32Array.from({ length: 5 }, (_, i) => (rank + 1) * i + 0.25));
const again = await ranks.sum(Float32Array.of(2));
const results = {
  rank,
  size,
  sums: [...sums.subarray(1)],
  again: again[0],
  all: (await ranks.all(bytes(rank))).map((own) => [...own]),
  first: (await ranks.toFirst(bytes(rank)))?.map((own) => [...own]) ?? null,
  given: [...await ranks.fromFirst(rank === 0 ? bytes(4) : null)],
  values: await allOf(ranks, `rank ${rank}`),
  chosen: await ofFirst(ranks, () => ({ by: rank })),
  anywhere: [await anywhere(ranks, rank === size - 1), await anywhere(ranks, false)],
};
// One write a line: lines of several ranks do not mix then.
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(results) + "\n"));
