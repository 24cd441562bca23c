/**
 * MuJoCo, through `mujoco-js` (the official WebAssembly build). This is the one file that knows the binding, and
 * its hazards stay in here:
 * - a view on MuJoCo's memory has length 0 once the WebAssembly heap has grown, so views are checked at each use;
 * - `mj_getState` writes only into the binding's own buffers;
 * - a state with a NaN is reset silently, so the warning counters are read after every control step;
 * - `warning` and `contact` return copies on the heap that leak unless they are deleted.
 */
import loadModule, { type MainModule, type MjData, type MjModel } from 'mujoco-js';
import { InputError } from '../src/errors.js';
import { bringModel, modelName } from './modelFiles.js';

/** Kinds of named model elements. */
export type ElementKind =
  | 'body'
  | 'joint'
  | 'geom'
  | 'site'
  | 'camera'
  | 'light'
  | 'sensor'
  | 'tendon'
  | 'actuator';

/** Fields of the state and of what MuJoCo derives from it, flat and row-major. */
export type DataField =
  | 'qpos'
  | 'qvel'
  | 'qacc'
  | 'act'
  | 'ctrl'
  | 'xpos'
  | 'xfrc_applied'
  | 'xmat'
  | 'xquat'
  | 'xipos'
  | 'xanchor'
  | 'geom_xpos'
  | 'geom_xmat'
  | 'site_xpos'
  | 'site_xmat'
  | 'cam_xpos'
  | 'cam_xmat'
  | 'light_xpos'
  | 'light_xdir'
  | 'sensordata'
  | 'subtree_com'
  | 'subtree_linvel'
  | 'ten_length'
  | 'ten_wrapadr'
  | 'ten_wrapnum'
  | 'wrap_obj'
  | 'wrap_xpos'
  | 'energy';

/** What MuJoCo's names of a model's arrays begin with. */
type ModelPart =
  | 'actuator'
  | 'body'
  | 'bvh'
  | 'cam'
  | 'dof'
  | 'eq'
  | 'exclude'
  | 'flex'
  | 'geom'
  | 'hfield'
  | 'jnt'
  | 'key'
  | 'light'
  | 'mat'
  | 'mesh'
  | 'name'
  | 'numeric'
  | 'oct'
  | 'pair'
  | 'plugin'
  | 'qpos'
  | 'sensor'
  | 'site'
  | 'skin'
  | 'tendon'
  | 'tex'
  | 'text'
  | 'tuple'
  | 'wrap';

/**
 * Any numeric array of the compiled model, by MuJoCo's name. Spelt out here, since the binding's own types compile under
 * loose settings alone and a program that uses this package may have others.
 */
export type ModelField = `${ModelPart}_${string}` | 'qpos0';

type NumberView = Float64Array | Float32Array | Int32Array | Uint8Array;

/** mjtObj */
const objectTypes: Record<ElementKind, number> = {
  body: 1,
  joint: 3,
  geom: 5,
  site: 6,
  camera: 7,
  light: 8,
  sensor: 20,
  tendon: 18,
  actuator: 19,
};
/** mjSTATE_INTEGRATION: everything the next step depends on, bit for bit. */
const integrationState = 8191;
const disableActuation = 2048;
/** mjMAXVAL */
const LARGEST = 1e10;
const integratorRungeKutta = 1;
/** mjtWarning, as sentences. */
const warnings = [
  'the inertia matrix is close to singular',
  'too many contacts',
  'too many constraints',
  'too many visual geoms',
  'a position is NaN, infinite or huge',
  'a velocity is NaN, infinite or huge',
  'an acceleration is NaN, infinite or huge',
  'a control is NaN, infinite or huge',
];

let modulePromise: Promise<MainModule> | undefined;
let modelNumber = 0;
/** Who hears what MuJoCo prints. */
let printing: (line: string) => void = () => undefined;

type Rgb = [red: number, green: number, blue: number];

