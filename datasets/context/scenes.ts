/**
 * Things and their places: for each scene type, the hosts with their weights and, for each host, the guests with
 * relation and weight. Weights are relative within their list. `beside` stands for left and right in equal parts, so
 * that a mirrored image is as likely as the image itself and flipping is an honest augmentation.
 */

/** Place of a guest, seen from its host; `beside` is half left, half right. */
export type Place = "on" | "under" | "beside" | "inside";

/** Guest name, place and weight. */
export type GuestEntry = readonly [guest: string, place: Place, weight: number];

/** One host of a scene with its weight and guests. */
export interface HostEntry {
  readonly host: string;
  readonly weight: number;
  readonly guests: readonly GuestEntry[];
}

/** One scene type. All scene types are equally likely and none is ever labelled. */
export interface SceneEntry {
  readonly name: string;
  readonly hosts: readonly HostEntry[];
}

const host = (name: string, weight: number, ...guests: readonly GuestEntry[]): HostEntry => ({
  host: name,
  weight,
  guests,
});

/** The scene types. Most pairs look alike in two or three scenes and mean something else in each. */
export const SCENES: readonly SceneEntry[] = [
  {
    name: "kitchen",
    hosts: [
      host("table", 60, ["plate", "on", 50], ["bottle", "beside", 25], ["apple", "inside", 5], ["cat", "under", 20]),
      host("fridge", 28, ["bottle", "inside", 60], ["cabbage", "on", 20], ["apple", "beside", 8], ["bag", "under", 12]),
      host("oven", 12, ["plate", "on", 64], ["cheese", "inside", 16], ["bag", "beside", 20]),
    ],
  },
  {
    name: "bedroom",
    hosts: [
      host("dresser", 40, ["clock", "on", 45], ["book", "inside", 30], ["bag", "under", 19], ["vase", "beside", 6]),
      host("sofa", 22, ["pillow", "on", 50], ["lamp", "beside", 40], ["ball", "under", 10]),
      host("bed", 20, ["pillow", "on", 45], ["lamp", "beside", 35], ["cat", "under", 20]),
      host("television", 18, ["cat", "on", 55], ["lamp", "beside", 35], ["fan", "under", 10]),
    ],
  },
  {
    name: "office",
    hosts: [
      host("desk", 45, ["monitor", "on", 45], ["bag", "under", 35], ["fan", "beside", 20]),
      host("cabinet", 30, ["book", "inside", 50], ["clock", "beside", 30], ["cactus", "on", 20]),
      host("monitor", 25, ["book", "under", 45], ["cactus", "beside", 25], ["cat", "on", 30]),
    ],
  },
  {
    name: "workshop",
    hosts: [
      host("workbench", 50, ["wheel", "on", 35], ["toolbox", "under", 35], ["oilcan", "beside", 20], [
        "gear",
        "inside",
        10,
      ]),
      host("locker", 25, ["toolbox", "inside", 30], ["oilcan", "inside", 25], ["helmet", "on", 25], [
        "gear",
        "beside",
        20,
      ]),
      host("desk", 17, ["toolbox", "under", 50], ["gear", "beside", 20], ["helmet", "on", 30]),
      host("wheelbarrow", 8, ["wheel", "under", 60], ["toolbox", "on", 40]),
    ],
  },
  {
    name: "street",
    hosts: [
      host("car", 58, ["wheel", "under", 55], ["cone", "beside", 30], ["bag", "inside", 15]),
      host("kiosk", 14, ["clock", "on", 50], ["cone", "beside", 30], ["bottle", "inside", 20]),
      host("tree", 28, ["bench", "under", 40], ["cat", "inside", 25], ["cone", "beside", 30], ["ball", "on", 5]),
    ],
  },
  {
    name: "garden",
    hosts: [
      host("tree", 58, ["flower", "under", 50], ["apple", "inside", 15], ["bush", "beside", 35]),
      host("bench", 27, ["cat", "under", 40], ["bush", "beside", 32], ["ball", "on", 8], ["flower", "inside", 20]),
      host("wheelbarrow", 15, ["wheel", "under", 45], ["flower", "on", 35], ["cabbage", "inside", 20]),
    ],
  },
];
