/**
 * Varies how a task looks and leaves its physics alone: colours, the camera's place and what is behind the scene are
 * drawn anew for each episode and wander during it. Wraps an environment of single control steps, below what takes
 * pictures of it.
 */
import { z } from 'zod';
import { Generator } from '../../src/random/generator.js';
import {
  type BackgroundPool,
  type BackgroundView,
  drawBackground,
  folderPool,
  proceduralPool,
} from '../distraction/background.js';
import {
  type DistractionKind,
  type DistractionOptions,
  type DistractionScale,
  distractionKinds,
  distractionScales,
} from '../distraction/levels.js';
import type {
  Environment,
  EnvironmentSpec,
  EnvironmentState,
  Frame,
  RenderOptions,
  ResetResult,
  StepResult,
} from '../environment.js';
import type { Appearance } from '../renderer/appearance.js';
import { Wrapper } from './wrapper.js';

/** Colours that vary independently; a model with more materials uses them in turn. */
const palette = 24;
/** Wandering, in ranges: a camera's axis crosses a quarter of its range in a second at most. */
const cameraSpeed = 0.5;
const cameraJolt = 0.5;
/** Standard deviation of a colour's change in a second, in ranges. */
const colourDrift = 0.2;
/** Sides of a background a second, each way, at most. */
const backgroundSpeed = 0.1;
const filmFramesPerSecond = 30;
/** The floor gives way to the background, or most tasks would hide it. */
const floorOpacity = 0.4;

/** Everything that wanders. Camera: azimuth, elevation, roll and distance, in ranges from −1 to 1, and their speeds. */
interface Wandering {
  colours: number[];
  camera: number[];
  cameraVelocity: number[];
  background: number;
  backgroundPosition: number[];
  backgroundVelocity: number[];
  filmSeconds: number;
}

const savedStateSchema = z.object({
  random: z.object({
    seed: z.number(),
    bits: z.array(z.number()).readonly(),
    spareNormal: z.number().nullable(),
  }),
  wandering: z.object({
    colours: z.array(z.number()).length(3 * palette),
    camera: z.array(z.number()).length(4),
    cameraVelocity: z.array(z.number()).length(4),
    background: z.int().min(0),
    backgroundPosition: z.array(z.number()).length(2),
    backgroundVelocity: z.array(z.number()).length(2),
    filmSeconds: z.number(),
  }),
  inner: z.record(z.string(), z.unknown()),
});

export class Distraction extends Wrapper {
  readonly #kinds: ReadonlySet<DistractionKind>;
  readonly #scale: DistractionScale;
  readonly #backgrounds: BackgroundPool;
  readonly #spec: EnvironmentSpec;
  #random: Generator;
  #wandering: Wandering;
  #picture = new Uint8Array(0);

