/** Processes of ranks, found by what their launcher set and by a word of their command. */

/** Numbers of the processes that are ranks of a command with `word` in it, in the order of the ranks. */
export function rankProcesses(word: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(word)) continue;
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0");
      const rank = environment.flatMap((line) => /^(?:PMI_RANK|OMPI_COMM_WORLD_RANK)=(\d+)$/.exec(line)?.[1] ?? [])[0];
      if (rank !== undefined) found[Number(rank)] = Number(name);
    } catch {
      // It has ended meanwhile, or is another user's.
    }
  }
  return found;
}

/** Waits until there are `count` of them, or `over` says that there will not be. */
export async function waitForRanks(word: string, count: number, over = () => false): Promise<number[]> {
  while (!over()) {
    const found = rankProcesses(word);
    if (Array.from(found).filter((pid) => pid !== undefined).length === count) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return [];
}