/** A compiled model with its state. Positions are in metres, angles in radians, times in seconds. */
export class Simulation {
  readonly #mujoco: MainModule;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #dataViews = new Map<DataField, Float64Array>();
  readonly #modelViews = new Map<ModelField, NumberView>();
  readonly #warningCounts = new Int32Array(warnings.length);

  private constructor(mujoco: MainModule, model: MjModel) {
    this.#mujoco = mujoco;
    this.#model = model;
    this.#data = new mujoco.MjData(model);
  }

  /**
   * Compiles an MJCF file; the files it names (models that it includes, meshes, textures, height fields) lie beside it
   * or in folders below.
   * @throws InputError with what MuJoCo says, and in which line, when it refuses the file
   */
  static async load(file: URL): Promise<Simulation> {
    // MuJoCo prints its warnings; they reach the caller through `newWarning` instead.
    const printed: string[] = [];
    const keep = (line: string): void => {
      printed.push(line);
    };
    modulePromise ??= loadModule({ print: (line: string) => printing(line), printErr: () => undefined });
    const mujoco = await modulePromise;
    const folder = `/model-${modelNumber++}`;
    printing = keep;
    try {
      const model = mujoco.MjModel.loadFromXML(bringModel(mujoco.FS, file, folder));
      // What is no XML at all is printed, and not thrown.
      if (model === null) throw new Error(printed.join(' '));
      return new Simulation(mujoco, model);
    } catch (error) {
      throw new InputError(
        `MuJoCo cannot load ${modelName(file)}: ${refusal(mujoco, error).replaceAll(folder, '')}.`,
      );
    } finally {
      printing = () => undefined;
      removeFolder(mujoco, folder);
    }
  }

  get timestep(): number {
    return this.#model.opt.timestep;
  }

  get time(): number {
    return this.#data.time;
  }

  set time(seconds: number) {
    this.#data.time = seconds;
  }

