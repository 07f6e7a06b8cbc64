/** Tensors as people see them: in logs, printed, in notebooks. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { inspect } from "node:util";
import { Device, OutOfMemoryError } from "../../engine/mod.ts";

const device = await Device.open();
Deno.test.afterAll(() => device.close());

const DISPLAY = Symbol.for("Jupyter.display");

Deno.test("a tensor and a device are one line in logs", () => {
  using x = device.zeros([2, 3]);
  const place = device.info.description || device.info.vendor;
  strictEqual(Deno.inspect(x), `Tensor f32 [2, 3] on ${place}`);
  strictEqual(inspect({ x }), `{ x: Tensor f32 [2, 3] on ${place} }`);
  strictEqual(`${x}`, Deno.inspect(x));
  x.requiresGrad = true;
  match(Deno.inspect(x), /, requiresGrad$/);
  strictEqual(JSON.stringify({ x }), '{"x":{"dtype":"f32","shape":[2,3]}}');
  const gone = device.zeros([]);
  gone.dispose();
  match(Deno.inspect(gone), /f32 \[\] on .*, disposed$/);
  strictEqual(Deno.inspect(device), `Device ${device.title}`);
  strictEqual(String(device), Deno.inspect(device));
});

Deno.test("values are printed in nested brackets, aligned, whole numbers apart from real ones, the middle of many left out", async () => {
  using _scope = device.scope();
  const text = (x: { text(): Promise<string> }): Promise<string> => x.text();
  const all = await Promise.all([
    text(device.tensor([[1, -20.5], [1e-8, 3]])),
    text(device.tensor(new Int32Array([1, -2, 30]))),
    text(device.tensor(7)),
    text(device.zeros([2, 0])),
    text(device.tensor([NaN, Infinity])),
    text(device.tensor([[[1], [2]], [[3], [4]]])),
    text(device.tensor(Uint32Array.from({ length: 1200 }, (_, i) => i), [600, 2])),
  ]);
  const numbers = [123456, 16777216, -9999999, 123456789, -0, 0, 1234567.5, 99999.96, 1e30, 0.1];
  strictEqual(
    await text(device.tensor(numbers.map((v) => [v]))),
    "[[   123456.]\n [ 16777216.]\n [ -9999999.]\n [1.23457e+8]\n [       -0.]\n [        0.]\n" +
      " [1.23457e+6]\n [   100000.]\n [     1e+30]\n [       0.1]]",
  );
  deepStrictEqual(all, [
    "[[   1. -20.5]\n [ 1e-8    3.]]",
    "[ 1 -2 30]",
    "7.",
    "[[]\n []]",
    "[     NaN Infinity]",
    "[[[1.]\n  [2.]]\n\n [[3.]\n  [4.]]]",
    "[[   0    1]\n [   2    3]\n [   4    5]\n …\n [1194 1195]\n [1196 1197]\n [1198 1199]]",
  ]);
});

Deno.test("a notebook gets a tensor as text and as a table", async () => {
  using x = device.tensor([[1, 2], [3, 4]]), large = device.ones([30, 40]);
  const shown = x as unknown as Record<symbol, () => Promise<Record<string, string>>>;
  const bundle = await shown[DISPLAY]();
  deepStrictEqual(Object.keys(bundle), ["text/plain", "text/html"]);
  match(bundle["text/plain"], /^Tensor f32 \[2, 2\] on .*\n\[\[1. 2.\]\n \[3. 4.\]\]$/);
  match(bundle["text/html"], /<tr><td>1.<\/td><td>2.<\/td><\/tr><tr><td>3.<\/td><td>4.<\/td><\/tr>/);
  const table = (await (large as unknown as typeof shown)[DISPLAY]())["text/html"];
  strictEqual(table.match(/<tr>/g)!.length, 20);
  strictEqual(table.match(/<td>/g)!.length, 20 * 20);
  ok(table.includes("…"));
});

Deno.test("running out of memory says how many tensors are alive and what may be missing", async () => {
  await using small = await Device.open({ memoryLimit: 1 << 16 });
  throws(() => {
    for (;;) small.zeros([1000]);
  }, (error) => {
    ok(error instanceof OutOfMemoryError);
    match(
      error.message,
      /asked for 4000 bytes with .* live in 16 tensors, over the memory limit of .*device\.scope\(\)/,
    );
    return true;
  });
});
