/** Files as the published CLEVR-Ref+ has them, written by hand: Python's spacing, its fields, its order of keys. */
import { handScene, ROW } from "./hand_scene.ts";

/** Two scenes; the second has one object less. */
export function realScenes(): Record<string, unknown>[] {
  return [ROW, ROW.slice(0, 2)].map((rectangles, index) => {
    const { idx: _, ...scene } = { idx: 0, ...handScene(rectangles, index) };
    return {
      ...scene,
      // What the published scenes have besides.
      objects: scene.objects.map((object, i) => ({ ...object, rotation: 12.5 * i, idx: i + 1 })),
      directions: { ...scene.directions, above: [0, 0, 1], below: [-0, -0, -1] },
    };
  });
}

/** Three expressions about them. */
export function realRefexps(): Record<string, unknown>[] {
  const about = (index: number) => ({
    split: "train",
    image_filename: `CLEVR_train_00000${index}.png`,
    image_index: index,
    image: `CLEVR_train_00000${index}`,
  });
  const node = (type: string, inputs: number[], value_inputs: string[], _output: unknown) => ({
    inputs,
    _output,
    type,
    value_inputs,
  });
  return [
    {
      ...about(0),
      program: [node("scene", [], [], [0, 1, 2]), node("filter_color", [0], ["red"], [0, 2])],
      refexp: "The red thing(s)",
      template_filename: "zero_hop.json",
      refexp_index: 0,
      refexp_family_index: 1,
    },
    {
      ...about(0),
      program: [
        node("scene", [], [], [0, 1, 2]),
        node("filter_ordinal", [0], ["the second one of the", "from left"], [1]),
        node("unique", [1], [], 1),
        node("relate", [2], ["right"], [2]),
        node("filter_shape", [3], ["sphere"], [2]),
      ],
      refexp: "Find the second one of the object(s) from left; The ball(s) that are right of it",
      template_filename: "one_hop.json",
      refexp_index: 1,
      refexp_family_index: 0,
    },
    {
      ...about(1),
      program: [
        node("scene", [], [], [0, 1]),
        node("filter_size", [0], ["large"], [0]),
        node("scene", [], [], [0, 1]),
        node("filter_material", [2], ["metal"], [1]),
        node("union", [1, 3], [], [0, 1]),
      ],
      refexp: "The things that are either big thing(s) or shiny thing(s)",
      template_filename: "single_or.json",
      refexp_index: 2,
      refexp_family_index: 0,
    },
  ];
}

/** A file as Python's `json.dump(…, indent=2)` writes it, or without `indent` on one line. */
export function pythonJson(key: string, list: readonly unknown[], indent?: number): string {
  const info = { date: "03/15/2018", version: "1.0", split: "train", license: "Creative Commons Attribution" };
  const value = { info, [key]: list };
  return indent === undefined ? spaced(JSON.parse(JSON.stringify(value))) : JSON.stringify(value, null, indent);
}

/** JSON on one line with a blank after each comma and colon. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, v]) => `${JSON.stringify(name)}: ${spaced(v)}`).join(", ")}}`;
}
