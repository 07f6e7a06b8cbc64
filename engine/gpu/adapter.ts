/** Choosing an adapter and opening a device with all it can give; features are proven later by a computed value. */
import { NoAdapterError } from "../base/errors.ts";
import { host } from "../host.ts";

/** The adapter to open: the first found, a real GPU only, or a software one only. */
export type AdapterChoice = "auto" | "gpu" | "cpu";

/** A family of kernels: tiles in workgroup memory, or register blocks without barriers. */
export type KernelSet = "gpu" | "cpu";

/** The opened adapter. */
export interface AdapterInfo {
  /** Vendor as the driver reports it. */
  readonly vendor: string;
  /** Architecture as the driver reports it. */
  readonly architecture: string;
  /** Human-readable name of the device or driver. */
  readonly description: string;
  /** True for software Vulkan (Mesa llvmpipe, SwiftShader). */
  readonly isFallback: boolean;
  /** The limits the device was opened with. */
  readonly limits: Readonly<Record<string, number>>;
  /** Feature flags granted, sorted; `doctor` proves the ones that matter by computing with them. */
  readonly features: readonly string[];
  /** Lanes of every subgroup; null where subgroups are not to be had or differ in size. */
  readonly lanes: number | null;
  /** True where kernels that use subgroups must say so: the specification's rule, which Deno's compiler refuses. */
  readonly enablesSubgroups: boolean;
}

const WANTED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBuffersPerShaderStage",
] as const;

/** True for adapters that compute on the CPU. */
export function isSoftware(
  info: { readonly description: string; readonly architecture?: string; readonly isFallbackAdapter?: boolean },
): boolean {
  return info.isFallbackAdapter === true ||
    /llvmpipe|swiftshader|lavapipe/i.test(`${info.description} ${info.architecture ?? ""}`);
}

/** Opens an adapter and its device with the largest limits on offer; throws {@link NoAdapterError}. */
export async function openAdapter(choice: AdapterChoice): Promise<{ device: GPUDevice; info: AdapterInfo }> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) throw new NoAdapterError(host.noWebGPU);
  const adapter = await gpu.requestAdapter({
    powerPreference: "high-performance",
    forceFallbackAdapter: choice === "cpu",
  });
  if (!adapter) throw new NoAdapterError(`no WebGPU adapter was found; ${host.adapterAdvice}`);
  const software = isSoftware(adapter.info);
  if (choice === "gpu" && software) {
    throw new NoAdapterError(`only a software adapter was found (${adapter.info.description}); ${host.adapterAdvice}`);
  }
  const limits: Record<string, number> = {};
  for (const name of WANTED_LIMITS) limits[name] = adapter.limits[name] as number;
  const features = (["shader-f16", "timestamp-query", "subgroups"] as GPUFeatureName[]).filter((f) =>
    adapter.features.has(f)
  );
  const { vendor, architecture, description, subgroupMinSize: min, subgroupMaxSize: max } = adapter.info;
  // Deno 2.9 gives subgroups where it has not listed them, if the driver has them.
  const unlisted = min > 0 && !features.includes("subgroups") ? ["subgroups"] : [];
  const open = (extra: readonly string[]): Promise<GPUDevice> =>
    adapter.requestDevice({
      requiredLimits: limits,
      requiredFeatures: [...features, ...extra] as GPUFeatureName[],
    });
  const device = await open(unlisted).catch((error: unknown) => {
    if (unlisted.length === 0) throw error;
    return open([]);
  });
  const subgroups = device.features.has("subgroups");
  return {
    device,
    info: {
      vendor,
      architecture,
      description,
      isFallback: software,
      limits,
      features: [...device.features].map(String).sort(),
      lanes: subgroups && min === max ? min : null,
      enablesSubgroups: subgroups && await takes(device, "enable subgroups;"),
    },
  };
}

/** True where the runtime's compiler takes a line of WGSL. */
async function takes(device: GPUDevice, line: string): Promise<boolean> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: `${line}\n@compute @workgroup_size(1) fn main() {}` });
  const [{ messages }] = await Promise.all([module.getCompilationInfo(), device.popErrorScope()]);
  return !messages.some(({ type }) => type === "error");
}
