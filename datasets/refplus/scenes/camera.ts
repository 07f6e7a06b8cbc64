/** The camera: a pinhole above the ground, looking at its middle. */
import type { RandomStream } from "../../../engine/base/random.ts";
import type { Relation } from "./catalogue.ts";
import type { Vector } from "./geometry.ts";

/** Picture size in pixels; the format's masks have it too. */
export const WIDTH = 480, HEIGHT = 320;

/** Position of the camera before jitter, and the point it looks at. */
const PLACE: Vector = [7.48, -6.51, 5.34], AIM: Vector = [0, 0, 0.2];

/** Most that each coordinate of the camera moves. */
const JITTER = 0.5;

/** Focal length in pixels without zoom: 35 mm over a sensor 32 mm wide. */
const FOCAL = WIDTH * 35 / 32;

/** A view of the scene. */
export interface Camera {
  /** Focal length in pixels. */
  readonly focal: number;
  readonly position: Vector;
  /** Unit vectors of the picture's right, of its up, and of the view. */
  readonly right: Vector;
  readonly up: Vector;
  readonly forward: Vector;
  /** Unit vectors in the world, as a scene file records them. */
  readonly directions: Readonly<Record<Relation | "above" | "below", Vector>>;
}

/** Draws a view through a lens `zoom` times as long as the published one. */
export function drawCamera(random: RandomStream, zoom: number): Camera {
  const position = PLACE.map((at) => at + JITTER * (2 * random.unit() - 1)) as unknown as Vector;
  const forward = unit([AIM[0] - position[0], AIM[1] - position[1], AIM[2] - position[2]]);
  const behind = unit([forward[0], forward[1], 0]);
  const right: Vector = [behind[1], -behind[0], 0];
  const up: Vector = [
    right[1] * forward[2],
    -right[0] * forward[2],
    right[0] * forward[1] - right[1] * forward[0],
  ];
  const directions = {
    left: opposite(right),
    right,
    behind,
    front: opposite(behind),
    above: [0, 0, 1] as const,
    below: [0, 0, -1] as const,
  };
  return { focal: FOCAL * zoom, position, right, up, forward, directions };
}

/** Projection of a point: x and y in pixels from the top left corner, and its depth along the view. */
export function project(camera: Camera, [x, y, z]: Vector): { readonly x: number; readonly y: number; depth: number } {
  const { focal, position: p, right: r, up: u, forward: f } = camera;
  const dx = x - p[0], dy = y - p[1], dz = z - p[2];
  const depth = dx * f[0] + dy * f[1] + dz * f[2];
  return {
    x: WIDTH / 2 + focal * (dx * r[0] + dy * r[1] + dz * r[2]) / depth,
    y: HEIGHT / 2 - focal * (dx * u[0] + dy * u[1] + dz * u[2]) / depth,
    depth,
  };
}

/** Direction of the ray through a point of the picture; its part along the view is 1. */
export function ray({ focal, right: r, up: u, forward: f }: Camera, x: number, y: number): Vector {
  const a = (x - WIDTH / 2) / focal, b = (HEIGHT / 2 - y) / focal;
  return [f[0] + a * r[0] + b * u[0], f[1] + a * r[1] + b * u[1], f[2] + a * r[2] + b * u[2]];
}

/** Pixels, inclusive and clipped to the picture, that a ball may cover; `right` below `left` where it is outside. */
export function ballBounds(
  camera: Camera,
  [x, y, z]: Vector,
  radius: number,
): { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number } {
  const { focal, position: p, right: r, up: u, forward: f } = camera;
  const dx = x - p[0], dy = y - p[1], dz = z - p[2];
  const across = dx * r[0] + dy * r[1] + dz * r[2], along = dx * u[0] + dy * u[1] + dz * u[2];
  const depth = dx * f[0] + dy * f[1] + dz * f[2];
  const span = (centre: number): [number, number] => {
    const low = centre - radius, high = centre + radius;
    return [
      focal * low / (low < 0 ? depth - radius : depth + radius),
      focal * high / (high < 0 ? depth + radius : depth - radius),
    ];
  };
  const [left, right] = span(across), [bottom, top] = span(along);
  return {
    left: Math.max(0, Math.floor(WIDTH / 2 + left)),
    right: Math.min(WIDTH - 1, Math.ceil(WIDTH / 2 + right)),
    top: Math.max(0, Math.floor(HEIGHT / 2 - top)),
    bottom: Math.min(HEIGHT - 1, Math.ceil(HEIGHT / 2 - bottom)),
  };
}

function unit([x, y, z]: Vector): Vector {
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

function opposite([x, y, z]: Vector): Vector {
  return [-x, -y, -z];
}
