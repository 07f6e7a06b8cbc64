/** A kernel made around one WGSL function, that runs it alone on many arguments. */
import { KernelError } from "../../base/errors.ts";
import { type Member, parseMembers, parseModule, parseType, reachedFrom, type Type } from "./module.ts";

/** Type of a parameter or of a result: numbers of a kind, one or a vector of them. */
export interface Numbers {
  readonly scalar: "f32" | "i32" | "u32" | "bool";
  /** 1 for a single number. */
  readonly count: number;
}

/** A kernel that runs a function alone. */
export interface Alone {
  /** To be added to the function's text. */
  readonly text: string;
  readonly parameters: readonly (Numbers & { readonly name: string })[];
  readonly result: Numbers;
}

/** Names of the kernel's own: its entry, its arguments (numbered), its results and how many there are. */
export const ENTRY = "itera_alone", ARGUMENT = "itera_argument", RESULT = "itera_result", COUNT = "itera_count";

const FIRST_BINDING = 40;

function numbersOf(type: Type): Numbers | null {
  if (type.kind === "scalar" && type.name !== "f16") return { scalar: type.name as Numbers["scalar"], count: 1 };
  if (type.kind !== "vector") return null;
  const of = numbersOf(type.of);
  return of && { scalar: of.scalar, count: type.count };
}

/** The kernel around `name` of a text; `file` names it in errors. */
export function aloneKernel(source: string, name: string, file: string): Alone {
  const module = parseModule(source), fn = module.functions.find((one) => one.name === name);
  const names = module.functions.map((one) => one.name).join(", ");
  if (!fn) throw new KernelError(`${file}: there is no function "${name}"; it has ${names || "none"}`);
  if (fn.attributes.length > 0) throw new KernelError(`${file}: "${name}" is an entry point; checkKernel runs it`);
  const used = new Set(reachedFrom(module, name).flatMap(({ tokens }) => tokens.map(({ text }) => text)));
  for (const { name: variable, space } of module.variables.values()) {
    if (space === "uniform" || space === "private" || !used.has(variable)) continue;
    throw new KernelError(
      `${file}: "${name}" uses "${variable}", memory of a whole kernel; checkKernel runs it in one`,
    );
  }
  const members: readonly Member[] = fn.parameters.length === 0 ? [] : parseMembers(fn.parameters, module.types);
  const parameters = members.map((member) => {
    const numbers = numbersOf(member.type);
    if (numbers) return { name: member.name, ...numbers };
    throw new KernelError(`${file}: "${name}" takes "${member.name}", which is no scalar or vector of 32 bits`);
  });
  const arrow = fn.result.findIndex(({ text }) => text === "->");
  const result = arrow < 0 ? null : numbersOf(parseType(fn.result, arrow + 1, module.types).type);
  if (!result) throw new KernelError(`${file}: "${name}" gives no scalar or vector of 32 bits`);
  return { text: textOf(name, parameters, result), parameters, result };
}

/** Type of a number in memory: a bool is 0 or 1. */
export function stored({ scalar }: Numbers): "f32" | "i32" | "u32" {
  return scalar === "bool" ? "u32" : scalar;
}

function textOf(name: string, parameters: readonly Numbers[], result: Numbers): string {
  const binding = (i: number, access: string, variable: string, type: string): string =>
    `@group(0) @binding(${FIRST_BINDING + i}) var<storage, ${access}> ${variable}: array<${type}>;`;
  const lines = parameters.map((one, k) => binding(k, "read", `${ARGUMENT}${k}`, stored(one)));
  lines.push(binding(parameters.length, "read_write", RESULT, stored(result)));
  lines.push(binding(parameters.length + 1, "read", COUNT, "u32"));
  const given = parameters.map((one, k) => {
    const parts = Array.from({ length: one.count }, (_, c) => {
      const value = `${ARGUMENT}${k}[i * ${one.count}u + ${c}u]`;
      return one.scalar === "bool" ? `${value} != 0u` : value;
    });
    return one.count === 1 ? parts[0] : `vec${one.count}<${one.scalar}>(${parts.join(", ")})`;
  });
  const stores = Array.from({ length: result.count }, (_, c) => {
    const value = result.count === 1 ? "result" : `result[${c}u]`;
    const word = result.scalar === "bool" ? `select(0u, 1u, ${value})` : value;
    return `  ${RESULT}[i * ${result.count}u + ${c}u] = ${word};`;
  });
  return `
${lines.join("\n")}

@compute @workgroup_size(64)
fn ${ENTRY}(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * (groups.x * 64u);
  if (i >= ${COUNT}[0]) { return; }
  let result = ${name}(${given.join(", ")});
${stores.join("\n")}
}
`;
}
