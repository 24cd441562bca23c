/** Where rays meet the shapes, and which way a shape's surface faces there; all in the shape's own frame. */
import { geomTypes, type Shape } from './shape.js';

/**
 * Distance along the ray o + t·d, in the shape's own frame, to where it enters a shape; Infinity when it misses.
 * Planes are seen from the front alone. Rays that start inside a shape miss it.
 */
export function enter(
  shape: Shape,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
): number {
  if (shape.triangles !== null) return shape.triangles.enter(ox, oy, oz, dx, dy, dz);
  switch (shape.type) {
    case geomTypes.plane: {
      const t = -oz / dz;
      if (dz >= 0 || t <= 0) return Infinity;
      const outside =
        (shape.sizeX > 0 && Math.abs(ox + t * dx) > shape.sizeX) ||
        (shape.sizeY > 0 && Math.abs(oy + t * dy) > shape.sizeY);
      return outside ? Infinity : t;
    }
    case geomTypes.sphere:
    case geomTypes.ellipsoid: {
      const rx = 1 / shape.sizeX;
      const ry = 1 / shape.sizeY;
      const rz = 1 / shape.sizeZ;
      return enterUnitSphere(ox * rx, oy * ry, oz * rz, dx * rx, dy * ry, dz * rz);
    }
    case geomTypes.capsule:
    case geomTypes.cylinder:
      return enterRounded(shape, ox, oy, oz, dx, dy, dz);
    default:
      return enterBox(shape, ox, oy, oz, dx, dy, dz);
  }
}

function enterUnitSphere(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
  return firstRoot(dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + oz * dz, ox * ox + oy * oy + oz * oz - 1);
}

/** Capsule or cylinder: the endless cylinder between the ends, and the ends, half spheres or discs. */
function enterRounded(
  shape: Shape,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
): number {
  const { sizeX: radius, sizeY: half } = shape;
  const a = dx * dx + dy * dy;
  const b = ox * dx + oy * dy;
  const c = ox * ox + oy * oy - radius * radius;
  const discriminant = b * b - a * c;
  // A ray that misses the endless cylinder misses the ends too.
  if (discriminant < 0) return Infinity;
  // Height at which the ray comes within the endless cylinder; the eye's own when it already is.
  let z = oz;
  if (c > 0 && a > 0) {
    const t = (-b - Math.sqrt(discriminant)) / a;
    z = oz + t * dz;
    if (z >= -half && z <= half) return t > 0 ? t : Infinity;
  }
  if (shape.type === geomTypes.capsule) {
    const cz = oz - (z > 0 ? half : -half);
    return firstRoot(a + dz * dz, b + cz * dz, c + cz * cz);
  }
  if (dz === 0) return Infinity;
  const t = ((dz < 0 ? half : -half) - oz) / dz;
  const x = ox + t * dx;
  const y = oy + t * dy;
  return t > 0 && x * x + y * y <= radius * radius ? t : Infinity;
}

/** Smaller solution of a·t² + 2b·t + c = 0; Infinity where there is none or it is not positive. */
function firstRoot(a: number, b: number, c: number): number {
  const discriminant = b * b - a * c;
  if (discriminant < 0) return Infinity;
  const t = (-b - Math.sqrt(discriminant)) / a;
  return t > 0 ? t : Infinity;
}

function enterBox(
  shape: Shape,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
): number {
  const ix = 1 / dx;
  const iy = 1 / dy;
  const iz = 1 / dz;
  const hx = Math.abs(ix) * shape.sizeX;
  const hy = Math.abs(iy) * shape.sizeY;
  const hz = Math.abs(iz) * shape.sizeZ;
  const near = Math.max(-ox * ix - hx, -oy * iy - hy, -oz * iz - hz);
  const far = Math.min(-ox * ix + hx, -oy * iy + hy, -oz * iz + hz);
  return near <= far && near > 0 ? near : Infinity;
}

/** Unit normal of a shape other than a plane at a point of its surface. */
export function localNormal(shape: Shape, x: number, y: number, z: number, out: Float64Array): void {
  let nx = x;
  let ny = y;
  let nz = z;
  switch (shape.type) {
    case geomTypes.capsule:
      nz = z > shape.sizeY ? z - shape.sizeY : z < -shape.sizeY ? z + shape.sizeY : 0;
      break;
    case geomTypes.cylinder:
      if (x * x + y * y >= shape.sizeX * shape.sizeX * (1 - 1e-9)) nz = 0;
      else nx = ny = 0;
      break;
    case geomTypes.ellipsoid:
      nx = x / (shape.sizeX * shape.sizeX);
      ny = y / (shape.sizeY * shape.sizeY);
      nz = z / (shape.sizeZ * shape.sizeZ);
      break;
    case geomTypes.box: {
      // The face whose plane the point lies in.
      const ax = Math.abs(x) / shape.sizeX;
      const ay = Math.abs(y) / shape.sizeY;
      const az = Math.abs(z) / shape.sizeZ;
      if (ax >= ay && ax >= az) ny = nz = 0;
      else if (ay >= az) nx = nz = 0;
      else nx = ny = 0;
      break;
    }
  }
  const length = Math.sqrt(nx * nx + ny * ny + nz * nz);
  out[0] = nx / length;
  out[1] = ny / length;
  out[2] = nz / length;
}