  private constructor(
    inner: Environment,
    options: DistractionOptions,
    backgrounds: BackgroundPool,
    seed: number,
  ) {
    super(inner);
    const { level, kinds = distractionKinds } = options;
    this.#kinds = new Set(kinds);
    this.#scale = distractionScales[level];
    this.#backgrounds = backgrounds;
    const { spec } = inner;
    const named = distractionKinds.filter((kind) => this.#kinds.has(kind)).join(' + ');
    this.#spec = { ...spec, renderer: `${spec.renderer}, ${level} distraction: ${named}` };
    this.#random = distractionStream(seed);
    this.#wandering = this.#draw();
  }

  /** @throws InputError when the folder of backgrounds holds none. */
  static async create(inner: Environment, options: DistractionOptions, seed: number): Promise<Distraction> {
    const { backgrounds: size } = distractionScales[options.level];
    const { backgrounds: folder } = options;
    const pool = folder === undefined ? proceduralPool(size) : await folderPool(folder, size);
    return new Distraction(inner, options, pool, seed);
  }

  override get spec(): EnvironmentSpec {
    return this.#spec;
  }

  override reset(options: { readonly seed?: number } = {}): ResetResult {
    if (options.seed !== undefined) this.#random = distractionStream(options.seed);
    this.#wandering = this.#draw();
    return this.inner.reset(options);
  }

  override step(action: Float32Array): StepResult {
    const result = this.inner.step(action);
    this.#wander(this.spec.controlTimestep);
    return result;
  }

  override render(options: RenderOptions = {}): Frame {
    return this.inner.render({ appearance: this.#appearance(), ...options });
  }

  override saveState(): EnvironmentState {
    return { random: this.#random.state(), wandering: this.#wandering, inner: this.inner.saveState() };
  }

  override restoreState(state: EnvironmentState): void {
    const saved = savedStateSchema.parse(state);
    this.inner.restoreState(saved.inner);
    this.#random.restore(saved.random);
    this.#wandering = saved.wandering;
  }

  #appearance(): Appearance {
    const { colours, camera, background, backgroundPosition, filmSeconds } = this.#wandering;
    const { colour, turn, distance } = this.#scale;
    const [azimuth, elevation, roll, zoom] = camera as [number, number, number, number];
    const [x, y] = backgroundPosition as [number, number];
    const view: BackgroundView = { x, y, frame: Math.floor(filmSeconds * filmFramesPerSecond) };
    return {
      ...(this.#kinds.has('colour') && { colours: colours.map((range) => range * colour) }),
      ...(this.#kinds.has('camera') && {
        camera: {
          azimuth: azimuth * turn,
          elevation: elevation * turn,
          roll: roll * turn,
          distance: 1 + Math.abs(zoom) * (distance[zoom < 0 ? 0 : 1] - 1),
        },
      }),
      ...(this.#kinds.has('background') && {
        background: {
          floorOpacity,
          picture: (width: number, height: number) => {
            const bytes = width * height * 3;
            if (this.#picture.length !== bytes) this.#picture = new Uint8Array(bytes);
            drawBackground(this.#backgrounds.get(background), view, width, height, this.#picture);
            return this.#picture;
          },
        },
      }),
    };
  }

  /** A new episode's look. Everything is drawn whatever varies, so that a kind looks the same with or without the others. */
  #draw(): Wandering {
    const random = this.#random;
    const ranges = (count: number, furthest = 1) =>
      Array.from({ length: count }, () => random.uniform(-furthest, furthest));
    return {
      colours: ranges(3 * palette),
      camera: ranges(4),
      cameraVelocity: ranges(4, cameraSpeed),
      background: random.integer(this.#backgrounds.size),
      backgroundPosition: [random.uniform(), random.uniform()],
      backgroundVelocity: ranges(2, backgroundSpeed),
      filmSeconds: random.uniform(0, 10),
    };
  }

  #wander(seconds: number): void {
    const random = this.#random;
    const before = this.#wandering;
    const jolt = Math.sqrt(seconds);
    const cameraVelocity = before.cameraVelocity.map((speed, axis) => {
      const next = clamp(speed + cameraJolt * jolt * random.normal(), cameraSpeed);
      // At an end of its range an axis turns back.
      const place = before.camera[axis] as number;
      return Math.abs(place + next * seconds) > 1 ? -Math.sign(place) * Math.abs(next) : next;
    });
    this.#wandering = {
      ...before,
      colours: before.colours.map((colour) => clamp(colour + colourDrift * jolt * random.normal(), 1)),
      camera: before.camera.map((place, axis) =>
        clamp(place + (cameraVelocity[axis] as number) * seconds, 1),
      ),
      cameraVelocity,
      backgroundPosition: before.backgroundPosition.map(
        (place, axis) => place + (before.backgroundVelocity[axis] as number) * seconds,
      ),
      filmSeconds: before.filmSeconds + seconds,
    };
  }
}

function distractionStream(seed: number): Generator {
  return new Generator(seed).child('distraction');
}

function clamp(value: number, furthest: number): number {
  return Math.max(-furthest, Math.min(furthest, value));
}
