/** The optimisers' kernels, on one parameter a dispatch or on seven. */
import countText from "../../shaders/optim_count.wgsl" with { type: "text" };
import groupText from "../../shaders/optim_group.wgsl" with { type: "text" };
import rulesText from "../../shaders/lib/optim/rules.wgsl" with { type: "text" };
import text from "../../shaders/optim.wgsl" with { type: "text" };
import type { Device } from "../device.ts";
import { storageOf } from "../friends.ts";
import { type Kernel, kernel } from "../gpu/kernel.ts";
import { mayRun } from "../ops/lib/choice.ts";
import { GROUP, indexLib } from "../ops/lib/library.ts";
import { GROUPED, halves, insideLib, placesLib, SMALL, workgroupsOf } from "./groups.ts";
import type { Tensor } from "../tensor.ts";

const rules = { file: "lib/optim/rules.wgsl", text: rulesText };
const parts = [indexLib, insideLib, rules, { file: "optim.wgsl", text }] as const;
const groupParts = [insideLib, placesLib, rules, { file: "optim_group.wgsl", text: groupText }] as const;
const countKernel = kernel("count_updates", indexLib, { file: "optim_count.wgsl", text: countText });

/** The kernels and state by which optimisers differ. */
export interface UpdateRule {
  /** The kernels for one parameter and for a group. */
  readonly one: Kernel;
  readonly group: Kernel;
  /** The kernels' names of a parameter's state. */
  readonly state: readonly string[];
  /** True where moments are corrected for their start at zero. */
  readonly corrects: boolean;
}

/** Classical momentum. */
export const sgdRule: UpdateRule = {
  one: kernel("sgd", ...parts),
  group: kernel("sgd_group", ...groupParts),
  state: ["velocity"],
  corrects: false,
};

/** Adaptive moments. */
export const adamRule: UpdateRule = {
  one: kernel("adam", ...parts),
  group: kernel("adam_group", ...groupParts),
  state: ["velocity", "second"],
  corrects: true,
};

/** One parameter's update. */
export interface Update {
  /** Null where this step does not use the parameter: the gradient is zero. */
  readonly gradient: Tensor | null;
  /** The first four of the gradient in that tensor. */
  readonly gradientPlace: number;
  readonly weight: Tensor;
  /** In the order of the rule's names. */
  readonly state: readonly Tensor[];
  readonly decay: number;
  readonly rateFactor: number;
  /** Its first count; it has one, or one for each of a bank's entries. */
  readonly entry: number;
  readonly entries: number;
}

/** The constants of a rule. */
export interface RuleConstants {
  readonly momentum: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Operands and constants that all updates of a step share. */
export interface Shared {
  /** Rate [1], factor of clipping [1] or null, the moments' corrections and the faults of {@link Counts}. */
  readonly bind: {
    readonly rate: Tensor;
    readonly clip: Tensor | null;
    readonly correction: Tensor;
    readonly fault: Tensor;
  };
  readonly constants: RuleConstants;
  readonly decoupled: boolean;
}

/** Bindings that a dispatch needs for a group: four are shared. */
const BINDINGS = 4 + 4 * GROUPED;

/** Operands of {@link countUpdates}, an element for each parameter. */
export interface Counts {
  /** u32 [n] from `usedPlace` on: not 0 where this step has a gradient. Counts of gradients, f32, are read as such too. */
  readonly used: Tensor;
  readonly usedPlace: number;
  /** f32 [n]: updates so far. */
  readonly updates: Tensor;
  /** f32 [n, 2], written: the moments' corrections, zeros for a parameter that this step leaves out. */
  readonly correction: Tensor;
  /** u32 [n]: 0, or 1 more than the steps since the parameter, or its state, stopped being finite. */
  readonly fault: Tensor;
}

/** Counts one more update of each parameter that takes part; `goesOn` with a gradient of zero where it has none. */
export function countUpdates(
  counts: Counts,
  { momentum, beta2 }: RuleConstants,
  options: { readonly corrects: boolean; readonly goesOn: boolean },
): void {
  const { updates, used, usedPlace, correction, fault } = counts, { device, size } = updates;
  device.run(countKernel, {
    bind: { used, updates, correction, fault },
    params: { count: size, used_place: usedPlace, momentum, beta2 },
    constants: { CORRECTS: Number(options.corrects), GOES_ON: Number(options.goesOn) },
    grid: device.grid(size, GROUP),
  });
}

/** Runs the updates of a step, small parameters several to a dispatch. */
export class Updater implements Disposable {
  readonly #device: Device;
  readonly #rule: UpdateRule;
  readonly #grouped: boolean;
  readonly #unused: Tensor[] = [];

