/**
 * Which shape each sample of the image sees first. A pixel has four samples; a shape is tested only on the samples
 * its outline can cover: along a row of samples, the discriminant of "ray meets quadric" is a quadratic in x, whose
 * roots are the outline.
 */

import { type Projected, sampleOffsets, samples } from './projected.js';
import { drawTriangles } from './rasterizer.js';
import { enter } from './rays.js';
import { geomTypes } from './shape.js';
import type { View } from './view.js';

export const nothing = -1;

/** Nearest shape per sample: `[height, width, 4]`. */
export class VisibilityBuffer {
  readonly width: number;
  readonly height: number;
  readonly offsets = sampleOffsets;
  /** Index into the shapes drawn, or `nothing`. */
  readonly ids: Int16Array;
  /** Distance along the view's forward axis. */
  readonly depths: Float64Array;
  /** Which of its shape's triangles a sample sees; for shapes that are none it means nothing. Null until one is drawn. */
  triangles: Int32Array | null = null;
  /** Rows (of pixels) that something was drawn into: [first, last]; empty when first > last. */
  firstRow: number;
  lastRow = -1;
  readonly #outline = { start: 0, end: 0 };

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.ids = new Int16Array(width * height * samples).fill(nothing);
    this.depths = new Float64Array(width * height * samples).fill(Infinity);
    this.firstRow = height;
  }

  clear(): void {
    if (this.firstRow > this.lastRow) return;
    const from = this.firstRow * this.width * samples;
    const to = (this.lastRow + 1) * this.width * samples;
    this.ids.fill(nothing, from, to);
    this.depths.fill(Infinity, from, to);
    this.firstRow = this.height;
    this.lastRow = -1;
  }

  /**
   * Draws shapes, each under its index, leaving out `except` and what is not solid. Nearer ones first would save
   * little: a sample costs the same whether it is overdrawn or not.
   */
  drawAll(
    shapes: readonly Projected[],
    view: View,
    except = nothing,
    firstRow = 0,
    lastRow = this.height - 1,
  ): void {
    for (let id = 0; id < shapes.length; id++) {
      const one = shapes[id] as Projected;
      if (id === except || one.shape.alpha < 1) continue;
      one.update(view);
      this.draw(one, id, view, firstRow, lastRow);
    }
  }

  /** Draws a shape; rows outside [firstRow, lastRow] of pixels are left alone. */
  draw(projected: Projected, id: number, view: View, firstRow = 0, lastRow = this.height - 1): void {
    const { shape } = projected;
    const pixel = (2 * view.halfHeight) / this.height;
    if (shape.triangles !== null) {
      this.triangles ??= new Int32Array(this.ids.length);
      const drawn = drawTriangles(
        projected,
        shape.triangles,
        id,
        this,
        this.triangles,
        pixel,
        firstRow,
        lastRow,
      );
      if (drawn.first < this.firstRow) this.firstRow = drawn.first;
      if (drawn.last > this.lastRow) this.lastRow = drawn.last;
      return;
    }
    const rows = shape.type === geomTypes.plane ? null : rowRange(projected);
    let first = firstRow;
    let last = lastRow;
    if (rows !== null) {
      first = Math.max(first, Math.floor(this.height / 2 - rows.high / pixel));
      last = Math.min(last, Math.floor(this.height / 2 - rows.low / pixel));
    }
    if (first > last) return;
    for (let row = first; row <= last; row++) {
      for (let s = 0; s < samples; s++) {
        const offset = sampleOffsets[s] as readonly [number, number];
        const sy = (this.height / 2 - row - offset[1]) * pixel;
        if (!outline(projected, sy, this.#outline)) continue;
        // Columns whose sample lies within the outline.
        const origin = this.width / 2 - offset[0];
        const from = Math.max(0, Math.ceil(this.#outline.start / pixel + origin));
        const to = Math.min(this.width - 1, Math.floor(this.#outline.end / pixel + origin));
        if (from <= to) this.#drawRow(projected, id, row, s, from, to, sy, pixel, origin);
      }
    }
    if (first < this.firstRow) this.firstRow = first;
    if (last > this.lastRow) this.lastRow = last;
  }

  #drawRow(
    p: Projected,
    id: number,
    row: number,
    sample: number,
    from: number,
    to: number,
    sy: number,
    pixel: number,
    origin: number,
  ): void {
    const { shape } = p;
    const { ids, depths } = this;
    const { near } = p;
    const rowX = p.fx + sy * p.vx;
    const rowY = p.fy + sy * p.vy;
    const rowZ = p.fz + sy * p.vz;
    let at = (row * this.width + from) * samples + sample;
    for (let column = from; column <= to; column++, at += samples) {
      const sx = (column - origin) * pixel;
      const t = enter(shape, p.ox, p.oy, p.oz, rowX + sx * p.ux, rowY + sx * p.uy, rowZ + sx * p.uz);
      if (t < (depths[at] as number) && t >= near) {
        depths[at] = t;
        ids[at] = id;
      }
    }
  }
}

/** Range of sy that the sphere around a shape covers; null when it reaches behind the eye. */
function rowRange(p: Projected): { low: number; high: number } | null {
  const { shape } = p;
  const radius = shape.boundingRadius;
  // Centre of the shape in the view's frame.
  const depth = -(p.ox * p.fx + p.oy * p.fy + p.oz * p.fz);
  const height = -(p.ox * p.vx + p.oy * p.vy + p.oz * p.vz);
  if (shape.type === geomTypes.capsule) return capsuleRows(p, depth, height);
  return sphereRows(depth, height, radius);
}

function sphereRows(depth: number, height: number, radius: number): { low: number; high: number } | null {
  const a = depth * depth - radius * radius;
  if (depth <= radius || a <= 0) return null;
  const root = radius * Math.sqrt(height * height + a);
  return { low: (height * depth - root) / a, high: (height * depth + root) / a };
}

/** A capsule's outline is the hull of its two end spheres'. */
function capsuleRows(p: Projected, depth: number, height: number): { low: number; high: number } | null {
  const { sizeX: radius, sizeY: half } = p.shape;
  const top = sphereRows(depth + half * p.fz, height + half * p.vz, radius);
  const bottom = sphereRows(depth - half * p.fz, height - half * p.vz, radius);
  if (top === null || bottom === null) return null;
  return { low: Math.min(top.low, bottom.low), high: Math.max(top.high, bottom.high) };
}

/** Interval of sx, along the row sy, outside of which rays miss the shape; false when the whole row misses. */
function outline(p: Projected, sy: number, out: { start: number; end: number }): boolean {
  const { shape } = p;
  const gx = p.fx + sy * p.vx;
  const gy = p.fy + sy * p.vy;
  const gz = p.fz + sy * p.vz;
  switch (shape.type) {
    case geomTypes.plane:
      return planeOutline(p, gx, gy, gz, out);
    case geomTypes.box:
      return quadricOutline(
        p.ox,
        p.oy,
        p.oz,
        gx,
        gy,
        gz,
        p.ux,
        p.uy,
        p.uz,
        shape.boundingRadius * shape.boundingRadius,
        out,
      );
    case geomTypes.capsule:
    case geomTypes.cylinder: {
      // The endless cylinder, narrowed to the sphere around the shape.
      if (!quadricOutline(p.ox, p.oy, 0, gx, gy, 0, p.ux, p.uy, 0, shape.sizeX * shape.sizeX, out))
        return false;
      const { start, end } = out;
      const r = shape.boundingRadius;
      if (!quadricOutline(p.ox, p.oy, p.oz, gx, gy, gz, p.ux, p.uy, p.uz, r * r, out)) return false;
      out.start = Math.max(out.start, start);
      out.end = Math.min(out.end, end);
      return out.start <= out.end;
    }
    default: {
      const rx = 1 / shape.sizeX;
      const ry = 1 / shape.sizeY;
      const rz = 1 / shape.sizeZ;
      return quadricOutline(
        p.ox * rx,
        p.oy * ry,
        p.oz * rz,
        gx * rx,
        gy * ry,
        gz * rz,
        p.ux * rx,
        p.uy * ry,
        p.uz * rz,
        1,
        out,
      );
    }
  }
}

/**
 * The x for which the line o + t(g + x·u) comes within √radiusSquared of the origin: with a, b, c of the quadratic
 * in t, b² − a·c ≥ 0, itself a quadratic k₂x² + k₁x + k₀ ≥ 0.
 */
function quadricOutline(
  ox: number,
  oy: number,
  oz: number,
  gx: number,
  gy: number,
  gz: number,
  ux: number,
  uy: number,
  uz: number,
  radiusSquared: number,
  out: { start: number; end: number },
): boolean {
  const c = ox * ox + oy * oy + oz * oz - radiusSquared;
  out.start = -Infinity;
  out.end = Infinity;
  if (c <= 0) return true;
  const og = ox * gx + oy * gy + oz * gz;
  const ou = ox * ux + oy * uy + oz * uz;
  const k2 = ou * ou - c * (ux * ux + uy * uy + uz * uz);
  const k1 = og * ou - c * (gx * ux + gy * uy + gz * uz);
  const k0 = og * og - c * (gx * gx + gy * gy + gz * gz);
  const discriminant = k1 * k1 - k2 * k0;
  if (k2 >= 0) return true;
  if (discriminant < 0) return false;
  const root = Math.sqrt(discriminant);
  // k2 < 0: the values are positive between the roots.
  out.start = (-k1 + root) / k2;
  out.end = (-k1 - root) / k2;
  return true;
}

/** A plane's rectangle as linear inequalities in sx. */
function planeOutline(
  p: Projected,
  gx: number,
  gy: number,
  gz: number,
  out: { start: number; end: number },
): boolean {
  const { sizeX, sizeY } = p.shape;
  out.start = -Infinity;
  out.end = Infinity;
  // In front of the plane the ray must go down: −dz > 0.
  if (p.oz <= 0 || !clip(-gz, -p.uz, out)) return false;
  if (sizeX > 0) {
    if (!clip(sizeX * -gz - (p.ox * -gz + p.oz * gx), sizeX * -p.uz - (p.ox * -p.uz + p.oz * p.ux), out))
      return false;
    if (!clip(sizeX * -gz + (p.ox * -gz + p.oz * gx), sizeX * -p.uz + (p.ox * -p.uz + p.oz * p.ux), out))
      return false;
  }
  if (sizeY > 0) {
    if (!clip(sizeY * -gz - (p.oy * -gz + p.oz * gy), sizeY * -p.uz - (p.oy * -p.uz + p.oz * p.uy), out))
      return false;
    if (!clip(sizeY * -gz + (p.oy * -gz + p.oz * gy), sizeY * -p.uz + (p.oy * -p.uz + p.oz * p.uy), out))
      return false;
  }
  return true;
}

/** Narrows [start, end] to where constant + slope·x ≥ 0; false when nothing is left. */
function clip(constant: number, slope: number, out: { start: number; end: number }): boolean {
  if (slope > 0) out.start = Math.max(out.start, -constant / slope);
  else if (slope < 0) out.end = Math.min(out.end, -constant / slope);
  else if (constant < 0) return false;
  return out.start <= out.end;
}
