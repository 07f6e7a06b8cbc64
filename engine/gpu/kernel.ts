/** Kernels: a WGSL text, an entry point, and the bindings that reflection finds. Compiled on first use, then cached. */
import { KernelError } from "../base/errors.ts";
import { liveText } from "./dead_branches.ts";
import { type KernelInterface, reflect } from "./wgsl.ts";

/** A named WGSL text. */
export interface ShaderText {
  /** Its file, for messages; those of the engine lie in `shaders/`. */
  readonly file: string;
  /** Its WGSL. */
  readonly text: string;
  /** Name of the kernel made with this text, where the others make one without it too. */
  readonly variant?: string;
}

/** Parameters of a dispatch by name, as a kernel's arithmetic is counted from them. */
export type DispatchParams = Readonly<Record<string, number>>;

/** Rows × columns of tiles or blocks. */
export type Tilings = readonly (readonly [rows: number, columns: number])[];

/** A kernel's word on itself for the tuner and the profile; one that is no product says nothing. */
export interface KernelTraits {
  /** True for a kernel of a user's: each run of it is checked. */
  readonly users?: boolean;
  /** The ops it can compute, such as `conv2d forward`; a changed shader makes measured winners for these stale. */
  readonly computes?: readonly string[];
  /** The family it is in: for GPUs, or for software adapters. */
  readonly kernelSet?: "gpu" | "cpu";
  /** Rows × columns of the tiles or blocks that it knows. */
  readonly tilings?: Tilings;
  /** Of tiles whose invocations compute 8 × 8 numbers each: the buffers that may pass through workgroup memory. */
  readonly buffers?: readonly (1 | 2)[];
  /** Those of one specialisation. */
  readonly tilingOf?: (constants: Constants) => Tilings[number];
  /** True for the tilings with which it runs too, of a kernel that has none of its own. */
  readonly serves?: (tiling: { readonly splitK: number; readonly winograd?: 2 | 4 | undefined }) => boolean;
  /** Multiplications and additions of a dispatch. */
  readonly flops?: (params: DispatchParams) => number;
}

/** One entry point of one shader file, with the library files it leans on, as the engine knows it. */
export interface KernelDeclaration {
  /** Distinct for every kernel. */
  readonly id: number;
  /** `file:entry`, and what its preludes make of it: `file:entry+vec4`. */
  readonly name: string;
  /** Entry point. */
  readonly entry: string;
  /** The texts it is made of, library files first. */
  readonly parts: readonly ShaderText[];
  /** The texts joined. */
  readonly code: string;
  /** Parameters and storage variables. */
  readonly interface: KernelInterface;
  /** As declared. */
  readonly traits: KernelTraits;
}

const registry: KernelDeclaration[] = [];
let count = 0;

/** Every kernel declared so far, for tests and the tuner. */
export function allKernels(): readonly KernelDeclaration[] {
  return registry;
}

/** A kernel's declaration. */
export let declarationOf: (kernel: Kernel) => KernelDeclaration;
let makeKernel: (declaration: KernelDeclaration) => Kernel;

/**
 * An entry point of a WGSL text, made by {@link kernel} and run by `device.run`.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { kernel, type Kernel } from "@itera/itera/engine";
 *
 * const text = "@compute @workgroup_size(1) fn nothing() {}";
 * const made: Kernel = kernel("nothing", { file: "nothing.wgsl", text });
 * strictEqual(made.name, "nothing.wgsl:nothing");
 * ```
 */
export class Kernel {
  /** `file:entry`. */
  readonly name: string;
  readonly #declaration: KernelDeclaration;

  static {
    declarationOf = (kernel) => kernel.#declaration;
    makeKernel = (declaration) => new Kernel(declaration);
  }

  private constructor(declaration: KernelDeclaration) {
    this.name = declaration.name;
    this.#declaration = declaration;
  }
}

/** Declares a kernel of the engine's own; see `kernel` in `engine/kernel.ts`. */
export function kernel(entry: string, ...parts: readonly [ShaderText, ...ShaderText[]]): Kernel {
  return declareKernel(entry, {}, ...parts);
}

/** Declares a {@link kernel} of which the tuner and the profile know more than its text. */
export function declareKernel(
  entry: string,
  traits: KernelTraits,
  ...parts: readonly [ShaderText, ...ShaderText[]]
): Kernel {
  const { file } = parts[parts.length - 1];
  const code = parts.map((part) => part.text).join("\n");
  const declaration: KernelDeclaration = {
    id: count++,
    name: [`${file}:${entry}`, ...parts.flatMap(({ variant }) => variant ?? [])].join("+"),
    entry,
    parts,
    code,
    interface: reflect(code, entry, file),
    traits,
  };
  registry.push(declaration);
  return makeKernel(declaration);
}

/** A kernel with another text than a known one, for checks, by `parts` if its lines are those of others; it is not among {@link allKernels}. */
export function variantOf(kernel: Kernel, code: string, parts?: readonly ShaderText[]): Kernel {
  const known = declarationOf(kernel), { entry, name } = known;
  return makeKernel({
    ...known,
    id: count++,
    code,
    parts: parts ?? known.parts,
    interface: reflect(code, entry, name),
  });
}

/** Pipeline-overridable constants of one specialisation. */
export type Constants = Readonly<Record<string, number>>;

/**
 * A kernel as one that computes wrong numbers is known and left out: `file:entry`, with the rows × columns of its tiles where it
 * is a product, and the function's number where it computes several. Its other constants make no form of their own.
 */
export function formOf(kernel: Kernel, constants: Constants = {}): string {
  const { name, traits } = declarationOf(kernel), { OP } = constants;
  if (traits.tilingOf) return tiledForm(name, ...traits.tilingOf(constants));
  return OP === undefined ? name : `${name} OP=${OP}`;
}

