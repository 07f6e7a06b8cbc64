/** The command line as rank 1 has it whose device is lost after some updates; other ranks have it as it is. */
import { main } from "../../../cli/main.ts";
import { launched } from "../../../model/run/ranks/launched.ts";

if (launched()?.rank === 1) {
  const { gpu } = navigator, requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = (await requestAdapter(options))!, requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor), submit = device.queue.submit.bind(device.queue);
      const lost = Promise.withResolvers<GPUDeviceLostInfo>();
      Object.defineProperty(device, "lost", { value: lost.promise });
      let submitted = 0;
      device.queue.submit = (commands) => {
        if (submitted++ === 20) lost.resolve({ reason: "unknown", message: "it is gone" } as GPUDeviceLostInfo);
        submit(commands);
      };
      return device;
    };
    return adapter;
  };
}
Deno.exit(await main(Deno.args));