  /** Acceleration along z, in m/s²: below 0 where things fall. */
  get gravity(): number {
    return (this.#model.opt.gravity as Float64Array)[2] as number;
  }

  get contactCount(): number {
    return this.#data.ncon;
  }

  /** Degrees of freedom. */
  get velocitySize(): number {
    return this.#model.nv;
  }

  get actuatorCount(): number {
    return this.#model.nu;
  }

  /** Scene facts that are not arrays. */
  get visual(): {
    extent: number;
    centre: number[];
    near: number;
    far: number;
    fogStart: number;
    fogEnd: number;
    shadowClip: number;
    shadowSize: number;
    /** Quads along each side of a box. */
    boxQuads: number;
    haze: number;
  } {
    const { vis, stat } = this.#model;
    return {
      extent: stat.extent,
      centre: Array.from(stat.center as Float64Array),
      near: vis.map.znear,
      far: vis.map.zfar,
      fogStart: vis.map.fogstart,
      fogEnd: vis.map.fogend,
      shadowClip: vis.map.shadowclip,
      shadowSize: vis.quality.shadowsize,
      boxQuads: vis.quality.numquads,
      haze: vis.map.haze,
    };
  }

  /** Ambient, diffuse and specular RGB of the light that sits on the camera, and whether it is on. */
  get headlight(): { ambient: Rgb; diffuse: Rgb; specular: Rgb; active: boolean } {
    const light = this.#model.vis.headlight;
    const rgb = (colour: unknown) => Array.from(colour as Float32Array) as Rgb;
    return {
      ambient: rgb(light.ambient),
      diffuse: rgb(light.diffuse),
      specular: rgb(light.specular),
      active: light.active !== 0,
    };
  }

  get hazeColour(): number[] {
    return Array.from(this.#model.vis.rgba.haze as Float32Array);
  }

  /** RGBA of a tendon that its limit holds. */
  get constraintColour(): number[] {
    return Array.from(this.#model.vis.rgba.constraint as Float32Array);
  }

  /** After a change of the model's sizes: works out anew what the compiler derived from them, such as its extent. */
  deriveConstants(): void {
    this.#mujoco.mj_setConst(this.#model, this.#data);
  }

  /** How many elements of a kind the model has. */
  count(kind: Exclude<ElementKind, 'sensor' | 'actuator'> | 'material' | 'texture' | 'mesh'): number {
    const { nbody, njnt, ngeom, nsite, ncam, nlight, nmat, ntex, nmesh, ntendon } = this.#model;
    return {
      body: nbody,
      joint: njnt,
      geom: ngeom,
      site: nsite,
      camera: ncam,
      light: nlight,
      material: nmat,
      texture: ntex,
      mesh: nmesh,
      tendon: ntendon,
    }[kind];
  }

  /** @throws Error when the model has no such element. */
  id(kind: ElementKind, name: string): number {
    const id = this.#mujoco.mj_name2id(this.#model, objectTypes[kind], name);
    if (id < 0) throw new Error(`The model has no ${kind} named "${name}".`);
    return id;
  }

  /** Empty for an element without a name. */
  name(kind: ElementKind, id: number): string {
    return this.#mujoco.mj_id2name(this.#model, objectTypes[kind], id) ?? '';
  }

  /** A live view: valid until the next call into MuJoCo, writable. */
  data(field: DataField): Float64Array {
    let view = this.#dataViews.get(field);
    if (view === undefined || view.length === 0) {
      view = this.#data[field] as Float64Array;
      this.#dataViews.set(field, view);
    }
    return view;
  }

  /**
   * A live view of the compiled model: valid until the next call into MuJoCo, writable.
   * @throws Error when MuJoCo's models have no such array
   */
  model(field: ModelField): NumberView {
    let view = this.#modelViews.get(field);
    if (view === undefined || view.length === 0) {
      const found: unknown = this.#model[field as keyof MjModel];
      if (!ArrayBuffer.isView(found)) throw new Error(`MuJoCo's models have no array named "${field}".`);
      view = found as NumberView;
      this.#modelViews.set(field, view);
    }
    return view;
  }

  /** World position of a body's frame along one axis (0 x, 1 y, 2 z). */
  bodyPosition(body: number, axis: number): number {
    return this.data('xpos')[3 * body + axis] as number;
  }

  /** Element (row, column) of a body's rotation matrix, body to world: column 2 is the body's z axis. */
  bodyRotation(body: number, row: number, column: number): number {
    return this.data('xmat')[9 * body + 3 * row + column] as number;
  }

  geomPosition(geom: number, axis: number): number {
    return this.data('geom_xpos')[3 * geom + axis] as number;
  }

  sitePosition(site: number, axis: number): number {
    return this.data('site_xpos')[3 * site + axis] as number;
  }

  /** Values of a named sensor. */
  sensor(name: string): Float64Array {
    const id = this.id('sensor', name);
    const start = this.model('sensor_adr')[id] as number;
    return this.data('sensordata').slice(start, start + (this.model('sensor_dim')[id] as number));
  }

  /** Default state, then `initialise` writes the task's own, then a forward pass without actuation. */
  reset(initialise: () => void): void {
    this.#mujoco.mj_resetData(this.#model, this.#data);
    this.#warningCounts.fill(0);
    this.forward();
    initialise();
    this.forward();
  }

  /** Everything that follows from positions and velocities, with actuation off. */
  forward(): void {
    const { opt } = this.#model;
    opt.disableflags |= disableActuation;
    this.#mujoco.mj_forward(this.#model, this.#data);
    opt.disableflags &= ~disableActuation;
  }

  /**
   * Advances `count` physics steps. Positions and velocities, and what follows from them, are up to date
   * afterwards: the first half of the next step has already been taken.
   */
  step(count: number): void {
    const mujoco = this.#mujoco;
    const model = this.#model;
    const data = this.#data;
    let whole = count;
    // The second half of a step completes an Euler step; Runge–Kutta has no such halves.
    if (model.opt.integrator !== integratorRungeKutta) {
      mujoco.mj_step2(model, data);
      whole--;
    }
    for (let i = 0; i < whole; i++) mujoco.mj_step(model, data);
    mujoco.mj_step1(model, data);
  }

  /**
   * Which number of the state just reached is none, or so large that MuJoCo's next step would silently begin again from
   * the default; null when all is well.
   */
  badNumber(): string | null {
    for (const field of ['qpos', 'qvel', 'act', 'qacc'] as const) {
      const values = this.data(field);
      const at = values.findIndex((value) => !(Math.abs(value) <= LARGEST));
      if (at >= 0) return `${field}[${at}] is ${values[at]}`;
    }
    return Number.isFinite(this.time) ? null : `the time is ${this.time}`;
  }

  /** What MuJoCo has warned of since the last call or reset; null when all is well. */
  newWarning(): string | null {
    let found: string | null = null;
    const counters = this.#data.warning;
    for (let i = 0; i < warnings.length; i++) {
      const counter = counters.get(i);
      if (counter === undefined) continue;
      if (counter.number > (this.#warningCounts[i] as number))
        found ??= `${warnings[i]} (at ${this.time.toFixed(4)} s)`;
      this.#warningCounts[i] = counter.number;
      counter.delete();
    }
    counters.delete();
    return found;
  }

  /** Everything the next step depends on. */
  saveState(): Float64Array {
    const buffer = new this.#mujoco.DoubleBuffer(this.#mujoco.mj_stateSize(this.#model, integrationState));
    try {
      this.#mujoco.mj_getState(this.#model, this.#data, buffer, integrationState);
      return Float64Array.from(buffer.GetView() as Float64Array);
    } finally {
      buffer.delete();
    }
  }

  /** @throws Error when the state is not of this model. */
  restoreState(state: Float64Array): void {
    const size = this.#mujoco.mj_stateSize(this.#model, integrationState);
    if (state.length !== size)
      throw new Error(`A state of ${state.length} numbers does not fit this model's ${size}.`);
    this.#mujoco.mj_setState(this.#model, this.#data, Array.from(state), integrationState);
    this.#mujoco.mj_step1(this.#model, this.#data);
    this.#warningCounts.fill(0);
    this.newWarning();
  }

  dispose(): void {
    this.#data.delete();
    this.#model.delete();
  }
}

function removeFolder(mujoco: MainModule, folder: string): void {
  if (!mujoco.FS.analyzePath(folder, true).exists) return;
  for (const name of mujoco.FS.readdir(folder) as string[]) {
    if (name === '.' || name === '..') continue;
    const path = `${folder}/${name}`;
    if (mujoco.FS.isDir(mujoco.FS.stat(path, true).mode)) removeFolder(mujoco, path);
    else mujoco.FS.unlink(path);
  }
  mujoco.FS.rmdir(folder);
}

/** What C++ throws, and MuJoCo says, where sizes are beyond the 4 GiB that WebAssembly has. */
const TOO_LARGE = /^std::(bad_alloc|length_error|bad_array_new_length)|could not (allocate|create mjData)/i;

/**
 * What MuJoCo threw, in words. The C++ exceptions of its parser and compiler (mjXError, mjCError) begin with their text,
 * which the binding does not hand out: it is read from the memory they lie in. Those of C++ itself have a name alone.
 */
function refusal(mujoco: MainModule, error: unknown): string {
  const { code, path, name, excPtr } = error as NodeJS.ErrnoException & { readonly excPtr?: unknown };
  if (code === 'ENOENT') return `there is no file ${path}`;
  let text = error instanceof Error ? error.message : '';
  if (typeof excPtr === 'number' && name.startsWith('std::')) text = name;
  else if (typeof excPtr === 'number') {
    const buffer = new mujoco.DoubleBuffer(1);
    const memory = new Uint8Array((buffer.GetView() as Float64Array).buffer);
    text = new TextDecoder().decode(memory.slice(excPtr, memory.indexOf(0, excPtr)));
    buffer.delete();
  }
  const sentence = text
    .replace(/^(XML )?Error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ', ');
  if (TOO_LARGE.test(sentence.replace('engine error: ', '')))
    return 'it takes more than the 4 GiB of memory that a model may have: make its height fields, textures, meshes or sizes smaller';
  return sentence === '' ? 'its parser or compiler rejected it' : sentence.replace(/\.$/, '');
}
