/** Light, shadow and surfaces: the brightness of a point of the scene from the camera. Linear RGB, no trigonometry. */
import { RandomStream, scramble } from "../../../engine/base/random.ts";
import type { Solid, Vector } from "./geometry.ts";
import { type Layout, type PictureKey, type Placed, SPLIT_CODES, STREAMS } from "./place.ts";

/** Colours of the published generator, as bytes of a picture. */
const COLORS: Readonly<Record<Placed["color"], readonly [number, number, number]>> = {
  gray: [87, 87, 87],
  red: [173, 35, 35],
  blue: [42, 75, 215],
  green: [29, 105, 20],
  brown: [129, 74, 25],
  purple: [129, 38, 192],
  cyan: [41, 208, 208],
  yellow: [255, 238, 51],
};

/** Lamps before they are jittered by up to 1 along each axis; the key lamp throws the shadows. */
const KEY = [-1.8, -4.4, 7.2] as const, FILL = [5.6, 2.6, 4] as const, BACK = [-4.5, 4, 5.5] as const;
const KEY_POWER = 66, FILL_POWER = 15, BACK_POWER = 9;

/** Half the side of the key lamp, which makes its shadows soft. */
const KEY_HALF = 1.1;

/** Brightness of the room at the horizon relative to its middle, in mirrors. */
const HORIZON = 0.75;

const AMBIENT = 0.4, GROUND = 0.38, HAZE = 0.56;

/**
 * Shading of the points of one scene. Functions that run at every pixel take vectors as three numbers: allocating arrays for
 * them a million times a picture took more than half of its time.
 */
export class Light {
  readonly #objects: readonly Placed[];
  readonly #albedo: readonly (readonly number[])[];
  readonly #key: Vector;
  readonly #fill: Vector;
  readonly #back: Vector;
  readonly #normal = new Float64Array(3);
  /** Objects that may shade a point from the key lamp; kept, as they are needed a million times a picture. */
  readonly #inWay: Solid[] = [];

  /** The lamps of a picture over its objects. */
  constructor({ seed, split, index }: PictureKey, { objects }: Layout) {
    const random = new RandomStream(seed, SPLIT_CODES[split], index, STREAMS.light);
    const jitter = (at: Vector) => at.map((v) => v + 2 * random.unit() - 1) as unknown as Vector;
    [this.#key, this.#fill, this.#back] = [jitter(KEY), jitter(FILL), jitter(BACK)];
    this.#objects = objects;
    // Bytes to linear light: a gamma of 2 needs no powers.
    this.#albedo = objects.map(({ color }) => COLORS[color].map((byte) => (byte / 255) ** 2));
  }

  /** Follows a ray to the nearest object or the ground and writes its colour to `out`, RGB; `salt` jitters shadows. */
  trace(origin: Vector, direction: Vector, salt: number, out: Float64Array): void {
    const { id, t } = this.#nearest(origin, direction, -1);
    this.look(origin, direction, id, t, salt, out);
  }

  /** The same where the ray is known to end after `t` lengths at object `id`, or -1 for the ground. */
  look(origin: Vector, direction: Vector, id: number, t: number, salt: number, out: Float64Array): void {
    const [ox, oy, oz] = origin, [dx, dy, dz] = direction;
    if (id >= 0) return this.#surface([ox + t * dx, oy + t * dy, oz + t * dz], direction, id, salt, true, out);
    if (dz >= 0) return this.#studio(direction, out);
    const down = -oz / dz;
    this.#ground(ox + down * dx, oy + down * dy, salt, out);
  }

  /** The object, other than `own`, that a ray meets first, or -1, and after how many lengths. */
  #nearest([ox, oy, oz]: Vector, [dx, dy, dz]: Vector, own: number): { readonly id: number; readonly t: number } {
    let id = -1, t = Infinity;
    for (let i = 0; i < this.#objects.length; i++) {
      const here = i === own ? Infinity : this.#objects[i].solid.hit(ox, oy, oz, dx, dy, dz);
      if (here >= t) continue;
      t = here;
      id = i;
    }
    return { id, t };
  }

