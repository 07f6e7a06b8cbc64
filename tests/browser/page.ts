/** The part of the browser's tests that runs in the page: the engine, bundled, does what it is asked and says what it found. */
import { checkpoint, Device, nn } from "../../engine/mod.ts";
import { allKernels } from "../../engine/gpu/kernel.ts";
import { allOps } from "../../engine/op.ts";
import { type Drawn, run, type RunOptions } from "../../engine/testing/samples/run_sample.ts";
import { fromWire, toWire } from "../../engine/testing/samples/wire.ts";

const devices = new Map<string, Device>();

/** An op with a sample to run it on. */
interface Task {
  readonly sample: Drawn;
  readonly options: RunOptions;
}

const page = {
  /** Opens a device with a kernel set; returns what the adapter is. */
  async open(kernels: "cpu" | "gpu"): Promise<string> {
    const device = await Device.open({ kernels });
    devices.set(kernels, device);
    return JSON.stringify({ title: device.title, features: device.info.features, lanes: device.info.lanes });
  },

  /** Runs samples of an op; returns outputs and gradients, and what is alive afterwards. */
  async run(kernels: string, name: string, wired: string): Promise<string> {
    const device = devices.get(kernels)!, op = allOps().get(name)!;
    const runs = await Promise.all(
      (fromWire(wired) as Task[]).map(({ sample, options }) => run(device, op, sample, options)),
    );
    return toWire({ runs, alive: device.memory.liveTensors });
  },

  /** Compiles every kernel's text; returns what the compiler says against any. */
  async compile(kernels: string): Promise<string> {
    const adapter = await navigator.gpu.requestAdapter();
    const { features, enablesSubgroups } = devices.get(kernels)!.info;
    const device = await adapter!.requestDevice({ requiredFeatures: features as GPUFeatureName[] });
    const found: string[] = [], left: string[] = [];
    for (const { name, code } of allKernels()) {
      if (/\benable f16;/.test(code) && !features.includes("shader-f16")) {
        left.push(name);
        continue;
      }
      const enabled = /\bsubgroup/.test(code) && enablesSubgroups ? `enable subgroups;\n${code}` : code;
      device.pushErrorScope("validation");
      const { messages } = await device.createShaderModule({ code: enabled }).getCompilationInfo();
      const error = await device.popErrorScope();
      if (error) found.push(`${name}: ${messages.map((one) => one.message).join("; ") || error.message}`);
    }
    device.destroy();
    return JSON.stringify({ kernels: allKernels().length, found, left });
  },

  /** Interleaved flows, each with a scope of its own; returns their results and what is alive afterwards. */
  async flows(count: number): Promise<string> {
    const device = devices.get("gpu")!, before = device.memory.liveTensors;
    const flow = async (i: number): Promise<number> => {
      await new Promise((done) => setTimeout(done, i % 7));
      using own = device.flow();
      const x = own.run(() => device.tensor([i, 1]));
      await x.data();
      const y = own.run(() => x.mul(2).sum());
      await new Promise((done) => setTimeout(done, i % 5));
      return await own.run(() => y.add(x.sum())).item();
    };
    const held = async (i: number): Promise<string> => {
      using _scope = device.scope();
      const x = device.tensor([i]);
      await x.data();
      try {
        return `${await x.add(1).item()}`;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const numbers = Array.from({ length: count }, (_, i) => i);
    const sums = await Promise.all(numbers.map(flow)), refused = await Promise.all(numbers.map(held));
    return JSON.stringify({ sums, refused, alive: device.memory.liveTensors - before });
  },

  /** Loads a layer's tensors from safetensors files of the page's server; returns the layer's result, or the refusal. */
  async load(...names: string[]): Promise<string> {
    const device = devices.get("gpu")!, said: string[] = [];
    for (const name of names) {
      using layer = new nn.Linear(device, { inputs: 2, outputs: 1, seed: 1 });
      using x = device.tensor([[1, 2]]);
      try {
        await checkpoint.loadTensors(new URL(name, location.href), layer.stateDict());
        using y = layer.forward(x);
        said.push(String(await y.item()));
      } catch (error) {
        said.push(`${error}`);
      }
    }
    return JSON.stringify(said);
  },

  /** The words of opening a device where there is no WebGPU, and where there is no adapter. */
  async missing(): Promise<string> {
    const said: string[] = [];
    for (const gpu of [undefined, { requestAdapter: () => Promise.resolve(null) }]) {
      Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
      await Device.open().then(() => said.push("opened"), (error) => said.push(`${error}`));
    }
    return JSON.stringify(said);
  },
};

/** The page's functions, as the tests call them. */
export type Page = typeof page;

Object.assign(globalThis, { itera: page });