/** The form of a product's kernel that has these tiles. */
export function tiledForm(name: string, rows: number, columns: number): string {
  return `${name} ${rows}×${columns}`;
}

/** A compiled specialisation of a kernel. */
export interface Pipeline {
  readonly id: number;
  readonly kernel: KernelDeclaration;
  readonly gpu: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Nothing until the device has answered whether it compiled; then true, or the error. */
  compiled: true | KernelError | undefined;
}

/** Compiles kernels and keeps them, keyed by kernel and constants. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #report: (error: KernelError, kernel: KernelDeclaration) => void;
  /** First line of a kernel that uses subgroups, where this runtime wants one. */
  readonly #enable: string;
  readonly #pipelines = new Map<number, Map<string, Pipeline>>();
  readonly #layouts = new Map<
    number,
    {
      readonly bind: GPUBindGroupLayout;
      readonly pipeline: GPUPipelineLayout;
      /** By what constants leave of the text. */
      readonly modules: Map<string, GPUShaderModule>;
    }
  >();
  #count = 0;

  constructor(
    device: GPUDevice,
    report: (error: KernelError, kernel: KernelDeclaration) => void,
    enablesSubgroups: boolean,
  ) {
    this.#device = device;
    this.#report = report;
    this.#enable = enablesSubgroups ? "enable subgroups;\n" : "";
  }

  /** Number of pipelines compiled so far; tests watch it to see that a new size compiles nothing. */
  get count(): number {
    return this.#count;
  }

  /** The pipeline of `kernel` with `constants`, compiled if this is its first use. */
  get(kernel: KernelDeclaration, constants?: Constants): Pipeline {
    let variants = this.#pipelines.get(kernel.id);
    if (!variants) this.#pipelines.set(kernel.id, variants = new Map());
    let key = "";
    for (const name in constants) key += `${name}=${constants[name]};`;
    let pipeline = variants.get(key);
    if (!pipeline) variants.set(key, pipeline = this.#compile(kernel, constants));
    return pipeline;
  }

  #compile(kernel: KernelDeclaration, constants?: Constants): Pipeline {
    const device = this.#device;
    device.pushErrorScope("validation");
    let shared = this.#layouts.get(kernel.id);
    if (!shared) {
      const { params, storage, paramBytes } = kernel.interface;
      const entries: GPUBindGroupLayoutEntry[] = storage.map((s) => ({
        binding: s.binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: s.writable ? "storage" : "read-only-storage" },
      }));
      if (params.length > 0) {
        entries.unshift({
          binding: 0,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: paramBytes },
        });
      }
      const bind = device.createBindGroupLayout({ label: kernel.name, entries });
      shared = {
        bind,
        pipeline: device.createPipelineLayout({ label: kernel.name, bindGroupLayouts: [bind] }),
        modules: new Map(),
      };
      this.#layouts.set(kernel.id, shared);
    }
    // All of a user's text is looked at by the driver, with whatever is wrong in it.
    const live = kernel.traits.users ? kernel.code : liveText(kernel.code, constants), code = this.#enabled(live);
    let module = shared.modules.get(code);
    if (!module) shared.modules.set(code, module = device.createShaderModule({ label: kernel.name, code }));
    const gpu = device.createComputePipeline({
      label: kernel.name,
      layout: shared.pipeline,
      compute: { module, entryPoint: kernel.entry, constants: { ...constants } },
    });
    const pipeline: Pipeline = { id: this.#count++, kernel, gpu, layout: shared.bind, compiled: undefined };
    device.popErrorScope().then((error) => {
      pipeline.compiled = error ? new KernelError(explain(kernel, constants, error.message, this.#added(live))) : true;
      if (pipeline.compiled !== true) this.#report(pipeline.compiled, kernel);
    });
    return pipeline;
  }

  /** A kernel's text as this runtime takes it. */
  #enabled(code: string): string {
    return usesSubgroups(code) ? this.#enable + code : code;
  }

  /** Lines added before it. */
  #added(code: string): number {
    return usesSubgroups(code) && this.#enable !== "" ? 1 : 0;
  }
}

function usesSubgroups(code: string): boolean {
  return /\bsubgroup/.test(code);
}

/** A line of a kernel's text as a line of the file that it stands in. */
export interface KernelLine {
  /** As a path from the project's folder for the engine's own. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The line itself, without the spaces around it. */
  readonly text: string;
}

/** The file and line of a line of a kernel's joined text. */
export function lineOf({ parts, traits }: Pick<KernelDeclaration, "parts" | "traits">, line: number): KernelLine {
  let left = line;
  for (const part of parts) {
    const lines = part.text.split("\n");
    if (left <= lines.length) {
      return { file: `${traits.users ? "" : "shaders/"}${part.file}`, line: left, text: lines[left - 1].trim() };
    }
    left -= lines.length;
  }
  return { file: parts[parts.length - 1].file, line: left, text: "" };
}

/** Turns a position in the concatenated text, after so many `added` lines, back into a file and a line. */
function explain(kernel: KernelDeclaration, constants: Constants | undefined, message: string, added: number): string {
  const where = /:(\d+):(\d+)/.exec(message);
  let place = kernel.name, text = "";
  if (where) {
    const found = lineOf(kernel, Number(where[1]) - added);
    place = `${found.file}:${found.line}:${where[2]} (${kernel.entry})`;
    if (found.text !== "") text = `in \`${found.text}\`: `;
  }
  return `${place} with ${JSON.stringify(constants ?? {})} does not compile: ${text}${message}`;
}
