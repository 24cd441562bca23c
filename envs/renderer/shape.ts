/** A shape to draw, be it a geom, a site or a piece of a tendon: its pose, size and colour, and how it shines. */
import type { Simulation } from '../mujoco.js';
import type { Triangles } from './triangles.js';

/** mjtGeom */
export const geomTypes = {
  plane: 0,
  heightField: 1,
  sphere: 2,
  capsule: 3,
  ellipsoid: 4,
  cylinder: 5,
  box: 6,
  mesh: 7,
} as const;

/** Its pose: x, y, z in metres; `r` the rotation, local to world, row-major. */
export class Shape {
  x = 0;
  y = 0;
  z = 0;
  r00 = 1;
  r01 = 0;
  r02 = 0;
  r10 = 0;
  r11 = 1;
  r12 = 0;
  r20 = 0;
  r21 = 0;
  r22 = 1;
  /** Half sizes; radius and half length for capsules and cylinders. */
  sizeX = 0;
  sizeY = 0;
  sizeZ = 0;
  red = 0;
  green = 0;
  blue = 0;
  /** 0 hides the shape, less than 1 lets through what is behind it. */
  alpha = 1;
  /** Radius of a sphere around the centre that holds the shape; infinite for an infinite plane. */
  boundingRadius = 0;
  readonly type: number;
  /** What a mesh or a height field looks like; null for everything else. */
  readonly triangles: Triangles | null;
  readonly emission: number;
  /** Grey level of the specular colour. */
  readonly specular: number;
  /** Phong exponent. */
  readonly exponent: number;
  readonly reflectance: number;
  readonly material: number;
  readonly kind: 'geom' | 'site' | 'tendon';
  readonly index: number;

  constructor(o: {
    index: number;
    kind: Shape['kind'];
    type: number;
    material: number;
    surface: Surface;
    triangles?: Triangles;
  }) {
    this.triangles = o.triangles ?? null;
    this.index = o.index;
    this.kind = o.kind;
    this.type = o.type;
    this.material = o.material;
    this.emission = o.surface.emission;
    this.specular = o.surface.specular;
    this.exponent = o.surface.shininess * 128;
    this.reflectance = o.surface.reflectance;
  }

  setSize(x: number, y: number, z: number): void {
    this.sizeX = x;
    this.sizeY = this.type === geomTypes.sphere ? x : y;
    this.sizeZ = this.type === geomTypes.sphere ? x : z;
    this.boundingRadius =
      this.triangles?.boundingRadius ?? boundingRadius(this.type, this.sizeX, this.sizeY, this.sizeZ);
  }

  get isPlane(): boolean {
    return this.type === geomTypes.plane;
  }

  /** Whether it is half-transparent. */
  get isVeil(): boolean {
    return this.alpha > 0 && this.alpha < 1;
  }

  setColour(red: number, green: number, blue: number, alpha: number): void {
    this.red = red;
    this.green = green;
    this.blue = blue;
    this.alpha = alpha;
  }
}

export interface Surface {
  readonly emission: number;
  readonly specular: number;
  readonly shininess: number;
  readonly reflectance: number;
}

/** MuJoCo's surface of a geom without a material. */
const plainSurface: Surface = { emission: 0, specular: 0.5, shininess: 0.5, reflectance: 0 };

export function surfaceOf(simulation: Simulation, material: number): Surface {
  if (material < 0) return plainSurface;
  return {
    emission: simulation.model('mat_emission')[material] as number,
    specular: simulation.model('mat_specular')[material] as number,
    shininess: simulation.model('mat_shininess')[material] as number,
    reflectance: simulation.model('mat_reflectance')[material] as number,
  };
}

function boundingRadius(type: number, x: number, y: number, z: number): number {
  switch (type) {
    case geomTypes.plane:
      return x === 0 || y === 0 ? Infinity : Math.sqrt(x * x + y * y);
    case geomTypes.capsule:
      return x + y;
    case geomTypes.cylinder:
      return Math.sqrt(x * x + y * y);
    case geomTypes.box:
      return Math.sqrt(x * x + y * y + z * z);
    default:
      return Math.max(x, y, z);
  }
}
