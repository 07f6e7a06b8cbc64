/** Ranks within one process, for tests: their exchanges are promises, their sums made in the order of ranks. */
import type { Ranks } from "../../../model/run/ranks/ranks.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Such ranks. */
export function localRanks(size: number): Ranks[] {
  /** Exchanges by their number, with the bytes that each rank has brought. */
  const exchanges: { readonly brought: (Bytes | undefined)[]; readonly whole: PromiseWithResolvers<Bytes[]> }[] = [];
  return Array.from({ length: size }, (_, rank): Ranks => {
    let made = 0;
    const all = async (bytes: Bytes): Promise<Bytes[]> => {
      const number = made++;
      exchanges[number] ??= { brought: Array(size).fill(undefined), whole: Promise.withResolvers() };
      const { brought, whole } = exchanges[number];
      brought[rank] = bytes.slice();
      if (brought.every((one) => one !== undefined)) whole.resolve(brought as Bytes[]);
      return await whole.promise;
    };
    return {
      rank,
      size,
      all,
      sum: async (values) => {
        const rows = (await all(new Uint8Array(values.slice().buffer))).map(({ buffer }) => new Float32Array(buffer));
        return rows.slice(1).reduce((sum, row) => sum.map((v, i) => v + row[i]), rows[0].slice());
      },
      toFirst: async (bytes) => {
        const found = await all(bytes);
        return rank === 0 ? found : null;
      },
      fromFirst: async (bytes) => (await all(bytes ?? new Uint8Array()))[0],
    };
  });
}
