/** Sides of a comparison: today's kernels, or others in their place, each on a device of its own. */
import { Device } from "../../engine/device.ts";
import { contextOf, setTuning } from "../../engine/friends.ts";
import type { KernelSet } from "../../engine/gpu/adapter.ts";
import { declarationOf, type Kernel, type ShaderText, variantOf } from "../../engine/gpu/kernel.ts";
import type { AnyOp } from "../../engine/op.ts";
import { run as runSample } from "../../engine/testing/samples/run_sample.ts";
import type { Ran } from "../../engine/testing/samples/run_sample.ts";
import { blocksOf, sameBlock, type Tiling, type TunedOp } from "../../engine/tuning/table.ts";
import type { Prepared } from "../../engine/testing/samples/prepare.ts";
import { timedRuns } from "./timed_runs.ts";
import { type Opened, openWork, type Work } from "./work.ts";

/** One of two that are timed. */
export interface Side extends AsyncDisposable {
  /** True where its kernels have the names of today's: then single ones can be timed. */
  readonly sameKernels: boolean;
  /** Outputs and gradients of samples. */
  samples(op: AnyOp, prepared: readonly Prepared[]): Promise<readonly Ran[]>;
  /** Puts work on the device in the place of what was there. */
  open(work: Work): Promise<void>;
  /** Result of the work. */
  read(): Promise<ArrayLike<number>>;
  /** Milliseconds of a run: of the kernels named, or of all where none is. */
  turn(runs: number, kernels: readonly string[]): Promise<number>;
}

/** A side in this process. */
export class OwnSide implements Side {
  readonly device: Device;
  readonly sameKernels: boolean;
  #opened: Opened | undefined;

  private constructor(device: Device, sameKernels = true) {
    this.device = device;
    this.sameKernels = sameKernels;
  }

  /** Today's kernels, by default of the device's own set. */
  static async today(kernels?: KernelSet): Promise<OwnSide> {
    return new OwnSide(await Device.open(kernels ? { kernels } : {}));
  }

  /** Today's host code with kernels of other texts. */
  static async ofTexts(parts: ReadonlyMap<number, readonly ShaderText[]>, kernels: KernelSet): Promise<OwnSide> {
    const device = await Device.open({ kernels }), gpu = contextOf(device), { run } = gpu;
    const variants = new Map<number, Kernel>();
    gpu.run = (kernel, options) => {
      const { id } = declarationOf(kernel), own = parts.get(id);
      if (!own) return run.call(gpu, kernel, options);
      let variant = variants.get(id);
      if (!variant) variants.set(id, variant = variantOf(kernel, own.map(({ text }) => text).join("\n"), own));
      run.call(gpu, variant, options);
    };
    return new OwnSide(device);
  }

  /** Today's kernels in one tiling; products that lack it keep to the rules. */
  static async ofTiling(tiling: Tiling, kernels: KernelSet): Promise<OwnSide> {
    const device = await Device.open({ kernels });
    const known = (op: TunedOp): boolean =>
      blocksOf(kernels, tiling.winograd ? "matmul nn" : op).some((own) => sameBlock(own, tiling));
    setTuning(device, { digest: "timed", find: (op) => known(op) ? tiling : undefined });
    return new OwnSide(device, false);
  }

  samples(op: AnyOp, prepared: readonly Prepared[]): Promise<readonly Ran[]> {
    return Promise.all(prepared.map(({ sample, options }) => runSample(this.device, op, sample, options)));
  }

  open(work: Work): Promise<void> {
    this.#opened?.[Symbol.dispose]();
    this.#opened = openWork(this.device, work);
    return Promise.resolve();
  }

  read(): Promise<ArrayLike<number>> {
    return this.#opened!.read();
  }

  turn(runs: number, kernels: readonly string[]): Promise<number> {
    return timedRuns(this.device, () => this.#opened!.run(), runs, kernels);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#opened?.[Symbol.dispose]();
    await this.device.close();
  }
}
