/**
 * What there is to draw: the visible geoms, lights and cameras of a compiled model. Constants (sizes, colours,
 * materials, lights) are read once; `update` takes over the poses of the current state.
 */
import type { Simulation } from '../mujoco.js';
import type { Appearance } from './appearance.js';
import { Meshes } from './meshes.js';
import { geomTypes, Shape, surfaceOf } from './shape.js';
import { Tendon } from './tendon.js';
import { type CameraOffset, orbit, type View } from './view.js';

const drawable = new Set<number>(Object.values(geomTypes));
/** Geoms and sites of higher groups are hidden, as in MuJoCo's default view. */
const lastVisibleGroup = 2;
const directionalLight = 1;
/** Extents of the model within which a camera does not look at its body but away from it. */
const nearestInterest = 0.2;
/** A geom's own colour counts only when it is not this one, MuJoCo's default. */
const defaultRgba = [0.5, 0.5, 0.5, 1] as const;

/** RGB each. */
export interface LightColours {
  readonly ambient: readonly [number, number, number];
  readonly diffuse: readonly [number, number, number];
  readonly specular: readonly [number, number, number];
}

export interface Light extends LightColours {
  readonly directional: boolean;
  readonly castsShadow: boolean;
  /** Cosine of the cutoff angle. */
  readonly cutoffCosine: number;
  readonly cutoffDegrees: number;
  readonly exponent: number;
  readonly attenuation: readonly [number, number, number];
  /** World position. */
  x: number;
  y: number;
  z: number;
  /** Unit direction in which the light shines. */
  dx: number;
  dy: number;
  dz: number;
}

export class Scene {
  readonly shapes: readonly Shape[];
  /** The model's own lights; the headlight belongs to the view. */
  readonly lights: readonly Light[];
  readonly headlight: LightColours | null;
  readonly #simulation: Simulation;
  /** The shapes that the model gives poses, sizes and colours. */
  readonly #posed: readonly Shape[];
  readonly #tendons: readonly Tendon[];
  readonly #modelLights: number[] = [];
  /** Distance of the near plane. */
  readonly #near: number;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#posed = [...readShapes(simulation, 'geom'), ...readShapes(simulation, 'site')];
    this.#tendons = Array.from({ length: simulation.count('tendon') }, (_, index) => index)
      .filter((index) => isVisible(simulation, 'tendon', index) && Tendon.isDrawn(simulation, index))
      .map((index) => new Tendon(simulation, index));
    this.shapes = [...this.#posed, ...this.#tendons.flatMap((tendon) => tendon.shapes)];
    const lights: Light[] = [];
    for (let i = 0; i < simulation.count('light'); i++) {
      if (!simulation.model('light_active')[i]) continue;
      lights.push(readLight(simulation, i));
      this.#modelLights.push(i);
    }
    this.lights = lights;
    const { near, extent } = simulation.visual;
    this.#near = near * extent;
    const { active, ambient, diffuse, specular } = simulation.headlight;
    this.headlight = active ? { ambient, diffuse, specular } : null;
  }

