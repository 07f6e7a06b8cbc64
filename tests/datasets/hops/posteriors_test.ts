import { ok, throws } from "node:assert/strict";
import type { HopLink, HopObject } from "../../../datasets/hops/layout.ts";
import { memberPosteriors } from "../../../datasets/hops/posteriors.ts";
import { checkTables, HOP_TABLES, type HopTables } from "../../../datasets/hops/tables.ts";
import { UserError } from "../../../engine/base/user_error.ts";
import { type Random, randomFor } from "../../support/random.ts";

/** Tables of three members with chances of their own: a mixture of permutations has rows and columns that sum to 1. */
function randomTables(random: Random): HopTables {
  const [a, b] = [random(), random()];
  const identity = [[1, 0, 0], [0, 1, 0], [0, 0, 1]], swap = [[0, 1, 0], [1, 0, 0], [0, 0, 1]];
  const turn = [[0, 1, 0], [0, 0, 1], [1, 0, 0]];
  const mixed = (p: number, x: number[][], y: number[][]): number[][] =>
    x.map((row, i) => row.map((v, j) => p * v + (1 - p) * y[i][j]));
  return checkTables({
    groups: ["a"],
    members: 3,
    links: [mixed(a, identity, swap), mixed(b, turn, swap)],
    marks: [[0, 1, 2], [0], [1], [2], [0, 2], [1, 2]],
  });
}

/** A random tree of `count` objects with links in both directions and random marks. */
function randomTree(count: number, random: Random): { objects: HopObject[]; links: HopLink[] } {
  const box = [0, 0, 1, 1] as const;
  const objects = Array.from({ length: count }, () => ({
    group: 0,
    member: 0,
    mark: random() < 0.5 ? 0 : 1 + Math.floor(5 * random()),
    box,
  }));
  const links = Array.from({ length: count - 1 }, (_, i) => {
    const [child, parent] = [i + 1, Math.floor((i + 1) * random())], link = Math.floor(2 * random());
    return random() < 0.5 ? { from: parent, to: child, link } : { from: child, to: parent, link };
  });
  return { objects, links };
}

/** Links between two objects of a tree. */
function hopsBetween(links: readonly HopLink[], a: number, b: number, from = -1): number {
  if (a === b) return 0;
  const next = links.flatMap(({ from, to }) => from === a ? [to] : to === a ? [from] : []).filter((o) => o !== from);
  return 1 + Math.min(Infinity, ...next.map((o) => hopsBetween(links, o, b, a)));
}

Deno.test("the sum-product algorithm equals an enumeration of every way the members could be", () => {
  const random = randomFor("hop posteriors");
  for (let round = 0; round < 12; round++) {
    const tables = randomTables(random), { members, marks } = tables;
    const scene = randomTree(5, random), { objects, links } = scene;
    const hidden = new Set(objects.keys().filter(() => random() < 0.2));
    const shows = (object: number, member: number): boolean =>
      hidden.has(object) || marks[objects[object].mark].includes(member);
    for (let hops = 0; hops <= 4; hops++) {
      const got = memberPosteriors(scene, tables, hops, hidden);
      const want = objects.map(() => new Array<number>(members).fill(0));
      for (let code = 0; code < members ** objects.length; code++) {
        const member = objects.map((_, i) => Math.floor(code / members ** i) % members);
        const joint = links.reduce((p, { from, to, link }) => p * tables.links[link][member[from]][member[to]], 1);
        objects.forEach((_, i) => {
          const seen = objects.keys().filter((j) => hopsBetween(links, i, j) <= hops);
          if (seen.every((j) => shows(j, member[j]))) want[i][member[i]] += joint;
        });
      }
      want.forEach((row, i) => {
        const total = row.reduce((a, b) => a + b, 0);
        // Marks drawn at random may contradict each other.
        if (total === 0) return;
        row.forEach((p, m) =>
          ok(Math.abs(got[i][m] - p / total) < 1e-12, `${hops} hops, object ${i}: ${got[i]}, not ${row}`)
        );
      });
    }
  }
});

Deno.test("tables that are not balanced, or not the same mirrored, are refused", () => {
  const refused = (links: number[][][], marks = HOP_TABLES.marks, message = /sum to 1/): void =>
    throws(
      () => checkTables({ ...HOP_TABLES, links, marks }),
      (error) => error instanceof UserError && message.test(error.message),
    );
  const [beside, below] = HOP_TABLES.links.map((link) => link.map((row) => [...row]));
  const turn = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]];
  refused([beside.with(0, beside[1]), below]);
  refused([turn, below], HOP_TABLES.marks, /symmetric/);
  refused([beside, below], [[0, 1, 2, 3], []], /marks/);
  checkTables({ ...HOP_TABLES, links: [beside, turn] });
});