  /** `grouped` updates seven parameters a dispatch where the adapter binds enough buffers. */
  constructor(device: Device, rule: UpdateRule, grouped: boolean) {
    this.#device = device;
    this.#rule = rule;
    this.#grouped = grouped && device.info.limits.maxStorageBuffersPerShaderStage >= BINDINGS &&
      mayRun(device, rule.group);
    if (!this.#grouped) return;
    for (let i = 0; i < GROUPED * (2 + rule.state.length); i++) this.#unused.push(device.empty([4]).unscoped());
  }

  /** Updates all. Only records work. */
  run(updates: readonly Update[], shared: Shared): void {
    const limit = this.#device.kernels === "cpu" ? SMALL : Infinity;
    // The groups' kernels know neither banks nor absent gradients.
    const together = updates.filter(({ gradient, weight, entries }) =>
      this.#grouped && gradient && entries === 1 && weight.size <= limit
    );
    for (let i = 0; i < together.length; i += GROUPED) this.#group(together.slice(i, i + GROUPED), shared);
    for (const update of updates) if (!together.includes(update)) this.#one(update, shared);
    for (const { weight } of updates) storageOf(weight).version++;
  }

  #one(update: Update, { bind, constants, decoupled }: Shared): void {
    const { gradient, weight, entry, entries } = update;
    const count = Math.ceil(weight.size / 4);
    this.#device.run(this.#rule.one, {
      bind: { ...bind, ...Object.fromEntries(this.#named(update)) },
      params: {
        size: weight.size,
        entry,
        stride: Math.max(1, weight.size / entries),
        gradient_place: update.gradientPlace,
        decay: update.decay,
        rate_factor: update.rateFactor,
        ...constants,
      },
      constants: {
        CLIP: Number(bind.clip !== null),
        DECOUPLED: Number(decoupled),
        ...entries > 1 ? { BANK: 1 } : {},
        ...gradient ? {} : { GRADIENT: 0 },
      },
      grid: this.#device.grid(count, GROUP),
    });
  }

  #group(updates: readonly Update[], { bind, constants, decoupled }: Shared): void {
    const all: Record<string, Tensor | null> = { ...bind };
    for (let i = 0; i < GROUPED; i++) {
      const named = i < updates.length ? this.#named(updates[i]) : this.#fillers(i);
      for (const [name, tensor] of named) all[`${name}${i}`] = tensor;
    }
    const { params, groups } = workgroupsOf(updates.map(({ weight }) => weight.size));
    this.#device.run(this.#rule.group, {
      bind: all,
      params: {
        ...params,
        ...halves("gradient", updates.map(({ gradientPlace }) => gradientPlace)),
        ...halves("entry", updates.map(({ entry }) => entry)),
        ...halves("decay", updates.map(({ decay }) => decay)),
        ...halves("rate_factor", updates.map(({ rateFactor }) => rateFactor)),
        ...constants,
      },
      constants: { CLIP: Number(bind.clip !== null), DECOUPLED: Number(decoupled) },
      grid: this.#device.grid(groups * GROUP, GROUP),
    });
  }

  #named({ gradient, weight, state }: Update): [name: string, tensor: Tensor | null][] {
    return [
      ["gradient", gradient],
      ["weight", weight],
      ...state.map((t, i): [string, Tensor] => [this.#rule.state[i], t]),
    ];
  }

  /** Tensors bound for parameter `i` of a group that is not full: no buffer may be bound twice to be written. */
  #fillers(i: number): [name: string, tensor: Tensor][] {
    const names = ["gradient", "weight", ...this.#rule.state];
    return names.map((name, k) => [name, this.#unused[i * names.length + k]]);
  }

  /** Frees the tensors bound for absent parameters. */
  [Symbol.dispose](): void {
    for (const tensor of this.#unused.splice(0)) tensor.dispose();
  }
}
