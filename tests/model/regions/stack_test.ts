/** Images of equal size in one pass: what is said of each, the mean loss and its gradient, and runs that train so. */
import { deepStrictEqual, fail, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { Device, type Tensor } from "../../../engine/mod.ts";
import { inPasses } from "../../../model/regions/batches.ts";
import { REGION_RUNS } from "../../../model/regions/config.ts";
import type { RegionModel } from "../../../model/regions/contract.ts";
import { RunFolder } from "../../../model/run/run_folder.ts";
import { KERNEL_SETS } from "../../support/devices.ts";
import { withFolder } from "../../support/folder.ts";
import { withRandom } from "../../support/random.ts";
import { assertSame, outcome, run, tensorsOf } from "../../support/files/tiny_runs.ts";
import { TINY, writeTinyCoco } from "../../support/files/tiny_coco.ts";
import { enliven, labelled, narrow, probe } from "./reasoning/small.ts";

const CLASSES = 41;

type Labelled = ReturnType<typeof labelled>;

const largest = (of: ArrayLike<number>): number => Array.from(of).reduce((most, v) => Math.max(most, Math.abs(v)), 0);

const mean = (of: readonly ArrayLike<number>[]): number[] =>
  Array.from(of[0], (_, i) => of.reduce((sum, own) => sum + own[i], 0) / of.length);

Deno.test("images in one pass get the predictions that each gets alone; loss and gradient are the means of theirs", async () => {
  await withRandom("stacked", async (random) => {
    for (const kernels of KERNEL_SETS) {
      await using device = await Device.open({ kernels });
      // Both modules on the baseline: every part there is.
      using model = probe(device, "final", CLASSES, narrow());
      enliven(model, random);
      using scope = device.scope();
      // A box of the first ends below its map: nothing of it may reach the second.
      const images = [5, 2, 7].map((regions) => labelled(random, regions));
      images[0].boxes.set([3, 20, 30, images[0].height], 0);
      const grads = async (source: Parameters<RegionModel["loss"]>[0], labels: Tensor) => {
        const { total, parts } = model.loss(source, labels);
        total.backward();
        const named = [...model.trainable()].filter(({ tensor }) => tensor.grad);
        const gradients = new Map<string, Float32Array>();
        for (const { name, tensor } of named) gradients.set(name, await tensor.grad!.data());
        model.zeroGrad();
        const losses: Record<string, number[]> = {};
        for (const [name, loss] of Object.entries({ total, ...parts })) losses[name] = [await loss.item()];
        return { losses, gradients };
      };
      const logitsOf = (source: Parameters<RegionModel["predict"]>[0]): Promise<Float32Array[]> =>
        Promise.all(device.noGrad(() => model.predict(source)).map(({ logits }) => logits.data()));
      const near = (
        got: ArrayLike<number>,
        want: ArrayLike<number>,
        share: number,
        what: string,
        size = largest(want),
      ): void => {
        for (let i = 0; i < want.length; i++) {
          // The words for millions of numbers would take longer than the numbers.
          if (Math.abs(got[i] - want[i]) <= share * size) continue;
          fail(`${kernels}, ${what} ${i}: ${got[i]}, ${want[i]}`);
        }
      };
      const stacked = (own: readonly Labelled[]) => {
        const inputs = scope.adopt(model.staticInputs!(own[0].height, own[0].width, 7, own.length));
        // What was there before must not show.
        inputs.write(...own.map(() => labelled(random, 7)));
        inputs.write(...own);
        return inputs;
      };
      const inputs = stacked(images), places = inputs.boxes.count / images.length, all = await logitsOf(inputs);
      const losses: Record<string, number[]>[] = [];
      for (const [n, image] of images.entries()) {
        for (const [k, want] of (await logitsOf(image)).entries()) {
          near(all[k].subarray(n * places * CLASSES), want, 1e-5, `image ${n}, prediction ${k}`);
        }
        losses.push((await grads(image, device.tensor(image.labels))).losses);
      }
      const together = await grads(inputs, inputs.labels);
      for (const [name, [got]] of Object.entries(together.losses)) {
        near([got], mean(losses.map((own) => own[name])), 1e-5, `loss ${name}`);
      }
      // Each image three times has the same roundings as beside others: no slope is another on the way.
      const alone = [];
      for (const image of images) {
        const own = stacked(images.map(() => image));
        alone.push((await grads(own, own.labels)).gradients);
      }
      for (const [name, got] of together.gradients) {
        const each = alone.map((own) => own.get(name)!), size = Math.max(...each.map(largest));
        near(got, mean(each), 1e-4, name, size);
      }
    }
  });
});

Deno.test("a pass has the images of a part that have one size and regions; others go alone", () => {
  const image = (position: number, height: number, regions: number) => ({
    ...{ position, height, width: 8, index: 0, flipped: false, scale: 1 },
    ...{ image: new Float32Array(0), boxes: new Float32Array(4 * regions), labels: new Int32Array(regions) },
  });
  const part = [image(0, 4, 1), image(1, 6, 2), image(2, 4, 0), image(3, 4, 3), image(4, 4, 0)];
  const passes = (stack: boolean): number[][] =>
    inPasses(part, stack).map((own) => own.map(({ position }) => position));
  deepStrictEqual(passes(true), [[0, 3], [1], [2], [4]]);
  deepStrictEqual(passes(false), [[0], [1], [2], [3], [4]]);
});

Deno.test("a run that stacks goes on exactly where it stopped, comes near to one that does not, and keeps its parts", async () => {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    await writeTinyCoco(data, 5);
    const settings = { ...TINY, steps: 5, batch: 4, displayEvery: 2, dataset: { ...TINY.dataset, data } };
    const whole = await run(folder, "whole", { ...settings, stack: true });
    await run(folder, "stopped", { ...settings, stack: true }, 2);
    assertSame(outcome(await run(folder, "stopped", settings)), outcome(whole), "a run that was stopped");
    const [stacked, single] = [tensorsOf(whole), tensorsOf(await run(folder, "single", settings))];
    let different = 0;
    for (const [name, { data }] of stacked.tensors) {
      const [own, other] = [data, single.tensors.get(name)!.data].map((values) => Array.from(values, Number));
      const size = other.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-3);
      for (const [i, v] of own.entries()) {
        ok(Math.abs(v - other[i]) < 1e-2 * size, `${name} ${i}: ${v}, ${other[i]}`);
        if (v !== other[i]) different++;
      }
    }
    ok(different > 0, "nothing was stacked");
    strictEqual(stacked.metadata.position, "20");
    const parts = [{ source: "--accumulate", value: { accumulate: 2 } }];
    await rejects(
      async () => (await RunFolder.resume(whole, parts, REGION_RUNS))[Symbol.dispose](),
      /--accumulate: a resumed run keeps its settings, "accumulate" is 1, not 2/,
    );
  });
});
