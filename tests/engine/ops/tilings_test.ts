/** Every tiling of a product that the rules, a tuning file or the tuner can choose, against the float64 reference. */
import { deepStrictEqual } from "node:assert/strict";
import type { Device } from "../../../engine/device.ts";
import { contextOf } from "../../../engine/friends.ts";
import { allKernels } from "../../../engine/gpu/kernel.ts";
import { allOps, type AnyOp, type Sample } from "../../../engine/op.ts";
import "../../../engine/ops/mod.ts";
import { TILES } from "../../../engine/ops/lib/tiles.ts";
import { type Block, blocksOfKernel, sameBlock, type Tiling } from "../../../engine/tuning/table.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";
import { keptForSeed, type Random, randomFor, withRandom } from "../../support/random.ts";
import {
  allTilings,
  PRODUCTS,
  productSamples,
  tilingTitle,
  withTiling,
} from "../../../engine/testing/checks/tilings.ts";
import { checkAgainstReference } from "../../../engine/testing/samples/check_sample.ts";
import { prepare, type Prepared } from "../../../engine/testing/samples/prepare.ts";

const devices = await openDevices();

/** Runs `body`, if asked with what repeats in tiles written out; returns the names of the kernels it dispatches. */
async function kernelsRun(
  device: Device,
  body: () => Promise<void>,
  writtenOut = false,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>(), gpu = contextOf(device), { run } = gpu;
  gpu.run = (kernel, { constants, ...options }) => {
    names.add(kernel.name);
    const changed = writtenOut && constants && "UNROLLED" in constants ? { ...constants, UNROLLED: 1 } : constants;
    run.call(gpu, kernel, { ...options, ...changed && { constants: changed } });
  };
  try {
    await body();
  } finally {
    gpu.run = run;
  }
  return names;
}

/** Names of the kernels that declare a tiling and can run on `device`: lanes share operands only where eight are a subgroup. */
function declaring({ kernels, info }: Device, block: Block): string[] {
  return allKernels()
    .filter((kernel) =>
      kernel.traits.kernelSet === kernels && blocksOfKernel(kernel).some((own) => sameBlock(own, block))
    )
    .map(({ name }) => name)
    .filter((name) => info.lanes === 8 || !name.endsWith("_shared"));
}

type Case = readonly [name: string, sample: Sample<unknown>];

/** Samples of every product, those that `itera test --tilings` has too. */
function cases(random: Random): Case[] {
  return PRODUCTS.flatMap((name) => productSamples(name, random).map((sample): Case => [name, sample]));
}

/** Samples that run each kernel of tiles once: those that a GPU gets take software adapters ten times as long to compile. */
function plainCases(random: Random): Case[] {
  const n = random.integer(130, 150);
  const conv = { stride: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], activation: "none" };
  return [
    ["conv2d", { inputs: [{ shape: [1, 11, 13, 20] }, { shape: [3, 3, 20, 132] }, null, null, null], attrs: conv }],
    ["matmul", {
      inputs: [{ shape: [n, 36] }, { shape: [36, n - n % 4] }],
      attrs: { transposeA: false, transposeB: false },
    }],
    ["matmul", {
      inputs: [{ shape: [n, 37] }, { shape: [37, n + 1] }],
      attrs: { transposeA: false, transposeB: false },
    }],
  ];
}

/** A sample without gradients, which would be products of other forms. */
function forwardOnly({ options, ...rest }: Prepared): Prepared {
  return { ...rest, options: { ...options, needs: options.needs.map(() => false) } };
}

type Products = readonly { readonly op: AnyOp; readonly prepared: readonly Prepared[] }[];
/** Cases with their references, drawn once: those take longer than the kernels of any one tiling. */
const samples = keptForSeed((of: typeof cases): Products => {
  const random = randomFor(of.name);
  return of(random).map(([name, sample]) => {
    const op = allOps().get(name)!;
    return { op, prepared: prepare(op, random, [sample]) };
  });
});

/** Checks samples with one tiling, and that every kernel which declares it has run. */
async function checkTiling(device: Device, tiling: Tiling, products: Products, writtenOut = false): Promise<void> {
  await withTiling(device, tiling, async () => {
    const run = await kernelsRun(device, async () => {
      for (const { op, prepared } of products) await checkAgainstReference(device, op, prepared);
    }, writtenOut);
    const missing = declaring(device, tiling).filter((one) => !run.has(one));
    deepStrictEqual(missing, [], "kernels not run");
  });
}

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  for (const tiling of allTilings(kernels)) {
    const name = `${kernels} kernels in tiles of ${tilingTitle(tiling)}`;
    Deno.test(`${name}, agree with the float64 reference, gradients included`, () =>
      withRandom(name, () => withoutLeaks(device, () => checkTiling(device, tiling, samples(cases)))));
  }
}

/** Tiles that are checked written out: of 8 × 8 numbers an invocation one, as the others differ from it in constants alone. */
const WRITTEN_OUT: readonly Block[] = [...TILES.map(([rows, columns]) => ({ rows, columns })), {
  ...{ rows: 128, columns: 64, buffers: 2 },
}];

for (const block of WRITTEN_OUT) {
  const tiling = { ...block, splitK: 1 }, device = devices.gpu;
  const name = `gpu kernels in tiles of ${tilingTitle(tiling)}, written out as GPUs get them`;
  Deno.test(`${name}, agree with the float64 reference`, () =>
    withRandom(name, () =>
      withoutLeaks(device, () => {
        const products = samples(plainCases).map(({ op, prepared }) =>
          op.name === "matmul" ? { op, prepared: prepared.map(forwardOnly) } : { op, prepared }
        );
        return checkTiling(device, tiling, products, true);
      })));
}
