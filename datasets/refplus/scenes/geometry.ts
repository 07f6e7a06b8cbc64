/**
 * Solids on the ground and rays that meet them. Only sums, products, quotients and square roots are used, which IEEE 754
 * rounds alike everywhere, so a scene has the same bytes on every machine.
 */

/** A vector in the world: x and y on the ground, z up. */
export type Vector = readonly [number, number, number];

/** Shape of a solid. */
export type Shape = "cube" | "sphere" | "cylinder";

/** Radius by size; a cube's half side is this over √2, so that its footprint fits the circle. */
export const RADII = { small: 0.35, large: 0.7 } as const;

/** Share of a cube's or cylinder's half height over which edges look rounded. */
const BEVEL = 0.09;

/** Sine and cosine of an angle in degrees, 0..360, by their series within an eighth of a turn. */
export function turn(degrees: number): { readonly sin: number; readonly cos: number } {
  const quarter = Math.round(degrees / 90);
  const x = (degrees - 90 * quarter) * (Math.PI / 180), xx = x * x;
  let sin = 0, cos = 0;
  for (let k = 8; k >= 0; k--) {
    sin = 1 - sin * xx / ((2 * k + 2) * (2 * k + 3));
    cos = 1 - cos * xx / ((2 * k + 1) * (2 * k + 2));
  }
  sin *= x;
  switch (((quarter % 4) + 4) % 4) {
    case 0:
      return { sin, cos };
    case 1:
      return { sin: cos, cos: -sin };
    case 2:
      return { sin: -sin, cos: -cos };
    default:
      return { sin: -cos, cos: sin };
  }
}

/** Distance from the ground to the centre of a solid. */
export function heightOf(shape: Shape, radius: number): number {
  return shape === "cube" ? radius / Math.SQRT2 : radius;
}

/** A solid that stands on the ground. */
export class Solid {
  /** Centre. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Half the extent along the solid's own axes. */
  readonly half: number;
  /** Radius of the sphere around it. */
  readonly bound: number;
  readonly #shape: Shape;
  readonly #cos: number;
  readonly #sin: number;

  /** A solid of `radius` over ground point (x, y), turned by `rotation` degrees about the vertical. */
  constructor(shape: Shape, radius: number, x: number, y: number, rotation: number) {
    this.#shape = shape;
    this.x = x;
    this.y = y;
    this.half = this.z = heightOf(shape, radius);
    this.bound = this.half * Math.sqrt({ cube: 3, sphere: 1, cylinder: 2 }[shape]);
    ({ sin: this.#sin, cos: this.#cos } = turn(rotation));
  }

  /** Smallest positive t at which origin + t · direction enters the solid; Infinity where it does not. */
  hit(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
    const wx = ox - this.x, wy = oy - this.y, pz = oz - this.z;
    // Most rays miss the sphere around the solid, which is a quick test.
    const dd = dx * dx + dy * dy + dz * dz, along = wx * dx + wy * dy + pz * dz;
    const outside = wx * wx + wy * wy + pz * pz - this.bound * this.bound;
    if (outside > 0 && (along > 0 || along * along < dd * outside)) return Infinity;
    if (this.#shape === "sphere") return first(along, dd, outside);
    const px = this.#cos * wx + this.#sin * wy, py = this.#cos * wy - this.#sin * wx;
    const ex = this.#cos * dx + this.#sin * dy, ey = this.#cos * dy - this.#sin * dx;
    const h = this.half;
    return this.#shape === "cube" ? hitBox(px, py, pz, ex, ey, dz, h) : hitCylinder(px, py, pz, ex, ey, dz, h);
  }

  /** Outward unit normal at a point of the surface, bent near edges so that they look rounded; written to `out`. */
  normal(x: number, y: number, z: number, out: Float64Array): void {
    const wx = x - this.x, wy = y - this.y, wz = z - this.z, h = this.half;
    if (this.#shape === "sphere") return set(out, wx, wy, wz);
    if (this.#shape === "cylinder") {
      const rho = Math.sqrt(wx * wx + wy * wy);
      const bend = rounding(rho, h), lift = rounding(Math.abs(wz), h) * Math.sign(wz);
      const onSide = h - rho < h - Math.abs(wz);
      const radial = onSide ? 1 : bend;
      return set(out, radial * wx / (rho + 1e-12), radial * wy / (rho + 1e-12), onSide ? lift : Math.sign(wz));
    }
    const px = this.#cos * wx + this.#sin * wy, py = this.#cos * wy - this.#sin * wx;
    const ax = Math.abs(px), ay = Math.abs(py), az = Math.abs(wz);
    const most = Math.max(ax, ay, az);
    const nx = (ax === most ? 1 : rounding(ax, h)) * Math.sign(px);
    const ny = (ay === most ? 1 : rounding(ay, h)) * Math.sign(py);
    const nz = (az === most ? 1 : rounding(az, h)) * Math.sign(wz);
    set(out, this.#cos * nx - this.#sin * ny, this.#sin * nx + this.#cos * ny, nz);
  }
}

/** Tilt of a normal near an edge that is `h` away, at `distance` from the middle: 0 inside, 0.7 on the edge. */
function rounding(distance: number, h: number): number {
  const into = (distance - h * (1 - BEVEL)) / (h * BEVEL);
  return into <= 0 ? 0 : 0.7 * Math.min(1, into) * Math.min(1, into);
}

/** First positive root of dd t² + 2 along t + rest = 0. */
function first(along: number, dd: number, rest: number): number {
  const root = along * along - dd * rest;
  if (root < 0) return Infinity;
  const t = (-along - Math.sqrt(root)) / dd;
  return t > 0 ? t : Infinity;
}

function hitBox(px: number, py: number, pz: number, dx: number, dy: number, dz: number, h: number): number {
  let enter = -Infinity, leave = Infinity;
  for (let axis = 0; axis < 3; axis++) {
    const p = axis === 0 ? px : axis === 1 ? py : pz, d = axis === 0 ? dx : axis === 1 ? dy : dz;
    if (d === 0) {
      if (p < -h || p > h) return Infinity;
      continue;
    }
    const a = (-h - p) / d, b = (h - p) / d;
    enter = Math.max(enter, Math.min(a, b));
    leave = Math.min(leave, Math.max(a, b));
  }
  return enter <= leave && enter > 0 ? enter : Infinity;
}

function hitCylinder(px: number, py: number, pz: number, dx: number, dy: number, dz: number, h: number): number {
  const dd = dx * dx + dy * dy;
  const side = dd === 0 ? Infinity : first(px * dx + py * dy, dd, px * px + py * py - h * h);
  if (side < Infinity && Math.abs(pz + side * dz) <= h) return side;
  if (dz === 0) return Infinity;
  // From outside, only the cap that faces the ray can be entered.
  const cap = ((dz < 0 ? h : -h) - pz) / dz;
  const x = px + cap * dx, y = py + cap * dy;
  return cap > 0 && x * x + y * y <= h * h ? cap : Infinity;
}

function set(out: Float64Array, x: number, y: number, z: number): void {
  const length = Math.sqrt(x * x + y * y + z * z);
  out[0] = x / length;
  out[1] = y / length;
  out[2] = z / length;
}
