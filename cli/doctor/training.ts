/** Probes of what trainings run that is no op: steps of optimisers, gradients that add up, numbers in steps, random ones. */
import type { Device } from "../../engine/device.ts";
import type { NamedParameter } from "../../engine/nn/parameter.ts";
import { Adam, GradientSum, type Optimiser, SGD } from "../../engine/optim/mod.ts";
import type { Result, Wanted } from "../../engine/testing/checks/compare.ts";
import { randomStream } from "../../engine/testing/random.ts";
import { adamSteps, type Bounded, type RuleOptions, sgdSteps } from "../../engine/testing/reference/optim.ts";
import { normalNumber, truncatedNumber, uniformNumber } from "../../engine/testing/reference/random.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { type Batch, faultsOf, plainly, type Probe } from "./probes.ts";

/** Parameters that end within fours, and one that is large enough to be updated alone. */
const SHAPES: readonly (readonly number[])[] = [[1], [7], [5, 3], [4, 9, 4], [4101]];

/** Gradients of each parameter; the second is added to the first. */
const STEPS = 2;

const SGD_RULE: RuleOptions = { rate: 0.1, momentum: 0.9, weightDecay: 0.01 };

/** Betas whose distances to 1 are exact, so that bounds are close. */
const ADAM_RULE: RuleOptions = { rate: 0.01, momentum: 0.875, beta2: 0.96875, epsilon: 1e-6, weightDecay: 0.01 };

/** A probe whose results are tensors that `record` makes. */
function probe(title: string, wanted: readonly Wanted[], record: (device: Device) => readonly Tensor[]): Probe {
  const read = (device: Device): readonly Promise<Result>[] => {
    using _scope = device.scope();
    return record(device).map(async (tensor, k) => {
      const { shape } = tensor;
      return { name: wanted[k].name, shape, values: await tensor.data() };
    });
  };
  return { title, run: (device) => Promise.all(read(device)), faults: (results) => faultsOf(results, wanted) };
}

/** Steps of an optimiser on some parameters, with gradients that are not zeroed between. */
function stepping(
  title: string,
  seed: number,
  rule: (weight: number, gradients: readonly number[]) => Bounded,
  make: (device: Device, parameters: readonly NamedParameter[]) => Optimiser,
): Probe {
  const random = randomStream(title, seed);
  const all = SHAPES.map((shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const gradients = Array.from({ length: STEPS }, () => random.reals(size, 0.5, 1.5));
    return { shape, weights: random.reals(size), gradients };
  });
  const wanted = all.map(({ shape, weights, gradients }, k): Wanted => {
    const found = Array.from(weights, (weight, i) => rule(weight, gradients.map((gradient) => gradient[i])));
    const [values, bounds] = [found.map(({ value }) => value), found.map(({ bound }) => bound)];
    return { name: `parameter ${k}`, shape, values, bounds };
  });
  return probe(title, wanted, (device) => {
    const parameters = all.map(({ shape, weights }, k): NamedParameter => {
      const tensor = device.tensor(weights, shape);
      tensor.requiresGrad = true;
      return { name: `${k}.weight`, tensor, trainable: true, decay: true };
    });
    using optimiser = make(device, parameters);
    for (let step = 0; step < STEPS; step++) {
      all.forEach(({ shape, gradients }, k) =>
        parameters[k].tensor.mul(device.tensor(gradients[step], shape)).sum().backward()
      );
      optimiser.step();
    }
    return parameters.map(({ tensor }) => tensor);
  });
}

