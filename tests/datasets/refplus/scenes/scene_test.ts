import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Layout, layOut, type PictureKey } from "../../../../datasets/refplus/scenes/place.ts";
import { makePicture, makeScene } from "../../../../datasets/refplus/scenes/scene.ts";
import type { Scene } from "../../../../datasets/refplus/files/types.ts";
import { withRandom } from "../../../support/random.ts";
import { isTowards, shownPixels } from "../../../support/refplus/slow_refplus.ts";

const key = (seed: number, index: number, split: PictureKey["split"] = "train"): PictureKey => ({ seed, split, index });
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i], 0);

Deno.test("a picture's bytes follow from seed, split and index alone", () =>
  withRandom("picture bytes", (random) => {
    const [seed, index] = [random.integer(0, 2 ** 24), random.integer(0, 1000)];
    const first = makePicture(key(seed, index));
    makePicture(key(seed, index + 1));
    const again = makePicture(key(seed, index));
    deepStrictEqual(again.pixels, first.pixels);
    deepStrictEqual(again.scene, first.scene);
    deepStrictEqual(makeScene(key(seed, index)), first.scene);
    for (const other of [key(seed + 1, index), key(seed, index + 1), key(seed, index, "val")]) {
      notDeepStrictEqual(makeScene(other).objects, first.scene.objects);
    }
    strictEqual(first.pixels.length, 480 * 320 * 3);
  }));

Deno.test("known pictures keep their bytes from one version to the next", async () => {
  const bytes = new Uint8Array([0, 1].flatMap((index) => [...makePicture(key(7, index)).pixels]));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const scenes = new TextEncoder().encode(JSON.stringify([0, 1].map((index) => makeScene(key(7, index)))));
  const sceneHash = new Uint8Array(await crypto.subtle.digest("SHA-256", scenes));
  const hex = (h: Uint8Array) => [...h.subarray(0, 8)].map((b) => b.toString(16).padStart(2, "0")).join("");
  deepStrictEqual([hex(hash), hex(sceneHash)], ["7c79d2b05652257d", "cefac4c2a830850f"]);
});

Deno.test("objects keep their distances, and every one is seen", () =>
  withRandom("placement", (random) => {
    const seed = random.integer(0, 2 ** 24);
    for (let index = 0; index < 10; index++) {
      const { objects, directions, ...scene } = makeScene(key(seed, index));
      ok(objects.length >= 3 && objects.length <= 10);
      const radius = objects.map(({ size }) => size === "large" ? 0.7 : 0.35);
      objects.forEach((a, i) => {
        const [x, y, z] = a["3d_coords"];
        ok(Math.abs(x) <= 3 && Math.abs(y) <= 3);
        strictEqual(z, a.shape === "cube" ? radius[i] / Math.SQRT2 : radius[i]);
        ok(a.rotation >= 0 && a.rotation < 360);
        strictEqual(a.idx, i + 1);
        ok(shownPixels({ objects, directions, ...scene }, i).size >= 200);
        for (let j = 0; j < i; j++) {
          const apart = [0, 1, 2].map((k) => a["3d_coords"][k] - objects[j]["3d_coords"][k]);
          ok(Math.hypot(apart[0], apart[1]) - radius[i] - radius[j] >= 0.25);
          for (const name of ["left", "right", "behind", "front"]) {
            ok(Math.abs(dot(apart, directions[name])) >= 0.4 - 1e-12 - Math.abs(apart[2]));
          }
        }
      });
      strictEqual(new Set(objects.map(({ pixel_coords }) => pixel_coords[2])).size, objects.length);
    }
  }));

Deno.test("directions are those of the view, and relationships those of the places on the ground", () =>
  withRandom("relationships", (random) => {
    const seed = random.integer(0, 2 ** 24);
    for (let index = 0; index < 10; index++) {
      const scene = makeScene(key(seed, index));
      const { directions: d, relationships, objects } = scene;
      for (const [name, opposite] of [["left", "right"], ["behind", "front"], ["above", "below"]]) {
        ok(Math.abs(Math.hypot(...d[name]) - 1) < 1e-12);
        d[name].forEach((v, k) => strictEqual(v + d[opposite][k], 0));
      }
      ok(Math.abs(dot(d.left, d.behind)) < 1e-12 && d.left[2] === 0 && d.behind[2] === 0);
      for (const name of ["left", "right", "behind", "front"] as const) {
        objects.forEach((_, i) =>
          deepStrictEqual(
            relationships[name][i],
            [...objects.keys()].filter((j) => j !== i && isTowards(scene, name, i, j)),
          )
        );
      }
      for (const [name, opposite] of [["left", "right"], ["behind", "front"]] as const) {
        relationships[name].forEach((list, i) => list.forEach((j) => ok(relationships[opposite][j].includes(i))));
        // Distances of at least 0.4 leave no pair undecided.
        objects.forEach((_, i) =>
          strictEqual(relationships[name][i].length + relationships[opposite][i].length, objects.length - 1)
        );
      }
      // What stands far to the left on the ground is further left in the picture, and what is behind is higher up.
      objects.forEach((_, i) =>
        objects.forEach((_, j) => {
          const apart = objects[j]["3d_coords"].map((v, k) => v - objects[i]["3d_coords"][k]);
          const [along, across] = [dot(apart, d.behind), dot(apart, d.right)];
          const [a, b] = [objects[i].pixel_coords, objects[j].pixel_coords];
          if (along > 1.5) ok(b[2] > a[2] && b[1] < a[1], `behind: ${a} and ${b}`);
          if (across > 1.5 && across > 2 * Math.abs(along)) ok(b[0] > a[0], `right: ${a} and ${b}`);
        })
      );
    }
  }));

