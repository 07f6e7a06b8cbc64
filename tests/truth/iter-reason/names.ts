/** The authors' variables as our parameters: where a gradient of theirs is found here. Stated apart from the importer. */

/** Our parameter, and which channel of it where two variables of theirs are one. */
export interface Place {
  readonly name: string;
  readonly channel?: number;
}

const MEMORY: Readonly<Record<string, string>> = {
  "mem_init": "mem_init",
  "bottom_top/map_prob": "map_prob",
  "bottom_top/pool5_comp": "pool5_comp",
  "pool5_input/conv02": "input2",
  "mem_update/input_p": "gru.candidate.x",
  "mem_update/input_m": "gru.candidate.s",
  "context/conv1": "context1",
  "context/conv02": "context2",
  "context/conv03": "context3",
  "fc7/mem_fc6": "head.fc6",
  "fc7/mem_fc7": "head.fc7",
  "cls_iter/cls_score_mem": "head.score",
  "confid_iter/confid_mem": "head.confidence",
};

/** Place of a variable of theirs in our model. */
export function placeOf(variable: string): Place {
  if (variable === "SMN/mem_init/mem_init") return { name: "memory.mem_init" };
  const [, scope, rest, kind] = /^([^/]+)\/(.*)\/(weights|biases)$/.exec(variable)!;
  const part = kind === "weights" ? "weight" : "bias";
  if (scope !== "SMN") {
    const path = rest.replace(/\/unit_(\d+)\/bottleneck_v1\//, ".unit$1.").replaceAll("/", ".");
    return { name: `${path === "cls_score" ? "" : "resnet."}${path}.${part}` };
  }
  const gate = /^mem_update\/(reset|update)_([pm])$/.exec(rest);
  if (gate) {
    const side = part === "bias" ? "bias" : `${gate[2] === "p" ? "x" : "s"}.weight`;
    return { name: `memory.gru.gates.${side}`, channel: gate[1] === "reset" ? 0 : 1 };
  }
  // The candidate has one bias, which is with the input's weights there.
  if (part === "bias" && rest === "mem_update/input_p") return { name: "memory.gru.candidate.bias" };
  return { name: `memory.${MEMORY[rest]}.${part}` };
}

/** The names a wide weight's blocks of rows go by, or its own where it is whole. */
export function partsOf({ name }: Place, names: ReadonlySet<string>): string[] {
  if (names.has(name)) return [name];
  const parts: string[] = [];
  for (let i = 0; names.has(blockName(name, i)); i++) parts.push(blockName(name, i));
  return parts;
}

function blockName(name: string, i: number): string {
  return name.replace(/\.weight$/, `.${i}.weight`);
}
