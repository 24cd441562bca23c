/**
 * Which samples see which triangles of a body. Of the many triangles that lie within a pixel most touch no sample: these
 * cost the places of their corners and a look at where they lie, and no more. A sample that lies within a triangle by its
 * three edges sees it at the distance that follows from the corners', whose reciprocals are linear in the image. A coarser
 * level's open edges reach further by what it may be out of place, so that what touched is not seen to come apart.
 */
import type { Projected } from './projected.js';
import { isWithin, meetTriangle } from './rayTriangle.js';
import type { Triangles } from './triangles.js';

/** What is drawn into. */
interface Target {
  readonly width: number;
  readonly height: number;
  /** Of a pixel's samples: places from its top left corner. */
  readonly offsets: readonly (readonly [number, number])[];
  readonly ids: Int16Array;
  readonly depths: Float64Array;
}

/** Rows of pixels that were looked at; first > last where none were. */
interface Rows {
  first: number;
  last: number;
}

/** Where a triangle's edge runs through a sample, rounding may put that on either side of both neighbours. */
const edgeTolerance = 1e-12;
/** Share of a pixel by which a surface may be out of place without being seen to be. */
const invisibleError = 0.25;
/** The same of what casts a shadow. */
const shadowError = 1;

const rows: Rows = { first: 0, last: -1 };

/**
 * @param p up to date with the view @param pixel side of a pixel at distance 1
 * @param isInside whether what is seen is the inside of the body, as through its front
 * @returns valid until the next call
 */
export function drawTriangles(
  p: Projected,
  triangles: Triangles,
  id: number,
  target: Target,
  seen: Int32Array,
  pixel: number,
  firstRow: number,
  lastRow: number,
  isInside = false,
): Readonly<Rows> {
  rows.first = target.height;
  rows.last = -1;
  const { width, height, offsets } = target;
  const samples = offsets.length;
  place(p, triangles);
  if (isOutside(triangles.radius, p.near, width, height, pixel)) return rows;
  const nearest = Math.max(p.near, centre.z - triangles.radius);
  const level = triangles.levelFor((isInside ? shadowError : invisibleError) * pixel * nearest);
  p.level = level;
  project(p, triangles, level.vertices, width, height, pixel);
  const places = triangles.projected;
  const { corners, openEdges } = level;
  const { near } = p;
  const reach = level.error / (pixel * nearest);
  // Bits of the corners that are b and c here.
  const [bitB, bitC] = isInside ? [4, 2] : [2, 4];
  for (let triangle = 0, at = 0; at < corners.length; triangle++, at += 3) {
    const a = 3 * (corners[at] as number);
    const b = 3 * (corners[isInside ? at + 2 : at + 1] as number);
    const c = 3 * (corners[isInside ? at + 1 : at + 2] as number);
    const az = places[a + 2] as number;
    const bz = places[b + 2] as number;
    const cz = places[c + 2] as number;
    if (az < near || bz < near || cz < near) {
      if (!isInside && (az >= near || bz >= near || cz >= near))
        drawCut(p, triangles, corners, triangle, id, target, seen, pixel, firstRow, lastRow);
      continue;
    }
    const ax = places[a] as number;
    const ay = places[a + 1] as number;
    const abx = (places[b] as number) - ax;
    const aby = (places[b + 1] as number) - ay;
    const acx = (places[c] as number) - ax;
    const acy = (places[c + 1] as number) - ay;
    // Rows go down: seen from the outside, corners go around clockwise.
    const area = acx * aby - abx * acy;
    if (area <= 0) continue;
    let left = ax;
    let right = ax;
    if (abx < 0) left += abx;
    else right += abx;
    if (acx < left - ax) left = ax + acx;
    if (acx > right - ax) right = ax + acx;
    const open = openEdges === null ? 0 : (openEdges[triangle] as number);
    if (open !== 0) {
      left -= reach;
      right += reach;
    }
    if (right < 0 || left > width) continue;
    let top = ay;
    let bottom = ay;
    if (aby < 0) top += aby;
    else bottom += aby;
    if (acy < top - ay) top = ay + acy;
    if (acy > bottom - ay) bottom = ay + acy;
    if (open !== 0) {
      top -= reach;
      bottom += reach;
    }
    if (bottom < firstRow || top > lastRow + 1) continue;
    // The least weights, times the area, that count as within: an edge's length times the distance from it.
    let leastA = -edgeTolerance * area;
    let leastB = leastA;
    let leastC = leastA;
    if (open !== 0) {
      if (open & 1) leastA -= reach * Math.sqrt((acx - abx) * (acx - abx) + (acy - aby) * (acy - aby));
      if (open & bitB) leastB -= reach * Math.sqrt(acx * acx + acy * acy);
      if (open & bitC) leastC -= reach * Math.sqrt(abx * abx + aby * aby);
    }
    for (let s = 0; s < samples; s++) {
      const [ox, oy] = offsets[s] as readonly [number, number];
      let from = Math.ceil(left - ox);
      const to = Math.min(width - 1, Math.floor(right - ox));
      if (from < 0) from = 0;
      if (from > to) continue;
      let row = Math.ceil(top - oy);
      const last = Math.min(lastRow, Math.floor(bottom - oy));
      if (row < firstRow) row = firstRow;
      for (; row <= last; row++) {
        const y = row + oy - ay;
        let sample = (row * width + from) * samples + s;
        for (let column = from; column <= to; column++, sample += samples) {
          const x = column + ox - ax;
          // Weights of b and c, times the area.
          let wb = acx * y - x * acy;
          if (wb < leastB) continue;
          let wc = x * aby - abx * y;
          if (wc < leastC || wb + wc > area - leastA) continue;
          if (open !== 0) {
            // Beside the triangle, its edge is what is seen.
            if (wb < 0) wb = 0;
            if (wc < 0) wc = 0;
            if (wb + wc > area) {
              const share = area / (wb + wc);
              wb *= share;
              wc *= share;
            }
          }
          const depth = 1 / (1 / az + (wb * (1 / bz - 1 / az) + wc * (1 / cz - 1 / az)) / area);
          if (depth >= (target.depths[sample] as number)) continue;
          target.depths[sample] = depth;
          target.ids[sample] = id;
          seen[sample] = triangle;
          if (row < rows.first) rows.first = row;
          if (row > rows.last) rows.last = row;
        }
      }
    }
  }
  return rows;
}