Deno.test("masks are disjoint and lie inside their boxes", () =>
  withRandom("masks", (random) => {
    const seed = random.integer(0, 2 ** 24);
    for (let index = 0; index < 8; index++) {
      const scene = makeScene(key(seed, index));
      const owner = new Int32Array(480 * 320).fill(-1);
      scene.objects.forEach((_, i) => {
        const [x, y, w, h] = scene.obj_bbox[String(i + 1)];
        ok(x >= 0 && y >= 0 && x + w <= 480 && y + h <= 320);
        for (const pixel of shownPixels(scene, i)) {
          strictEqual(owner[pixel], -1, "two objects own a pixel");
          owner[pixel] = i;
          const [u, v] = [pixel % 480, Math.floor(pixel / 480)];
          ok(u >= x && u < x + w && v >= y && v < y + h, `pixel ${u}, ${v} of object ${i + 1} is outside its box`);
        }
      });
    }
  }));

/** Signed distance to an object, from the definitions of the solids: below 0 inside. */
function distance({ shape, size, rotation, "3d_coords": [cx, cy, cz] }: Scene["objects"][number], p: number[]): number {
  const r = size === "large" ? 0.7 : 0.35;
  const [x, y, z] = [p[0] - cx, p[1] - cy, p[2] - cz];
  if (shape === "sphere") return Math.hypot(x, y, z) - r;
  if (shape === "cylinder") {
    const [a, b] = [Math.hypot(x, y) - r, Math.abs(z) - r];
    return Math.min(Math.max(a, b), 0) + Math.hypot(Math.max(a, 0), Math.max(b, 0));
  }
  const turned = rotation * Math.PI / 180, h = r / Math.SQRT2;
  const u = x * Math.cos(turned) + y * Math.sin(turned), v = y * Math.cos(turned) - x * Math.sin(turned);
  const q = [u, v, z].map((t) => Math.abs(t) - h);
  return Math.min(Math.max(...q), 0) + Math.hypot(...q.map((t) => Math.max(t, 0)));
}

/** Walks a ray in steps that no solid can be jumped over by. */
function march(layout: Layout, scene: Scene, u: number, v: number): { hit: number; nearest: number } {
  const { position, right, up, forward } = layout.camera;
  const [a, b] = [(u - 240) / 525, (160 - v) / 525];
  const way = [0, 1, 2].map((k) => forward[k] + a * right[k] + b * up[k]);
  const length = Math.hypot(...way);
  let nearest = Infinity;
  for (let t = 4; t < 20;) {
    const p = [0, 1, 2].map((k) => position[k] + t * way[k] / length);
    const gaps = scene.objects.map((object) => distance(object, p));
    const least = Math.min(...gaps);
    if (least < 1e-5) return { hit: gaps.indexOf(least), nearest };
    nearest = Math.min(nearest, least);
    t += least;
  }
  return { hit: -1, nearest };
}

Deno.test("each pixel belongs to the solid that a ray through it meets first", () =>
  withRandom("owners", (random) => {
    let doubtful = 0, seen = 0;
    for (let round = 0; round < 4; round++) {
      const at = key(random.integer(0, 2 ** 24), round);
      const [layout, scene] = [layOut(at), makeScene(at)];
      const owner = new Int32Array(480 * 320).fill(-1);
      scene.objects.forEach((_, i) => shownPixels(scene, i).forEach((pixel) => owner[pixel] = i));
      for (let i = 0; i < 400; i++) {
        // Half of the rays go where objects are.
        const box = scene.obj_bbox[String(1 + i % scene.objects.length)];
        const [x, y, w, h] = i % 2 ? [0, 0, 480, 320] : box;
        const [u, v] = [x + random.integer(0, w), y + random.integer(0, h)];
        const { hit, nearest } = march(layout, scene, u + 0.5, v + 0.5);
        seen++;
        // A ray that only just touches a solid may be taken either way.
        if (hit !== owner[v * 480 + u] && nearest < 1e-3) doubtful++;
        else strictEqual(owner[v * 480 + u], hit, `pixel ${u}, ${v} of ${JSON.stringify(at)}`);
      }
    }
    ok(doubtful < seen / 100, `${doubtful} of ${seen} are doubtful`);
  }));

