/**
 * Hard shadows: the part of the scene that a light's shadow map covers, tested with rays instead of a map; where bodies of
 * triangles cast them, with what the light sees of these.
 */

import { MeshDepths } from './meshDepths.js';
import { enter } from './rays.js';
import type { Light, Scene } from './scene.js';
import type { Shape } from './shape.js';
import type { View } from './view.js';

/** Share of a spot light's cutoff angle, and widest full angle in degrees, that its shadow map covers. */
const shadowScale = 0.6;
const widestMap = 160;
/** Metres from a light within which nothing casts a shadow. */
const nearLight = 0.001;
/** Half widths of its map from which a directional light is seen, and before the light what still casts a shadow. */
const farAway = 1000;
const nearOfHalf = 100;

export class Shadows {
  /** The lights that cast shadows. */
  readonly lights: readonly Light[];
  readonly #casters: readonly Shape[];
  readonly #maps: readonly ShadowMap[];

  /** @param clip half width, in metres, of a directional light's map. */
  constructor(scene: Scene, clip: number) {
    // Floors and walls lie behind what they could shade.
    const solids = scene.shapes.filter((shape) => !shape.isPlane);
    this.#casters = solids.filter((shape) => shape.triangles === null);
    const meshes = solids.filter((shape) => shape.triangles !== null);
    this.lights = scene.lights.filter((light) => light.castsShadow);
    this.#maps = this.lights.map((light) => new ShadowMap(light, clip, meshes));
  }

  /** Turns the maps to where their lights are now. */
  startFrame(): void {
    for (const map of this.#maps) map.update();
  }

  /** Whether something other than `receiver` stands between the point and the light `lights[index]`. */
  isShadowed(index: number, receiver: Shape, px: number, py: number, pz: number): boolean {
    const map = this.#maps[index] as ShadowMap;
    if (!map.covers(px, py, pz)) return false;
    if (map.isBehindMesh(px, py, pz)) return true;
    const { light } = map;
    // From the point towards the light; t = 1 is the light (or, for a directional one, far enough).
    const reach = 100;
    const dx = light.directional ? -light.dx * reach : light.x - px;
    const dy = light.directional ? -light.dy * reach : light.y - py;
    const dz = light.directional ? -light.dz * reach : light.z - pz;
    const length2 = dx * dx + dy * dy + dz * dz;
    for (const caster of this.#casters) {
      if (caster === receiver || caster.alpha === 0) continue;
      const cx = caster.x - px;
      const cy = caster.y - py;
      const cz = caster.z - pz;
      const along = cx * dx + cy * dy + cz * dz;
      const distance2 = cx * cx + cy * cy + cz * cz;
      const r = caster.boundingRadius;
      if (distance2 * length2 - along * along > r * r * length2) continue;
      const ux = caster.r00 * dx + caster.r10 * dy + caster.r20 * dz;
      const uy = caster.r01 * dx + caster.r11 * dy + caster.r21 * dz;
      const uz = caster.r02 * dx + caster.r12 * dy + caster.r22 * dz;
      // What lies inside a half-transparent shape is seen, and its ray never enters it: there it comes from the light.
      const start = caster.isVeil ? 1 : 0;
      const way = 1 - 2 * start;
      const t = enter(
        caster,
        start * ux - (caster.r00 * cx + caster.r10 * cy + caster.r20 * cz),
        start * uy - (caster.r01 * cx + caster.r11 * cy + caster.r21 * cz),
        start * uz - (caster.r02 * cx + caster.r12 * cy + caster.r22 * cz),
        way * ux,
        way * uy,
        way * uz,
      );
      if (t < 1) return true;
    }
    return false;
  }
}

/** The square pyramid (spot) or prism (directional) that a shadow map covers; outside of it nothing is shadowed. */
class ShadowMap {
  readonly light: Light;
  readonly #half: number;
  #upX = 0;
  #upY = 0;
  #upZ = 0;
  #sideX = 0;
  #sideY = 0;
  #sideZ = 0;
  readonly #view: View = {
    x: 0,
    y: 0,
    z: 0,
    rightX: 0,
    rightY: 0,
    rightZ: 0,
    upX: 0,
    upY: 0,
    upZ: 0,
    forwardX: 0,
    forwardY: 0,
    forwardZ: 0,
    halfHeight: 1,
    near: nearLight,
  };

  /** What the light sees of bodies of triangles; null where there are none. */
  readonly #meshes: MeshDepths | null;

  constructor(light: Light, clip: number, meshes: readonly Shape[]) {
    this.light = light;
    this.#meshes = meshes.length > 0 ? new MeshDepths(meshes) : null;
    const fullAngle = Math.min(2 * light.cutoffDegrees * shadowScale, widestMap);
    this.#half = light.directional ? clip : Math.tan((fullAngle * Math.PI) / 360);
  }

  update(): void {
    const { dx, dy, dz } = this.light;
    // An axis across the light: the world's axis that the light is least aligned with, made orthogonal.
    const ax = Math.abs(dx);
    const ay = Math.abs(dy);
    const az = Math.abs(dz);
    const [ex, ey, ez] = ax <= ay && ax <= az ? [1, 0, 0] : ay <= az ? [0, 1, 0] : [0, 0, 1];
    const sx = dy * ez - dz * ey;
    const sy = dz * ex - dx * ez;
    const sz = dx * ey - dy * ex;
    const length = Math.sqrt(sx * sx + sy * sy + sz * sz);
    this.#sideX = sx / length;
    this.#sideY = sy / length;
    this.#sideZ = sz / length;
    this.#upX = dy * this.#sideZ - dz * this.#sideY;
    this.#upY = dz * this.#sideX - dx * this.#sideZ;
    this.#upZ = dx * this.#sideY - dy * this.#sideX;
    this.#meshes?.forget();
    const view = this.#view;
    const { light } = this;
    // A directional light's rays are parallel: it is seen from as good as infinitely far away.
    const away = light.directional ? farAway * this.#half : 0;
    view.x = light.x - away * dx;
    view.y = light.y - away * dy;
    view.z = light.z - away * dz;
    [view.rightX, view.rightY, view.rightZ] = [this.#sideX, this.#sideY, this.#sideZ];
    [view.upX, view.upY, view.upZ] = [this.#upX, this.#upY, this.#upZ];
    [view.forwardX, view.forwardY, view.forwardZ] = [dx, dy, dz];
    view.halfHeight = light.directional ? 1 / farAway : this.#half;
    view.near = light.directional ? (farAway - nearOfHalf) * this.#half : nearLight;
  }

  /** Whether a body of triangles stands between the point, which the map covers, and the light. */
  isBehindMesh(px: number, py: number, pz: number): boolean {
    return this.#meshes?.isHidden(this.#view, px, py, pz) ?? false;
  }

  covers(px: number, py: number, pz: number): boolean {
    const { light } = this;
    const x = px - light.x;
    const y = py - light.y;
    const z = pz - light.z;
    const depth = x * light.dx + y * light.dy + z * light.dz;
    const limit = light.directional ? this.#half : this.#half * depth;
    const side = x * this.#sideX + y * this.#sideY + z * this.#sideZ;
    const up = x * this.#upX + y * this.#upY + z * this.#upZ;
    return depth > 0 && Math.abs(side) < limit && Math.abs(up) < limit;
  }
}
