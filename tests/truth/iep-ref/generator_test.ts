/** The program generator against the authors' (golden/pg.json). */
import { Device } from "../../../engine/mod.ts";
import { MAX_PROGRAM, ProgramGenerator, type Sequences } from "../../../model/refplus/generator/program_generator.ts";
import { numbers } from "./formula.ts";
import { type Briefs, type Drawn, type GeneratorGolden, golden } from "./golden.ts";
import { Comparison, difference, largest } from "./comparison.ts";
import { byTorchName, fill, rowsOf, sequences, sizesByTorchName } from "./models.ts";

Deno.test("the program generator is the authors': states, logits, losses, gradients, programs", async (t) => {
  await using device = await Device.open();
  for (const given of golden<GeneratorGolden[]>("pg.json")) {
    await t.step(given.name, () => compare(device, given));
  }
});

async function compare(device: Device, given: GeneratorGolden): Promise<void> {
  const { name, words, tokens, wordDim, hidden, layers, float64: want } = given;
  const comparison = new Comparison(), x = sequences(given.x), y = sequences(given.y);
  using model = new ProgramGenerator(device, { words, tokens, wordDim, hidden, layers, seed: 1 });
  const sizes = sizesByTorchName(model);
  comparison.same("names of parameters", [...sizes.keys()].sort(), Object.keys(want.names).sort());
  comparison.same("number of parameters", [...sizes.values()].reduce((a, b) => a + b), want.parameters);
  fill(model, name, want.names, given.scale);
  {
    using _scope = device.scope();
    const encoded = model.encode(x), states = await encoded.data();
    comparison.same("number of states", states.length, want.encoded.length);
    comparison.within("states", largest(want.encoded.map((v, i) => [`${i}`, Math.abs(v - states[i])]))[0], 1e-5);
    // After <NULL> both go on decoding, so all logits are compared.
    const logits = model.logits(encoded, y).reshape([y.length, y.count, tokens]).transpose([1, 0, 2]);
    comparison.within("logits", difference(await logits.data(), want.logits), 1e-5);
    const loss = model.loss(x, y);
    comparison.within("loss", Math.abs(await loss.item() / want.loss - 1), 1e-5);
    loss.backward();
    await gradients(comparison, "of the loss", model, want.gradients);
  }
  const likeliest = padded((await model.decode(x, "likeliest")).programs);
  comparison.same("likeliest programs", likeliest, want.greedy);
  // The authors' other way to write a program goes on to 50 tokens and stops at the end.
  const far = want.sample.map((row) => row.slice(1, 1 + MAX_PROGRAM));
  comparison.same("likeliest programs, one by one", likeliest.map((row, i) => row.slice(0, far[i].length)), far);
  for (const drawn of [want.drawn1, want["drawn0.7"]]) await compareDrawn(comparison, device, model, given, drawn);
  comparison.done();
}

/** Programs drawn with the authors' uniform numbers, and the gradients of REINFORCE. */
async function compareDrawn(
  comparison: Comparison,
  device: Device,
  model: ProgramGenerator,
  { name, x, tokens }: GeneratorGolden,
  { temperature, programs, raw, reward, gradients: wanted }: Drawn,
): Promise<void> {
  const words = sequences(x), choice = { seed: 1, step: 0, temperature };
  const decoded = await withUniform(
    device,
    numbers(`${name} draws`, MAX_PROGRAM * x.length * tokens, 0, 1),
    () => model.decode(words, choice),
  );
  comparison.same(`programs drawn at ${temperature}`, padded(decoded.programs), programs);
  comparison.same(`draws at ${temperature}`, rowsOf(decoded.drawn), raw);
  using _scope = device.scope();
  model.reinforceLoss(words, decoded.drawn, reward, "none", temperature).backward();
  await gradients(comparison, `of REINFORCE at ${temperature}`, model, wanted);
}

/** Decodes with given numbers in place of the device's uniform ones, the next of them at each time step. */
async function withUniform<T>(device: Device, given: Float32Array, run: () => Promise<T>): Promise<T> {
  const own = device.uniform;
  device.uniform = (shape, { step = 0 }: { readonly step?: number }) => {
    const each = shape.reduce((a, b) => a * b, 1);
    return device.tensor(given.slice(step * each, (step + 1) * each), shape);
  };
  try {
    return await run();
  } finally {
    device.uniform = own;
  }
}

/** Holds all gradients and clears them. */
async function gradients(comparison: Comparison, what: string, model: ProgramGenerator, wanted: Briefs): Promise<void> {
  const got = await byTorchName(model, (parameter) => parameter.grad);
  const differences = Object.entries(wanted).map(([name, brief]) => {
    const own = got.get(name);
    return [name, own ? difference(own, brief) : brief.max === 0 ? 0 : Infinity] as const;
  });
  comparison.same(`gradients ${what}, of all`, [...got.keys()].sort(), Object.keys(wanted).sort());
  const [worst, at] = largest(differences);
  comparison.within(`gradients ${what}`, worst, 2e-4, at);
  model.zeroGrad();
}

/** Programs with `<NULL>` up to the longest length. */
function padded(programs: Sequences): number[][] {
  return rowsOf(programs).map((row) => [...row, ...new Array<number>(MAX_PROGRAM - row.length).fill(0)]);
}