Deno.test("boxes hold the whole outline, hidden parts included", () =>
  withRandom("boxes", (random) => {
    const seed = random.integer(0, 2 ** 24);
    for (let index = 0; index < 10; index++) {
      const at = key(seed, index);
      const [{ camera: { position, right, up, forward } }, scene] = [layOut(at), makeScene(at)];
      scene.objects.forEach(({ shape, size, rotation, "3d_coords": [cx, cy, cz], pixel_coords }, i) => {
        const r = size === "large" ? 0.7 : 0.35;
        const seenAt = (p: number[]): [number, number, number] => {
          const way = p.map((c, k) => c - position[k]);
          const depth = dot(way, forward);
          return [240 + 525 * dot(way, right) / depth, 160 - 525 * dot(way, up) / depth, depth];
        };
        const turns = Array.from({ length: 720 }, (_, k) => k * Math.PI / 360);
        const h = r / Math.SQRT2;
        const points = {
          cube: () =>
            [0, 1, 2, 3].flatMap((k) => {
              const angle = rotation * Math.PI / 180 + (k + 0.5) * Math.PI / 2;
              return [-h, h].map((z) => [cx + r * Math.cos(angle), cy + r * Math.sin(angle), cz + z]);
            }),
          cylinder: () =>
            turns.flatMap((t) => [-r, r].map((z) => [cx + r * Math.cos(t), cy + r * Math.sin(t), cz + z])),
          sphere: () =>
            turns.filter((_, k) => k % 4 === 0).flatMap((t) =>
              turns.filter((_, k) => k % 8 === 0 && k < 360).map((s) => [
                cx + r * Math.sin(s) * Math.cos(t),
                cy + r * Math.sin(s) * Math.sin(t),
                cz + r * Math.cos(s),
              ])
            ),
        }[shape as "cube"]().map(seenAt);
        const inside = (v: number, most: number) => Math.min(most, Math.max(0, v));
        const [xs, ys] = [points.map((p) => inside(p[0], 480)), points.map((p) => inside(p[1], 320))];
        const [x, y, w, height] = scene.obj_bbox[String(i + 1)];
        const bounds = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
        [x, y, x + w, y + height].forEach((edge, k) =>
          ok(Math.abs(edge - bounds[k]) <= 1.05, `${shape} ${i + 1}: edge ${edge}, outline ${bounds[k]}`)
        );
        const centre = seenAt([cx, cy, cz]);
        deepStrictEqual(pixel_coords.slice(0, 2), [Math.round(centre[0]), Math.round(centre[1])]);
        ok(Math.abs(pixel_coords[2] - centre[2]) < 1e-9);
      });
    }
  }));

Deno.test("colours, sizes, shapes and numbers of objects are all drawn, and metal looks other than rubber", () => {
  const scenes = Array.from({ length: 80 }, (_, index) => makeScene(key(11, index)));
  const objects = scenes.flatMap((scene) => scene.objects);
  for (const [name, values] of [["color", 8], ["size", 2], ["shape", 3], ["material", 2]] as const) {
    const counts = Map.groupBy(objects, (object) => object[name]);
    strictEqual(counts.size, values);
    for (const [value, list] of counts) {
      ok(Math.abs(list.length / objects.length - 1 / values) < 0.09, `${value}: ${list.length} of ${objects.length}`);
    }
  }
  strictEqual(new Set(scenes.map((scene) => scene.objects.length)).size, 8);
  // Brightest tenth of each object's pixels: metal has highlights.
  const shine: Record<string, number[]> = { metal: [], rubber: [] };
  for (let index = 0; index < 6; index++) {
    const { scene, pixels } = makePicture(key(11, index));
    scene.objects.forEach(({ material, color, shape }, i) => {
      if (color === "yellow" || color === "cyan" || shape !== "sphere") return;
      const least = [...shownPixels(scene, i)].map((p) => Math.min(...pixels.subarray(3 * p, 3 * p + 3)));
      shine[material].push(Math.max(...least));
    });
  }
  const least = Math.min(...shine.metal), most = Math.max(...shine.rubber);
  ok(shine.metal.length > 1 && shine.rubber.length > 1 && least > most, `${shine.metal} against ${shine.rubber}`);
});