  /**
   * Takes over the current state's poses, and the sizes and colours that a task may change.
   * @param colours see `Appearance`.
   */
  update(colours?: Appearance['colours']): void {
    const simulation = this.#simulation;
    for (const tendon of this.#tendons) tendon.update();
    for (const shape of this.#posed) {
      readAppearance(simulation, shape);
      if (colours !== undefined) shiftColour(shape, simulation.count('material'), colours);
      const position = simulation.data(shape.kind === 'site' ? 'site_xpos' : 'geom_xpos');
      const rotation = simulation.data(shape.kind === 'site' ? 'site_xmat' : 'geom_xmat');
      const p = 3 * shape.index;
      const r = 9 * shape.index;
      shape.x = position[p] as number;
      shape.y = position[p + 1] as number;
      shape.z = position[p + 2] as number;
      shape.r00 = rotation[r] as number;
      shape.r01 = rotation[r + 1] as number;
      shape.r02 = rotation[r + 2] as number;
      shape.r10 = rotation[r + 3] as number;
      shape.r11 = rotation[r + 4] as number;
      shape.r12 = rotation[r + 5] as number;
      shape.r20 = rotation[r + 6] as number;
      shape.r21 = rotation[r + 7] as number;
      shape.r22 = rotation[r + 8] as number;
    }
    const positions = simulation.data('light_xpos');
    const directions = simulation.data('light_xdir');
    this.lights.forEach((light, i) => {
      const at = 3 * (this.#modelLights[i] as number);
      light.x = positions[at] as number;
      light.y = positions[at + 1] as number;
      light.z = positions[at + 2] as number;
      light.dx = directions[at] as number;
      light.dy = directions[at + 1] as number;
      light.dz = directions[at + 2] as number;
    });
  }

  /** The view of one of the model's cameras, or that of the camera moved around what it looks at. */
  view(camera: number, offset?: CameraOffset): View {
    const view = this.#ownView(camera);
    return offset === undefined ? view : orbit(view, this.#depthOfInterest(camera, view), offset);
  }

  /** Distance, along the view, of the body that the camera is fixed to, or of the model's centre. */
  #depthOfInterest(camera: number, view: View): number {
    const { extent, centre } = this.#simulation.visual;
    const body = this.#simulation.model('cam_bodyid')[camera] as number;
    const point = body === 0 ? centre : this.#simulation.data('subtree_com').subarray(3 * body, 3 * body + 3);
    const depth =
      ((point[0] as number) - view.x) * view.forwardX +
      ((point[1] as number) - view.y) * view.forwardY +
      ((point[2] as number) - view.z) * view.forwardZ;
    // A camera inside the body it belongs to looks at the scene.
    return depth > nearestInterest * extent ? depth : extent;
  }

  #ownView(camera: number): View {
    const position = this.#simulation.data('cam_xpos').subarray(3 * camera);
    const axes = this.#simulation.data('cam_xmat').subarray(9 * camera);
    const at = (i: number) => axes[i] as number;
    return {
      x: position[0] as number,
      y: position[1] as number,
      z: position[2] as number,
      rightX: at(0),
      rightY: at(3),
      rightZ: at(6),
      upX: at(1),
      upY: at(4),
      upZ: at(7),
      // A camera looks along its −z axis.
      forwardX: -at(2),
      forwardY: -at(5),
      forwardZ: -at(8),
      halfHeight: Math.tan(((this.#simulation.model('cam_fovy')[camera] as number) * Math.PI) / 360),
      near: this.#near,
    };
  }
}

function readShapes(simulation: Simulation, kind: 'geom' | 'site'): Shape[] {
  const shapes: Shape[] = [];
  const meshes = new Meshes(simulation);
  for (let index = 0; index < simulation.count(kind); index++) {
    const type = simulation.model(`${kind}_type`)[index] as number;
    const material = simulation.model(`${kind}_matid`)[index] as number;
    if (!isVisible(simulation, kind, index) || !drawable.has(type)) continue;
    const surface = surfaceOf(simulation, material);
    const data = kind === 'geom' ? (simulation.model('geom_dataid')[index] as number) : -1;
    const triangles =
      type === geomTypes.mesh
        ? meshes.mesh(data)
        : type === geomTypes.heightField
          ? meshes.heightField(data)
          : undefined;
    const shape = new Shape({ index, kind, type, material, surface, ...(triangles && { triangles }) });
    readAppearance(simulation, shape);
    shapes.push(shape);
  }
  return shapes;
}

function isVisible(simulation: Simulation, kind: Shape['kind'], index: number): boolean {
  return (simulation.model(`${kind}_group`)[index] as number) <= lastVisibleGroup;
}

function readAppearance(simulation: Simulation, shape: Shape): void {
  const sizes = simulation.model(shape.kind === 'site' ? 'site_size' : 'geom_size');
  const s = 3 * shape.index;
  shape.setSize(sizes[s] as number, sizes[s + 1] as number, sizes[s + 2] as number);
  let colours = simulation.model(shape.kind === 'site' ? 'site_rgba' : 'geom_rgba');
  let c = 4 * shape.index;
  const isDefault = defaultRgba.every((value, i) => value === colours[c + i]);
  if (isDefault && shape.material >= 0) {
    colours = simulation.model('mat_rgba');
    c = 4 * shape.material;
  }
  shape.setColour(
    colours[c] as number,
    colours[c + 1] as number,
    colours[c + 2] as number,
    colours[c + 3] as number,
  );
}

/** Shapes of one material change together; one without a material by itself. */
function shiftColour(shape: Shape, materials: number, offsets: ArrayLike<number>): void {
  const colour = shape.material >= 0 ? shape.material : materials + shape.index;
  const at = (3 * colour) % offsets.length;
  const shifted = (value: number, c: number) => Math.min(1, Math.max(0, value + (offsets[at + c] as number)));
  shape.setColour(shifted(shape.red, 0), shifted(shape.green, 1), shifted(shape.blue, 2), shape.alpha);
}

function readLight(simulation: Simulation, index: number): Light {
  const triple = (field: 'light_ambient' | 'light_diffuse' | 'light_specular' | 'light_attenuation') =>
    Array.from(simulation.model(field).subarray(3 * index, 3 * index + 3)) as [number, number, number];
  const cutoffDegrees = simulation.model('light_cutoff')[index] as number;
  return {
    directional: simulation.model('light_type')[index] === directionalLight,
    castsShadow: simulation.model('light_castshadow')[index] !== 0,
    cutoffDegrees,
    cutoffCosine: Math.cos((cutoffDegrees * Math.PI) / 180),
    exponent: simulation.model('light_exponent')[index] as number,
    attenuation: triple('light_attenuation'),
    ambient: triple('light_ambient'),
    diffuse: triple('light_diffuse'),
    specular: triple('light_specular'),
    x: 0,
    y: 0,
    z: 0,
    dx: 0,
    dy: 0,
    dz: -1,
  };
}