/** A sum of gradients, and how many it holds. */
function summing(seed: number): Probe {
  const title = "sums of gradients", random = randomStream(title, seed);
  const all = SHAPES.map((shape) => ({
    shape,
    gradients: Array.from({ length: STEPS }, () => random.reals(shape.reduce((a, b) => a * b, 1))),
  }));
  const numbers = all.flatMap(({ gradients: [first, second] }) => {
    const sums = Array.from(first, (v, i) => Math.fround(v + second[i]));
    return [...sums, ...new Array<number>(3 - (sums.length + 3) % 4).fill(0)];
  });
  const row = [...numbers, ...all.map(() => STEPS)];
  return probe(title, [exact("sums", [row.length], row)], (device) => {
    const parameters = all.map(({ shape }, k): NamedParameter => {
      const tensor = device.ones(shape);
      tensor.requiresGrad = true;
      return { name: `${k}.weight`, tensor, trainable: true, decay: true };
    });
    const sum = device.currentScope!.adopt(new GradientSum(device, parameters));
    for (let step = 0; step < STEPS; step++) {
      all.forEach(({ shape, gradients }, k) =>
        parameters[k].tensor.mul(device.tensor(gradients[step], shape)).sum().backward()
      );
      sum.add();
      for (const { tensor } of parameters) tensor.zeroGrad();
    }
    return [sum.values];
  });
}

/** Exact numbers. */
function exact(name: string, shape: readonly number[], numbers: readonly number[]): Wanted {
  return { name, shape, values: numbers, bounds: numbers.map(() => 0) };
}

function numbers(): Probe {
  const count = 131,
    from = (start: number, step: number): number[] => Array.from({ length: count }, (_, i) => start + step * i);
  const wanted = [
    exact("reals", [count], from(-3, 0.25)),
    exact("whole numbers", [count], from(7, -3)),
    exact("identity", [9, 14], Array.from({ length: 9 * 14 }, (_, i) => Number(Math.floor(i / 14) === i % 14))),
  ];
  return probe("numbers in steps, and the identity matrix", wanted, (device) => [
    device.arange(-3, -3 + 0.25 * count, 0.25),
    device.arange(7, 7 - 3 * count, -3, { dtype: "i32" }),
    device.eye(9, 14),
  ]);
}

/** Random numbers, whose bits are exact, in more than a workgroup. */
function randomNumbers(): Probe {
  const seed = 20_260_101, step = 3, count = 1031;
  const [uniform, normal] = [{ seed, step, base: -1, spread: 4 }, { seed, step, base: 2, spread: 0.5 }];
  const of = (name: string, number: (i: number) => Bounded): Wanted => {
    const all = Array.from({ length: count }, (_, i) => number(i));
    const [values, bounds] = [all.map(({ value }) => value), all.map(({ bound }) => bound)];
    return { name, shape: [count], values, bounds };
  };
  const wanted = [
    of("uniform", (i) => uniformNumber(uniform, i)),
    of("normal", (i) => normalNumber(normal, i)),
    of("truncated", (i) => truncatedNumber(normal, i)),
  ];
  const { base: mean, spread: std } = normal;
  return probe("random numbers", wanted, (device) => [
    device.uniform([count], { seed, step, low: -1, high: 3 }),
    device.randn([count], { seed, step, mean, std }),
    device.randn([count], { seed, step, mean, std, truncated: true }),
  ]);
}

/** The batch of all that trainings run beside ops. */
export function trainingBatch(seed: number): Batch {
  const { rate, momentum, weightDecay, epsilon } = ADAM_RULE, betas = [momentum, ADAM_RULE.beta2!] as const;
  const optimisers = [true, false].flatMap((grouped) => {
    const words = grouped ? "parameters together" : "one parameter at a time";
    return [
      stepping(
        `SGD, ${words}`,
        seed,
        (w, g) => sgdSteps(w, g, SGD_RULE),
        (device, parameters) => new SGD(device, parameters, { ...SGD_RULE, grouped }),
      ),
      ...[false, true].map((decoupledDecay) =>
        stepping(
          `Adam${decoupledDecay ? "W" : ""}, ${words}`,
          seed,
          (w, g) => adamSteps(w, g, { ...ADAM_RULE, decoupledDecay }),
          (device, parameters) =>
            new Adam(device, parameters, { rate, weightDecay, epsilon: epsilon!, betas, decoupledDecay, grouped }),
        )
      ),
    ];
  });
  return {
    title: "training",
    kind: "training",
    probes: () => [...optimisers, summing(seed), numbers(), randomNumbers()],
    around: plainly,
  };
}
