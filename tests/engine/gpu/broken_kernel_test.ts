/** A kernel of a user's that does not compile: named by its own text, and nothing else is harmed. */
import { deepStrictEqual, match, ok, rejects, throws } from "node:assert/strict";
import { EngineError, kernel, KernelError, type Tensor } from "../../../mod.ts";
import { KERNEL_SETS, openDevices, withoutLeaks } from "../../support/devices.ts";

const devices = await openDevices();

const LIBRARY = { file: "lib.wgsl", text: "// a library\nfn one() -> f32 { return 1.0; }" };
const text = (expression: string): string =>
  `@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
override SIZE: u32 = 4u;
@compute @workgroup_size(SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  y[id.x] = ${expression};
}`;
const broken = kernel("main", LIBRARY, { file: "mine.wgsl", text: text("nowhere(x[id.x])") });
const fine = kernel("main", LIBRARY, { file: "fine.wgsl", text: text("one() + x[id.x]") });

for (const kernels of KERNEL_SETS) {
  const device = devices[kernels];
  const run = (which: typeof broken, x: Tensor, y: Tensor, constants = {}): void =>
    device.run(which, { bind: { x, y }, constants, grid: [1, 1, 1] });

  Deno.test(`a broken kernel is named with file and line by the next reading, and the device stays usable (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      using _scope = device.scope();
      const x = device.tensor([1, 2, 3, 4]), y = device.zeros([4]);
      // Recorded before and after in the same turn: both must survive.
      const before = x.mul(2);
      run(broken, x, y);
      run(broken, x, y);
      const after = before.add(1);
      await rejects(after.data(), (error) => {
        ok(error instanceof KernelError);
        match(error.message, /^mine\.wgsl:6:13 \(main\) with \{\} does not compile: /);
        return true;
      });
      deepStrictEqual([...await after.data()], [3, 5, 7, 9]);
      deepStrictEqual([...await y.data()], [0, 0, 0, 0]);
      throws(() => run(broken, x, y), /mine\.wgsl:6:13/);
      run(fine, x, y);
      deepStrictEqual([...await y.data()], [2, 3, 4, 5]);
    }));

  Deno.test(`a size that a device does not allow is reported, and the next run is right (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      using _scope = device.scope();
      const x = device.tensor([1, 2, 3, 4]), y = device.zeros([4]);
      run(fine, x, y, { SIZE: 1 << 20 });
      await rejects(device.finish(), /fine\.wgsl:.*1048576/s);
      run(fine, x, y);
      deepStrictEqual([...await y.data()], [2, 3, 4, 5]);
    }));

  Deno.test(`a captured step with a broken kernel is refused when it is replayed (${kernels} kernels)`, () =>
    withoutLeaks(device, async () => {
      using x = device.tensor([1, 2, 3, 4]), y = device.zeros([4]);
      const other = kernel("main", LIBRARY, { file: "captured.wgsl", text: text("nowhere(x[id.x])") });
      using step = device.capture(() => run(other, x, y));
      await rejects(y.data(), /captured\.wgsl:6/);
      throws(() => step.replay(), /captured\.wgsl:6/);
      deepStrictEqual([...await x.data()], [1, 2, 3, 4]);
    }));

  Deno.test(`memory that a kernel reads and writes under two names is refused (${kernels} kernels)`, () =>
    withoutLeaks(device, () => {
      using x = device.zeros([4]);
      throws(() => run(fine, x, x), (error) => {
        ok(error instanceof EngineError);
        match(error.message, /"y" and "x" are the same memory, which is written; clone\(\) one/);
        return true;
      });
      using view = x.reshape([2, 2]);
      throws(() => run(fine, view, x), /are the same memory/);
    }));
}
