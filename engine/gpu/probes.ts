/** Proof of what an adapter claims: each feature is used to compute a value, and the value is checked. */
import { NoAdapterError } from "../base/errors.ts";
import { type AdapterChoice, isSoftware } from "./adapter.ts";

/** Probe result of one feature. */
export interface FeatureProof {
  /** WebGPU's name of it; `compute` is plain arithmetic. */
  readonly name: string;
  /** True where the adapter lists it and the runtime can use it. */
  readonly claimed: boolean;
  /** True where a value computed with it was right. */
  readonly proven: boolean;
  /** The value, or why there is none. */
  readonly detail: string;
}

interface Probe {
  readonly name: string;
  readonly feature?: string;
  readonly code: string;
  /** Call of a compute pass without which the runtime offers no way to use the feature. */
  readonly needs?: string;
  /** Sets what the pass needs besides its buffers. */
  readonly prepare?: (pass: GPUComputePassEncoder) => void;
  /** Reads the eight words written, and the time the pass took in ns; returns what was found. */
  readonly judge: (words: Uint32Array, ns: bigint) => { readonly proven: boolean; readonly detail: string };
}

const WORDS = 8;
/** Inputs come from a buffer, so that no compiler can compute the answer beforehand. */
const INPUT = [3, 5, 7, 11];
const BINDINGS = `@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
`;

const PROBES: readonly Probe[] = [
  {
    name: "compute",
    code: `${BINDINGS}@compute @workgroup_size(1) fn main() {
      y[0] = bitcast<u32>(f32(x[0]) / f32(x[1]));
      y[1] = x[2] * x[3];
    }`,
    judge: ([quotient, product]) => ({
      proven: Math.abs(fromBits(quotient) - 0.6) < 1e-6 && product === 77,
      detail: `3 / 5 = ${fromBits(quotient)}, 7 × 11 = ${product}`,
    }),
  },
  {
    name: "shader-f16",
    feature: "shader-f16",
    code: `enable f16;
    ${BINDINGS}@compute @workgroup_size(1) fn main() { y[0] = pack2x16float(vec2<f32>(f32(f16(x[0]) * f16(683.0)), 0.0)); }`,
    // 2049 lies between two half-precision numbers, 2048 and 2050, and goes to the even one, 0x6800.
    judge: ([word]) => ({ proven: word === 0x6800, detail: `3 × 683 in 16 bits is 0x${word.toString(16)}` }),
  },
  {
    name: "timestamp-query",
    feature: "timestamp-query",
    code: `${BINDINGS}@compute @workgroup_size(1) fn main() {
      var a = x[0];
      for (var i = 0u; i < 100000u; i++) { a = a * 1664525u + x[1]; }
      y[0] = a;
    }`,
    judge: (_, ns) => ({ proven: ns > 0n && ns < 10n ** 10n, detail: `a small pass took ${Number(ns) / 1e6} ms` }),
  },
  {
    name: "subgroups",
    feature: "subgroups",
    code: `${BINDINGS}@compute @workgroup_size(64)
    fn main(@builtin(local_invocation_index) i: u32, @builtin(subgroup_size) size: u32) {
      let total = subgroupAdd(x[0]);
      if (i == 0u) { y[0] = total; y[1] = size; }
    }`,
    judge: ([total, size]) => ({ proven: size > 0 && total === 3 * size, detail: `${size} lanes` }),
  },
  {
    name: "immediates",
    feature: "immediates",
    code: `requires immediate_address_space;
    var<immediate> factor: u32;
    ${BINDINGS}@compute @workgroup_size(1) fn main() { y[0] = x[3] * factor; }`,
    needs: "setImmediates",
    prepare: (pass) => (pass as WithImmediates).setImmediates(0, new Uint32Array([13])),
    judge: ([product]) => ({ proven: product === 143, detail: `11 × 13 = ${product}` }),
  },
];

/** Deno grants the feature and lacks the call that uses it: no defect of the adapter. */
type WithImmediates = GPUComputePassEncoder & { setImmediates(offset: number, data: Uint32Array): void };

/** Tries each feature on the adapter of `choice`. Throws {@link NoAdapterError} when there is none. */
export async function proveFeatures(choice: AdapterChoice): Promise<FeatureProof[]> {
  const proofs: FeatureProof[] = [];
  for (const probe of PROBES) {
    const adapter = await openFor(choice);
    if (probe.needs !== undefined && !(probe.needs in GPUComputePassEncoder.prototype)) {
      proofs.push({ name: probe.name, claimed: false, proven: false, detail: `this runtime has no ${probe.needs}` });
      continue;
    }
    const claimed = probe.feature === undefined || adapter.features.has(probe.feature);
    try {
      proofs.push({ name: probe.name, claimed, ...await run(adapter, probe) });
    } catch (error) {
      const reason = (error as Error).message.trim().split("\n")[0];
      proofs.push({ name: probe.name, claimed, proven: false, detail: reason });
    }
  }
  return proofs;
}

/** An adapter gives one device, so each probe asks for an adapter of its own. */
async function openFor(choice: AdapterChoice): Promise<GPUAdapter> {
  const options = { powerPreference: "high-performance", forceFallbackAdapter: choice === "cpu" } as const;
  const adapter = await navigator.gpu.requestAdapter(options);
  if (!adapter || (choice === "gpu" && isSoftware(adapter.info))) {
    throw new NoAdapterError("no WebGPU adapter of that kind was found");
  }
  return adapter;
}

async function run(adapter: GPUAdapter, probe: Probe): Promise<{ readonly proven: boolean; readonly detail: string }> {
  const requiredFeatures = probe.feature === undefined ? [] : [probe.feature as GPUFeatureName];
  const device = await adapter.requestDevice({ requiredFeatures });
  try {
    device.pushErrorScope("validation");
    const timed = probe.feature === "timestamp-query";
    const storage = (bytes: number, usage: number): GPUBuffer => device.createBuffer({ size: bytes, usage });
    const x = storage(INPUT.length * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
    const y = storage(WORDS * 4, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
    const times = storage(16, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
    const back = storage(WORDS * 4 + 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    device.queue.writeBuffer(x, 0, new Uint32Array(INPUT));
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code: probe.code }), entryPoint: "main" },
    });
    const bound = pipeline.getBindGroupLayout(0);
    const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const querySet = timed ? device.createQuerySet({ type: "timestamp", count: 2 }) : undefined;
    const pass = encoder.beginComputePass(
      querySet ? { timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } } : {},
    );
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: bound, entries }));
    probe.prepare?.(pass);
    pass.dispatchWorkgroups(1);
    pass.end();
    if (querySet) encoder.resolveQuerySet(querySet, 0, 2, times, 0);
    encoder.copyBufferToBuffer(y, 0, back, 0, WORDS * 4);
    encoder.copyBufferToBuffer(times, 0, back, WORDS * 4, 16);
    device.queue.submit([encoder.finish()]);
    const error = await device.popErrorScope();
    if (error) throw new Error(error.message);
    await back.mapAsync(GPUMapMode.READ);
    const bytes = back.getMappedRange().slice(0);
    back.unmap();
    const [begin, end] = new BigUint64Array(bytes, WORDS * 4, 2);
    return probe.judge(new Uint32Array(bytes, 0, WORDS), end - begin);
  } finally {
    device.destroy();
  }
}

function fromBits(bits: number): number {
  return Number(new Float32Array(new Uint32Array([bits]).buffer)[0].toPrecision(7));
}