/** Of the sphere around the body in progress, in the view's frame. */
const centre = { x: 0, y: 0, z: 0 };

function place(p: Projected, { centreX, centreY, centreZ }: Triangles): void {
  const x = centreX - p.ox;
  const y = centreY - p.oy;
  const z = centreZ - p.oz;
  centre.x = x * p.ux + y * p.uy + z * p.uz;
  centre.y = x * p.vx + y * p.vy + z * p.vz;
  centre.z = x * p.fx + y * p.fy + z * p.fz;
}

/** Whether the sphere around it lies wholly beside the image, or behind the eye. */
function isOutside(radius: number, near: number, width: number, height: number, pixel: number): boolean {
  const { x, y, z } = centre;
  if (z + radius < near) return true;
  const halfX = (width / 2) * pixel;
  const halfY = (height / 2) * pixel;
  // Distance to a side of the pyramid that the image spans: (|x| − z·h) / √(1 + h²).
  return (
    Math.abs(x) - z * halfX > radius * Math.sqrt(1 + halfX * halfX) ||
    Math.abs(y) - z * halfY > radius * Math.sqrt(1 + halfY * halfY)
  );
}

/** Places of the first `count` vertices: columns and rows of the image, and distances along the view. */
function project(
  p: Projected,
  triangles: Triangles,
  count: number,
  width: number,
  height: number,
  pixel: number,
): void {
  const { positions, projected } = triangles;
  const { ox, oy, oz, ux, uy, uz, vx, vy, vz, fx, fy, fz } = p;
  const centreX = width / 2;
  const centreY = height / 2;
  for (let i = 0; i < 3 * count; i += 3) {
    const x = (positions[i] as number) - ox;
    const y = (positions[i + 1] as number) - oy;
    const z = (positions[i + 2] as number) - oz;
    const depth = x * fx + y * fy + z * fz;
    const scale = 1 / (depth * pixel);
    projected[i] = centreX + (x * ux + y * uy + z * uz) * scale;
    projected[i + 1] = centreY - (x * vx + y * vy + z * vz) * scale;
    projected[i + 2] = depth;
  }
}

