/**
 * The page's script: a net learns two spirals before one's eyes, in the browser. `build.ts` makes it a page.
 */
import { Adam, crossEntropy, Device, nn, schedules, type Tensor } from "../../engine/mod.ts";

/** Cells of the drawn plane, [−1, 1] along each side. */
const CELLS = 64;
const POINTS = 160, STEPS = 400;

const find = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const canvas = find<HTMLCanvasElement>("plane"), text = find("text"), button = find<HTMLButtonElement>("again");

/** Points of both spirals [2 · POINTS, 2] and which of the two each lies on. */
function spirals(): { points: Float32Array<ArrayBuffer>; labels: Int32Array<ArrayBuffer> } {
  const points = new Float32Array(4 * POINTS), labels = new Int32Array(2 * POINTS);
  for (let i = 0; i < 2 * POINTS; i++) {
    const along = (i >> 1) / POINTS, radius = 0.08 + 0.85 * along, angle = 3 * Math.PI * along + (i % 2) * Math.PI;
    points.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * i);
    labels[i] = i % 2;
  }
  return { points, labels };
}

/** Centres of the cells, [CELLS · CELLS, 2], row by row. */
function centres(): Float32Array<ArrayBuffer> {
  const at = (i: number): number => (2 * i + 1) / CELLS - 1;
  return Float32Array.from({ length: 2 * CELLS * CELLS }, (_, k) => {
    const cell = k >> 1;
    return k % 2 === 0 ? at(cell % CELLS) : at(Math.floor(cell / CELLS));
  });
}

/** Shades the plane by the probability of the second spiral and draws the points on it. */
function draw(probabilities: Float32Array, { points, labels }: ReturnType<typeof spirals>): void {
  const context = canvas.getContext("2d")!, size = canvas.width, cell = size / CELLS;
  for (let i = 0; i < CELLS * CELLS; i++) {
    const p = probabilities[2 * i + 1];
    context.fillStyle = `rgb(${235 - 80 * p} ${205 - 10 * Math.abs(2 * p - 1)} ${155 + 90 * p})`;
    context.fillRect((i % CELLS) * cell, Math.floor(i / CELLS) * cell, cell + 1, cell + 1);
  }
  labels.forEach((label, i) => {
    context.fillStyle = label === 1 ? "#1667b7" : "#b4441a";
    context.beginPath();
    context.arc((points[2 * i] + 1) * size / 2, (points[2 * i + 1] + 1) * size / 2, 3, 0, 2 * Math.PI);
    context.fill();
  });
}

async function train(device: Device, seed: number): Promise<void> {
  const data = spirals(), seeds = new nn.Seeds(seed);
  const hidden = (inputs: number) => new nn.Linear(device, { inputs, outputs: 48, seeds, activation: "tanh" });
  using model = new nn.Sequential(
    device,
    hidden(2),
    hidden(48),
    new nn.Linear(device, { inputs: 48, outputs: 2, seeds }),
  );
  const rateAt = schedules.warmup(20, schedules.cosine(0.02, STEPS));
  using adam = new Adam(device, model.trainable(), { rate: rateAt(0) });
  using x = device.tensor(data.points, [2 * POINTS, 2]), labels = device.tensor(data.labels);
  using plane = device.tensor(centres(), [CELLS * CELLS, 2]);
  const probabilities = (of: Tensor): Tensor => device.noGrad(() => model.forward(of).softmax());
  for (let step = 0; step <= STEPS; step++) {
    using _scope = device.scope();
    const loss = crossEntropy(model.forward(x), labels);
    loss.backward();
    adam.rate = rateAt(step);
    adam.step();
    model.zeroGrad();
    if (step % 20 > 0) continue;
    // One wait for all three.
    const [shown, answers, value] = await Promise.all([
      probabilities(plane).data(),
      probabilities(x).argmax(1).data<"i32">(),
      loss.item(),
    ]);
    draw(shown, data);
    const right = answers.filter((answer, i) => answer === data.labels[i]).length;
    text.textContent = `step ${step} of ${STEPS}, loss ${value.toFixed(4)}, ${right} of ${2 * POINTS} points right`;
  }
}

try {
  const device = await Device.open();
  let seed = 1;
  const again = async (): Promise<void> => {
    button.disabled = true;
    await train(device, seed++);
    button.disabled = false;
  };
  button.onclick = again;
  await again();
} catch (error) {
  text.textContent = (error as Error).message; // a browser without WebGPU, say
}
