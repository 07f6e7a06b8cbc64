/** Scopes and asynchronous flows that run at once, as requests to a server do. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { Device, EngineError, type Scope } from "../../engine/mod.ts";
import { withoutLeaks } from "../support/devices.ts";
import { withRandom } from "../support/random.ts";

const device = await Device.open();
Deno.test.afterAll(() => device.close());

const later = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));
const MIXED = /two scopes of this device are open over an await/;

Deno.test("fifty interleaved flows have their own tensors, and leave none", () =>
  withRandom("flows", (random) =>
    withoutLeaks(device, async () => {
      const flow = async (_: unknown, i: number): Promise<number> => {
        await later(random.integer(0, 5));
        using own = device.flow();
        const x = own.run(() => device.tensor([i, i + 1]));
        await later(random.integer(0, 5));
        let y = own.run(() => x.mul(device.full([2], 2)));
        for (let step = 0; step < 3; step++) {
          deepStrictEqual([...await x.data()], [i, i + 1]);
          y = own.run(() => {
            using inner = device.scope();
            return inner.keep(y.add(device.ones([2])).sub(0));
          });
          await later(random.integer(0, 5));
        }
        return await own.run(() => y.sum()).item();
      };
      const sums = await Promise.all(Array.from({ length: 50 }, flow));
      deepStrictEqual(sums, Array.from({ length: 50 }, (_, i) => 2 * (2 * i + 1) + 6));
    })));

Deno.test("fifty flows that hold scopes over awaits are refused, free nothing of each other's and leave nothing", () =>
  withRandom("held", (random) =>
    withoutLeaks(device, async () => {
      const flow = async (_: unknown, i: number): Promise<void> => {
        await later(random.integer(0, 20));
        using _scope = device.scope();
        const x = device.tensor([i]);
        await later(random.integer(0, 5));
        try {
          strictEqual(await x.add(i).item(), 2 * i);
        } finally {
          // Whatever was refused meanwhile: what this flow made is its own until its scope closes.
          strictEqual(x.disposed, false);
          strictEqual((await x.data())[0], i);
        }
      };
      const ends = await Promise.allSettled(Array.from({ length: 50 }, flow));
      const refused = ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
      ok(refused.length > 25, `${refused.length} were refused`);
      for (const error of refused) match(String(error), MIXED);
      using x = device.tensor([1]);
      strictEqual(await x.item(), 1);
    })));

Deno.test("a scope over an await takes inner scopes of a turn, and a second one over an await is refused", () =>
  withoutLeaks(device, async () => {
    {
      using _outer = device.scope();
      const x = device.ones([2]);
      await x.data();
      {
        using inner = device.scope();
        inner.keep(x.add(1));
      }
      await x.data();
      strictEqual(await x.add(1).sum().item(), 4);
      {
        using _second = device.scope();
        await x.data();
        throws(() => device.zeros([1]), MIXED);
        // Within a flow's run it is clear whose a tensor is.
        using flow = device.flow();
        strictEqual(await flow.run(() => device.ones([2]).sum()).item(), 2);
        throws(() => x.add(1), EngineError);
      }
      throws(() => x.add(1), MIXED);
    }
    using x = device.ones([1]);
    strictEqual(await x.item(), 1);
  }));

Deno.test("a flow without a scope learns why a scope that another holds over an await took its tensor", async () => {
  await using own = await Device.open();
  const holding = async (): Promise<void> => {
    using _scope = own.scope();
    await later(1);
    await later(5);
  };
  const held = holding();
  await later(2);
  const mine = own.ones([2]);
  await held;
  throws(() => mine.add(1), /disposed; a scope that is open over an await owns what every async flow makes meanwhile/);
  const gone = own.ones([1]);
  gone.dispose();
  throws(() => gone.add(1), /disposed; scope\.keep\(\) it to use it later/);
});

Deno.test("scopes closed in the wrong order free what is theirs", () =>
  withoutLeaks(device, () => {
    const outer = device.scope(), first = device.ones([1]);
    const inner = device.scope(), second = device.ones([1]);
    outer[Symbol.dispose]();
    deepStrictEqual([first.disposed, second.disposed], [true, false]);
    inner.keep(second);
    inner[Symbol.dispose]();
    strictEqual(second.disposed, false);
    second.dispose();
  }));

Deno.test("a flow keeps for its caller, and refuses promises, scopes left open and runs after its end", () =>
  withoutLeaks(device, async () => {
    const flow = device.flow();
    const x = flow.keep(flow.run(() => device.ones([3])));
    let open: Scope | undefined;
    throws(() => flow.run(() => (open = device.scope(), device.ones([1]))), /still open/);
    strictEqual(device.currentScope, undefined);
    open![Symbol.dispose]();
    throws(() => flow.run(() => Promise.reject(new Error("nobody's"))), /asynchronous/);
    throws(() =>
      flow.run(() => {
        throw new RangeError("mine");
      }), RangeError);
    strictEqual(device.currentScope, undefined);
    flow[Symbol.dispose]();
    flow[Symbol.dispose]();
    throws(() => flow.run(() => 1), /closed/);
    using sum = x.sum();
    strictEqual(await sum.item(), 3);
    x.dispose();
    await rejects(() => x.data(), /disposed/);
  }));
