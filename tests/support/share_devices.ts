/**
 * Lets the devices that a file's tests open one after another, in trainings and commands too, be one of WebGPU's. Compiling
 * the kernels anew for each would take most of the tests' time. The engine knows nothing of it.
 */

let shared: Map<string, GPUDevice> | undefined;

/** Call at the top of a test file. What is opened is closed after the file's last test. */
export function shareDevices(): void {
  if (shared) return;
  const devices = shared = new Map<string, GPUDevice>();
  const { gpu } = navigator;
  const requestAdapter = gpu.requestAdapter.bind(gpu), close: (() => void)[] = [];
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (!adapter) return null;
    const requestDevice = adapter.requestDevice.bind(adapter), { forceFallbackAdapter = false } = options ?? {};
    adapter.requestDevice = async (descriptor) => {
      const key = `${forceFallbackAdapter} ${JSON.stringify(descriptor)}`;
      const known = devices.get(key);
      if (known) return known;
      const device = await requestDevice(descriptor);
      close.push(device.destroy.bind(device));
      device.destroy = () => {};
      keepPipelines(device);
      devices.set(key, device);
      return device;
    };
    return adapter;
  };
  Deno.test.afterAll(() => {
    gpu.requestAdapter = requestAdapter;
    for (const destroy of close) destroy();
    shared = undefined;
  });
}

/** Gives what was compiled when the same is asked for again. */
function keepPipelines(device: GPUDevice): void {
  const ids = new Map<unknown, number>();
  // Objects of WebGPU stand for themselves in a key, by a number.
  const keyOf = (descriptor: unknown): string =>
    JSON.stringify(descriptor, (_, value) => {
      if (!/^GPU/.test(value?.constructor?.name ?? "")) return value;
      if (!ids.has(value)) ids.set(value, ids.size);
      return ids.get(value);
    });
  const kept = <D, R>(make: (descriptor: D) => R): (descriptor: D) => R => {
    const made = new Map<string, R>();
    return (descriptor) => {
      const key = keyOf(descriptor);
      let known = made.get(key);
      if (known === undefined) made.set(key, known = make(descriptor));
      return known;
    };
  };
  device.createShaderModule = kept(device.createShaderModule.bind(device));
  device.createBindGroupLayout = kept(device.createBindGroupLayout.bind(device));
  device.createPipelineLayout = kept(device.createPipelineLayout.bind(device));
  device.createComputePipeline = kept(device.createComputePipeline.bind(device));
}
