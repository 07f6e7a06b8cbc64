/**
 * A first gradient: f(x) = Σ x² is computed on the device, and backward() gives df/dx = 2x.
 * `deno run examples/01_first_gradient.ts`
 */
// deno-lint-ignore-file no-console
import { Device } from "../engine/mod.ts";

await using device = await Device.open(); // closed at the end of the script
console.log(`on ${device.title}`);

using x = device.tensor([1, -2, 3]);
x.requiresGrad = true;

{
  using _scope = device.scope(); // frees x·x and the sum at the closing brace
  const f = x.mul(x).sum(); // ops record work and never wait ...
  f.backward();
  console.log("f(x)  =", await f.item()); // ... reading does
  console.log("df/dx =", [...await x.grad!.data()]);
}

// A second backward() adds to the gradient; zeroGrad() forgets it.
x.zeroGrad();
{
  using _scope = device.scope();
  x.sigmoid().sum().backward(); // σ'(x) = σ(x)·(1 − σ(x))
}
console.log("dσ/dx =", await x.grad!.text());