/** Of the triangle that a ray is held against. */
const weights = new Float64Array(3);

/** Part of the image that a triangle may cover, in columns and rows. */
const box = { left: 0, right: 0, top: 0, bottom: 0 };

/** A triangle that reaches before the near plane: rays are held against it, one a sample of what is beyond. */
function drawCut(
  p: Projected,
  triangles: Triangles,
  corners: Int32Array,
  triangle: number,
  id: number,
  target: Target,
  seen: Int32Array,
  pixel: number,
  firstRow: number,
  lastRow: number,
): void {
  const { width, height, offsets } = target;
  const samples = offsets.length;
  boundCut(p, triangles, corners, triangle, width, height, pixel);
  const firstColumn = Math.max(0, Math.floor(box.left));
  const lastColumn = Math.min(width - 1, Math.floor(box.right));
  const last = Math.min(lastRow, Math.floor(box.bottom));
  for (let row = Math.max(firstRow, Math.floor(box.top)); row <= last; row++)
    for (let column = firstColumn; column <= lastColumn; column++)
      for (let s = 0; s < samples; s++) {
        const offset = offsets[s] as readonly [number, number];
        const sx = (column + offset[0] - width / 2) * pixel;
        const sy = (height / 2 - row - offset[1]) * pixel;
        p.direct(sx, sy);
        const { ox, oy, oz, dx, dy, dz } = p;
        const t = meetTriangle(triangles.positions, corners, triangle, ox, oy, oz, dx, dy, dz, weights);
        const sample = (row * width + column) * samples + s;
        if (t < p.near || t >= (target.depths[sample] as number) || !isWithin(weights)) continue;
        target.depths[sample] = t;
        target.ids[sample] = id;
        seen[sample] = triangle;
        if (row < rows.first) rows.first = row;
        if (row > rows.last) rows.last = row;
      }
}

/** Of the part beyond the near plane: its corners, and where its edges cross that plane. */
function boundCut(
  p: Projected,
  { positions, projected }: Triangles,
  corners: Int32Array,
  triangle: number,
  width: number,
  height: number,
  pixel: number,
): void {
  box.left = box.top = Infinity;
  box.right = box.bottom = -Infinity;
  const add = (x: number, y: number, z: number): void => {
    const scale = 1 / (p.near * pixel);
    const dx = x - p.ox;
    const dy = y - p.oy;
    const dz = z - p.oz;
    extend(
      width / 2 + (dx * p.ux + dy * p.uy + dz * p.uz) * scale,
      height / 2 - (dx * p.vx + dy * p.vy + dz * p.vz) * scale,
    );
  };
  for (let corner = 0; corner < 3; corner++) {
    const a = 3 * (corners[3 * triangle + corner] as number);
    const b = 3 * (corners[3 * triangle + ((corner + 1) % 3)] as number);
    const az = projected[a + 2] as number;
    const bz = projected[b + 2] as number;
    if (az >= p.near) extend(projected[a] as number, projected[a + 1] as number);
    if (az >= p.near === bz >= p.near) continue;
    const share = (p.near - az) / (bz - az);
    const between = (axis: number): number =>
      (positions[a + axis] as number) +
      share * ((positions[b + axis] as number) - (positions[a + axis] as number));
    add(between(0), between(1), between(2));
  }
}

function extend(x: number, y: number): void {
  if (x < box.left) box.left = x;
  if (x > box.right) box.right = x;
  if (y < box.top) box.top = y;
  if (y > box.bottom) box.bottom = y;
}
