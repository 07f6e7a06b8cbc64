import { deepStrictEqual, ok } from "node:assert/strict";
import { placeLabels } from "../../../engine/base/place_labels.ts";
import { randomFor } from "../../support/random.ts";

Deno.test("labels lie on no other and inside the picture, and one that fits alone has a place", () => {
  const random = randomFor("labels");
  let placed = 0, refused = 0;
  for (let round = 0; round < 200; round++) {
    const size = [random.integer(20, 400), random.integer(20, 300)] as const;
    const labels = Array.from({ length: random.integer(1, 40) }, () => {
      const [x, y] = [random.integer(0, size[0]), random.integer(0, size[1])];
      return {
        box: [
          x,
          y,
          Math.min(size[0], x + random.integer(1, 90)),
          Math.min(size[1], y + random.integer(1, 90)),
        ] as const,
        width: random.integer(1, 60),
        height: random.integer(1, 12),
      };
    });
    const most = random.integer(1, 30), places = placeLabels(labels, size, most);
    const areas = places.flatMap((place, i) =>
      place ? [[...place, place[0] + labels[i].width, place[1] + labels[i].height]] : []
    );
    ok(areas.length <= most);
    for (const [i, [l, t, r, b]] of areas.entries()) {
      ok(l >= 0 && t >= 0 && r <= size[0] && b <= size[1]);
      for (const [x1, y1, x2, y2] of areas.slice(i + 1)) ok(x1 >= r || x2 <= l || y1 >= b || y2 <= t, "two overlap");
    }
    placed += areas.length;
    refused += places.length - areas.length;
    const [first] = labels;
    if (first.width <= size[0] && first.height <= size[1] - 12) ok(placeLabels([first], size, 1)[0] !== null);
  }
  ok(placed > 500 && refused > 100, `${placed} ${refused}`);
});

Deno.test("a label takes its box's upper edge first, then the lower one", () => {
  const label = { box: [10, 20, 30, 40], width: 8, height: 5 } as const;
  deepStrictEqual(placeLabels([label, label, label], [100, 100], 2), [[10, 15], [10, 40], null]);
  deepStrictEqual(placeLabels([{ ...label, box: [95, 0, 99, 10] }], [100, 100], 1), [[92, 10]]);
});