  #ground(x: number, y: number, salt: number, out: Float64Array): void {
    const far = Math.sqrt(x * x + y * y);
    const haze = Math.min(1, Math.max(0, (far - 4) / 16));
    const lit = AMBIENT * 1.15 * this.#openness(x, y, 0, 0, 0, 1) +
      received(this.#key, KEY_POWER, x, y, 0, 0, 0, 1) * this.#shadow(x, y, 0, salt);
    const value = GROUND * lit * (1 - haze) + HAZE * haze;
    out[0] = value;
    out[1] = value;
    out[2] = value * 0.99;
  }

  /** A point on object `id`. Seen in a mirror (`direct` false), it has no shadows and is no mirror itself. */
  #surface(at: Vector, direction: Vector, id: number, salt: number, direct: boolean, out: Float64Array): void {
    this.#objects[id].solid.normal(at[0], at[1], at[2], this.#normal);
    const [nx, ny, nz] = this.#normal;
    // Off the surface, or a ray from here would meet it again.
    const x = at[0] + 1e-4 * nx, y = at[1] + 1e-4 * ny, z = at[2] + 1e-4 * nz;
    const [dx, dy, dz] = direction, length = Math.sqrt(dx * dx + dy * dy + dz * dz);
    const view: Vector = [dx / length, dy / length, dz / length];
    const shadow = direct ? this.#shadow(x, y, z, salt) : 1;
    const key = received(this.#key, KEY_POWER, x, y, z, nx, ny, nz) * shadow;
    const rest = received(this.#fill, FILL_POWER, x, y, z, nx, ny, nz) +
      received(this.#back, BACK_POWER, x, y, z, nx, ny, nz);
    const ambient = AMBIENT * (0.65 + 0.35 * nz) * this.#openness(x, y, z, nx, ny, nz);
    const diffuse = ambient + key + rest;
    const gloss = glossOf(this.#key, [x, y, z], [nx, ny, nz], view) * shadow;
    const albedo = this.#albedo[id];
    if (this.#objects[id].material === "rubber" || !direct) {
      const sheen = 0.035 * power(gloss, 2);
      for (let c = 0; c < 3; c++) out[c] = albedo[c] * diffuse + sheen;
      return;
    }
    const along = view[0] * nx + view[1] * ny + view[2] * nz, twice = 2 * along;
    const mirrored: Vector = [view[0] - twice * nx, view[1] - twice * ny, view[2] - twice * nz];
    this.#reflect([x, y, z], mirrored, id, salt, out);
    const rim = power(1 - Math.max(0, -along), 2);
    const highlight = 1.8 * power(gloss, 4) * power(gloss, 3);
    for (let c = 0; c < 3; c++) {
      const tint = albedo[c] * 0.85 + 0.07;
      out[c] = albedo[c] * diffuse * 0.3 + out[c] * (tint + (0.75 - tint) * rim) * 1.3 + highlight;
    }
  }

  /** Light that a mirror on object `own` reflects: of other objects and the ground once, without their own mirrors. */
  #reflect(from: Vector, direction: Vector, own: number, salt: number, out: Float64Array): void {
    const [x, y, z] = from, [dx, dy, dz] = direction;
    const { id, t } = this.#nearest(from, direction, own);
    if (id >= 0) return this.#surface([x + t * dx, y + t * dy, z + t * dz], direction, id, salt, false, out);
    if (dz >= 0) return this.#studio(direction, out);
    const far = -z / dz;
    this.#ground(x + far * dx, y + far * dy, salt, out);
    // The floor reflects the horizon and the lamps: otherwise upright mirrors would look like paint.
    const streaks = 0.45 + 1.9 * (streak(this.#key, dx, dy) + streak(this.#fill, dx, dy));
    const shine = HORIZON * streaks * far * far / (far * far + 10);
    for (let c = 0; c < 3; c++) out[c] = 0.45 * out[c] + shine;
  }

  /** The room around: bright at the horizon, darker above, with a bright panel where the key lamp is. */
  #studio([dx, dy, dz]: Vector, out: Float64Array): void {
    const [kx, ky, kz] = this.#key;
    const length = Math.sqrt((kx * kx + ky * ky + kz * kz) * (dx * dx + dy * dy + dz * dz));
    const near = (kx * dx + ky * dy + kz * dz) / length;
    const panel = Math.min(1, Math.max(0, (near - 0.955) / 0.015));
    const above = dz / Math.sqrt(dx * dx + dy * dy + dz * dz);
    const value = 0.2 + HORIZON * power(1 - above, 2) + 2.2 * panel;
    out.fill(value);
  }

  /** Share of the sky that objects nearby leave open. */
  #openness(x: number, y: number, z: number, nx: number, ny: number, nz: number): number {
    let open = 1;
    for (let i = 0; i < this.#objects.length; i++) {
      const { solid } = this.#objects[i];
      const cx = solid.x - x, cy = solid.y - y, cz = solid.z - z;
      const square = cx * cx + cy * cy + cz * cz, half = solid.half;
      if (square > 16 * half * half) continue;
      const facing = (cx * nx + cy * ny + cz * nz) / Math.sqrt(square);
      if (facing > 0) open *= 1 - Math.min(0.85, 0.9 * facing * half * half / square);
    }
    return open;
  }

  /** Share of the key lamp that is seen from a point, 0..1, by sixteen rays to it. */
  #shadow(x: number, y: number, z: number, salt: number): number {
    const lx = this.#key[0] - x, ly = this.#key[1] - y, lz = this.#key[2] - z;
    const square = lx * lx + ly * ly + lz * lz, inWay = this.#inWay;
    let count = 0;
    for (let i = 0; i < this.#objects.length; i++) {
      const { solid } = this.#objects[i];
      const cx = solid.x - x, cy = solid.y - y, cz = solid.z - z;
      const t = Math.min(1, Math.max(0, (cx * lx + cy * ly + cz * lz) / square));
      const ex = cx - t * lx, ey = cy - t * ly, ez = cz - t * lz;
      const reach = solid.bound + Math.SQRT2 * KEY_HALF * t;
      if (ex * ex + ey * ey + ez * ez < reach * reach) inWay[count++] = solid;
    }
    if (count === 0) return 1;
    let open = 16;
    for (let sample = 0; sample < 16; sample++) {
      const noise = scramble(salt + 0x9e37 * sample);
      const u = ((sample & 3) + (noise & 0xffff) / 65536) / 2 - 1, v = ((sample >> 2) + (noise >>> 16) / 65536) / 2 - 1;
      const dx = lx + KEY_HALF * u, dy = ly + KEY_HALF * v;
      for (let i = 0; i < count; i++) {
        if (inWay[i].hit(x, y, z, dx, dy, lz) >= 1) continue;
        open--;
        break;
      }
    }
    return open / 16;
  }
}

/** Light of a lamp on a surface that nothing shades. */
function received(
  lamp: Vector,
  strength: number,
  x: number,
  y: number,
  z: number,
  nx: number,
  ny: number,
  nz: number,
): number {
  const lx = lamp[0] - x, ly = lamp[1] - y, lz = lamp[2] - z;
  const square = lx * lx + ly * ly + lz * lz;
  return Math.max(0, (lx * nx + ly * ny + lz * nz) / Math.sqrt(square)) * strength / square;
}

/** Cosine between the normal and the middle of view and lamp, to the fourth: raise it for sharper highlights. */
function glossOf(lamp: Vector, [px, py, pz]: Vector, [nx, ny, nz]: Vector, [vx, vy, vz]: Vector): number {
  const lx = lamp[0] - px, ly = lamp[1] - py, lz = lamp[2] - pz;
  const length = Math.sqrt(lx * lx + ly * ly + lz * lz);
  const hx = lx / length - vx, hy = ly / length - vy, hz = lz / length - vz;
  const cosine = (hx * nx + hy * ny + hz * nz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
  return cosine <= 0 ? 0 : power(cosine, 2);
}

/** Alignment of a direction on the ground with that of a lamp: 1 towards it, 0 from about 35 degrees away. */
function streak(lamp: Vector, dx: number, dy: number): number {
  const square = (lamp[0] * lamp[0] + lamp[1] * lamp[1]) * (dx * dx + dy * dy) + 1e-12;
  const along = (lamp[0] * dx + lamp[1] * dy) / Math.sqrt(square);
  const near = Math.min(1, Math.max(0, (along - 0.82) / 0.18));
  return near * near;
}

/** `value` squared `times` times. Squares round alike everywhere, general powers need not. */
function power(value: number, times: number): number {
  for (let i = 0; i < times; i++) value *= value;
  return value;
}
