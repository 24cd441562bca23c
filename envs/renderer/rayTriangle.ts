/** Where a ray meets a triangle. */

/**
 * Where the ray o + t·d meets the plane of a triangle, coming from the outside; what it meets from the inside does not
 * count. After Möller and Trumbore 1997.
 * @param positions `[vertices, 3]` @param corners `[triangles, 3]`, counter-clockwise as seen from the outside
 * @param weights receives those of the three corners, `[3]`: within [0, 1] where it meets the triangle itself; −1 where
 * it does not come from the outside
 * @returns t; Infinity where it does not come from the outside
 */
export function meetTriangle(
  positions: Float64Array,
  corners: Int32Array,
  triangle: number,
  ox: number,
  oy: number,
  oz: number,
  dx: number,
  dy: number,
  dz: number,
  weights: Float64Array,
): number {
  const a = 3 * (corners[3 * triangle] as number);
  const b = 3 * (corners[3 * triangle + 1] as number);
  const c = 3 * (corners[3 * triangle + 2] as number);
  const ax = positions[a] as number;
  const ay = positions[a + 1] as number;
  const az = positions[a + 2] as number;
  const e1x = (positions[b] as number) - ax;
  const e1y = (positions[b + 1] as number) - ay;
  const e1z = (positions[b + 2] as number) - az;
  const e2x = (positions[c] as number) - ax;
  const e2y = (positions[c + 1] as number) - ay;
  const e2z = (positions[c + 2] as number) - az;
  const px = dy * e2z - dz * e2y;
  const py = dz * e2x - dx * e2z;
  const pz = dx * e2y - dy * e2x;
  const determinant = e1x * px + e1y * py + e1z * pz;
  if (determinant <= 0) {
    weights.fill(-1);
    return Infinity;
  }
  const tx = ox - ax;
  const ty = oy - ay;
  const tz = oz - az;
  const qx = ty * e1z - tz * e1y;
  const qy = tz * e1x - tx * e1z;
  const qz = tx * e1y - ty * e1x;
  const u = (tx * px + ty * py + tz * pz) / determinant;
  const v = (dx * qx + dy * qy + dz * qz) / determinant;
  weights[0] = 1 - u - v;
  weights[1] = u;
  weights[2] = v;
  return (e2x * qx + e2y * qy + e2z * qz) / determinant;
}

/** Of what `meetTriangle` gave: whether it lies within the triangle. */
export function isWithin(weights: Float64Array): boolean {
  const u = weights[1] as number;
  const v = weights[2] as number;
  return u >= 0 && v >= 0 && u + v <= 1;
}

/** Moves weights that lie beside the triangle onto its edge. */
export function bringWithin(weights: Float64Array): void {
  let sum = 0;
  for (let corner = 0; corner < 3; corner++) {
    if ((weights[corner] as number) < 0) weights[corner] = 0;
    sum += weights[corner] as number;
  }
  for (let corner = 0; corner < 3; corner++) weights[corner] = (weights[corner] as number) / sum;
}
