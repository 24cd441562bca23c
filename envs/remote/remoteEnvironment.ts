/**
 * An environment that a server in another process or machine runs. Each control step is one question over the
 * connection. An episode that the connection breaks off ends as one whose simulation went bad (`info.invalid`): the
 * step in flight is not learnt from, and the next reset connects anew.
 */
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';
import type {
  BoxSpace,
  Environment,
  EnvironmentOptions,
  EnvironmentSpec,
  EnvironmentState,
  Frame,
  Observation,
  ObservationSpace,
  RenderOptions,
  ResetResult,
  StepResult,
} from '../environment.js';
import { imageSpaces } from '../imageSpaces.js';
import { Connection, ConnectionLost } from './connection.js';
import {
  type Address,
  type Answer,
  type Facts,
  isLoopback,
  packRequest,
  parseAddress,
  parseAnswer,
  protocolVersion,
  type Request,
} from './protocol.js';
import { resize } from './resize.js';

export interface RemoteTimes {
  /** For connecting once. */
  readonly connectMs: number;
  /** For an answer; resets and first pictures are slow in some environments. */
  readonly answerMs: number;
  /** A reset tries this long to reach a server that went away. */
  readonly reconnectMs: number;
}

const defaultTimes: RemoteTimes = { connectMs: 5000, answerMs: 60_000, reconnectMs: 30_000 };
/** Between two attempts to reach a server that went away. */
const retryMs = 500;
/** Episodes that break off in a row without a step before the environment is given up. */
const maxBreaks = 3;
/** Where the environment names no limit of its own. */
const defaultMaxSteps = 1000;
/** What its one picture is called. */
const imageName = 'remote';
/** Holds the token that the server was started with. */
const tokenVariable = 'RLPD_REMOTE_TOKEN';

const savedStateSchema = z.object({
  random: z.object({
    seed: z.number(),
    bits: z.array(z.number()).readonly(),
    spareNormal: z.number().nullable(),
  }),
  envFrames: z.int().min(0),
});

export class RemoteEnvironment implements Environment {
  readonly actionSpace: BoxSpace;
  readonly observationSpace: ObservationSpace;
  readonly spec: EnvironmentSpec;
  readonly #address: Address;
  readonly #where: string;
  readonly #connection: Connection;
  readonly #times: RemoteTimes;
  readonly #facts: Facts;
  #random: Generator;
  /** Env frames since the reset; null when an episode has to be started first. */
  #envFrames: number | null = null;
  /** Why the episode in progress cannot go on, though the learner does not know it yet. */
  #broken: string | undefined;
  /** Episodes broken off since the last step that was answered. */
  #breaks = 0;
  /** What was seen last, in the server's size. */
  #picture: Frame | undefined;

  private constructor(
    address: Address,
    connection: Connection,
    facts: Facts,
    options: EnvironmentOptions,
    times: RemoteTimes,
  ) {
    const { observations = 'pixels', imageSize, actionRepeat = 1, seed = 0 } = options;
    this.#address = address;
    this.#where = name(address);
    this.#connection = connection;
    this.#facts = facts;
    this.#times = times;
    this.#random = resetStream(seed);
    const { actionSize, stateSize, pixels } = facts;
    if (observations === 'pixels' && pixels === null)
      throw new InputError(
        `The environment at ${this.#where} shows no pictures: start its server with --render, or learn from its state (--obs state).`,
      );
    if (observations === 'state' && stateSize === 0)
      throw new InputError(
        `The environment at ${this.#where} observes pictures alone: learn from its pixels (--obs pixels).`,
      );
    const seen =
      observations === 'state' || pixels === null ? [] : [{ name: imageName, channels: pixels[2] }];
    this.actionSpace = { shape: [actionSize], low: -1, high: 1, dtype: 'float32' };
    this.observationSpace = {
      images: imageSpaces(seen, { imageSize, frameStack: 1 }),
      ...(observations !== 'pixels' &&
        stateSize > 0 && {
          state: { shape: [stateSize], low: -Infinity, high: Infinity, dtype: 'float32' },
        }),
    };
    this.spec = {
      task: facts.name,
      actionRepeat,
      controlTimestep: facts.timestep,
      maxEnvFrames: facts.maxSteps ?? defaultMaxSteps,
      actionSize,
      actionBox: null,
      stateSize,
      camera: imageName,
      renderer: facts.renderer,
    };
  }

  /**
   * Connects. `options` are those of `makeEnv`, but for `frameStack`; `both` observes what there is of the two.
   * @throws InputError where nothing answers there, the token is not the server's, or the options ask for what it
   *   does not have
   */
  static create(task: string, options: EnvironmentOptions, times = defaultTimes): RemoteEnvironment {
    const address = parseAddress(task);
    for (const option of ['cameras', 'distraction'] as const)
      if (options[option] !== undefined)
        throw new InputError(`${option} is not for ${task}: its server decides what its pictures show.`);
    const token = process.env[tokenVariable] ?? null;
    if (!isLoopback(address.host) && token === null)
      throw new InputError(
        `${name(address)} is not this machine: start the server with a token and give it here in ${tokenVariable}.`,
      );
    const connection = new Connection(address);
    try {
      const facts = introduce(connection, address, times);
      return new RemoteEnvironment(address, connection, facts, options, times);
    } catch (error) {
      connection.close();
      if (error instanceof ConnectionLost)
        throw new InputError(
          `No environment answers at ${name(address)}: ${error.message}; start its server first (envs/remote/README.md).`,
        );
      throw error;
    }
  }

  reset(options: { readonly seed?: number } = {}): ResetResult {
    if (options.seed !== undefined) this.#random = resetStream(options.seed);
    const seed = this.#random.bits32() >>> 1;
    const answer = this.#resetAnswer(seed);
    this.#envFrames = 0;
    this.#broken = undefined;
    const { observation, isSound } = this.#observe(answer);
    if (!isSound) throw new Error(`The environment at ${this.#where} began with a state that is not finite.`);
    return { observation, info: { envFrames: 0 } };
  }

  /** @param action `[A]`; values outside [−1, 1] are clipped. */
  step(action: Float32Array): StepResult {
    if (this.#envFrames === null) throw new Error('step was called without an episode: call reset first.');
    if (this.#broken !== undefined) return this.#breakOff(this.#broken);
    const { actionSize, actionRepeat, maxEnvFrames } = this.spec;
    const repeat = Math.min(actionRepeat, maxEnvFrames - this.#envFrames);
    let answer: Answer<'step'>;
    try {
      answer = this.#ask({ op: 'step', action: packAction(action, actionSize), repeat });
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      const reason = `the connection to ${this.#where} was lost: ${error.message}`;
      if (++this.#breaks >= maxBreaks)
        throw new Error(`${this.#breaks} episodes in a row broke off at their first step: ${reason}.`);
      return this.#breakOff(reason);
    }
    this.#envFrames += answer.steps;
    this.#breaks = 0;
    const { observation, isSound } = this.#observe(answer);
    if (!isSound || !Number.isFinite(answer.reward)) return this.#breakOff('an observation is not finite');
    const { terminated, success } = answer;
    const info = { envFrames: this.#envFrames, ...(success !== undefined && { success }) };
    const truncated = !terminated && (answer.truncated || this.#envFrames >= maxEnvFrames);
    if (terminated || truncated) this.#envFrames = null;
    return { observation, reward: answer.reward, terminated, truncated, info };
  }

  /** Width and height default to 64 pixels (or to each other). */
  render(options: RenderOptions = {}): Frame {
    const width = options.width ?? options.height ?? 64;
    const height = options.height ?? width;
    if (!this.#facts.renders) {
      if (this.#picture === undefined)
        throw new InputError(
          `The environment at ${this.#where} cannot be looked at: start its server with --render.`,
        );
      return resize(this.#picture, width, height);
    }
    const { pixels, shape } = this.#ask({ op: 'render' });
    return resize(this.#asFrame(pixels, shape), width, height);
  }

  /** The stream of episodes; an episode in progress stays with the server and cannot be saved. */
  saveState(): EnvironmentState {
    return { random: this.#random.state(), envFrames: this.#envFrames ?? 0 };
  }

  /** The episode in progress ends, not learnt from, at the next step. */
  restoreState(state: EnvironmentState): void {
    const saved = savedStateSchema.parse(state);
    this.#random.restore(saved.random);
    this.#envFrames = saved.envFrames;
    this.#broken = `${this.#where} cannot be put back into the middle of an episode`;
  }

  close(): void {
    this.#connection.close();
  }

  #breakOff(invalid: string): StepResult {
    const envFrames = this.#envFrames ?? 0;
    this.#envFrames = null;
    const { images, state } = this.observationSpace;
    return {
      observation: {
        images: Object.fromEntries(
          images.map(({ name, height, width, channels }) => [
            name,
            new Uint8Array(height * width * channels),
          ]),
        ),
        ...(state && { state: new Float32Array(this.#facts.stateSize) }),
      },
      reward: 0,
      terminated: false,
      truncated: true,
      info: { envFrames, invalid },
    };
  }

  /** Tries again, over a new connection, where there is none. */
  #resetAnswer(seed: number): Answer<'reset'> {
    const deadline = performance.now() + this.#times.reconnectMs;
    let isConnected = this.#broken === undefined;
    for (;;) {
      try {
        if (!isConnected) this.#reconnect();
        isConnected = true;
        return this.#ask({ op: 'reset', seed });
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        if (performance.now() >= deadline)
          throw new Error(
            `The environment at ${this.#where} went away: ${error.message}. Start its server again; the run goes on with --resume.`,
          );
        if (!isConnected) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
        isConnected = false;
      }
    }
  }

  #reconnect(): void {
    const facts = introduce(this.#connection, this.#address, this.#times);
    if (JSON.stringify(facts) !== JSON.stringify(this.#facts))
      throw new Error(`The server at ${this.#where} came back with another environment, ${facts.name}.`);
  }

  #ask<R extends Request>(request: R): Answer<R['op']> {
    const body = this.#connection.exchange(packRequest(request), this.#times.answerMs);
    return parseAnswer<R['op']>(request.op, body, this.#where);
  }

  #observe(answer: Answer<'reset'>): { observation: Observation; isSound: boolean } {
    const { stateSize, pixels } = this.#facts;
    if (pixels !== null) {
      this.#picture = this.#asFrame(answer.pixels, pixels);
    }
    if ((answer.state?.length ?? 0) !== 4 * stateSize) throw this.#misfit('state');
    const state = unpackFloats(answer.state);
    return {
      isSound: state.every(Number.isFinite),
      observation: {
        images: Object.fromEntries(
          this.observationSpace.images.flatMap(({ name, width, height }) =>
            this.#picture === undefined ? [] : [[name, resize(this.#picture, width, height).data]],
          ),
        ),
        ...(this.observationSpace.state && { state }),
      },
    };
  }

  #asFrame(data: Uint8Array | null, [height, width, channels]: readonly [number, number, number]): Frame {
    if (data?.length !== height * width * channels) throw this.#misfit('picture');
    return { height, width, channels, data };
  }

  #misfit(what: string): Error {
    return new Error(`The environment at ${this.#where} sent a ${what} of another size than it had said.`);
  }
}

/** Connects and exchanges hellos. @throws ConnectionLost, InputError */
function introduce(connection: Connection, address: Address, times: RemoteTimes): Facts {
  connection.connect(times.connectMs);
  const token = process.env[tokenVariable] ?? null;
  const body = connection.exchange(
    packRequest({ op: 'hello', protocol: protocolVersion, token }),
    times.answerMs,
  );
  return parseAnswer('hello', body, name(address));
}

function name({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Each reset has a seed from here, so episodes repeat where the environment keeps to its seed. */
function resetStream(seed: number): Generator {
  return new Generator(seed).child('remote episodes');
}

/** float32, least significant byte first. @throws Error for NaN or another number of values. */
function packAction(action: Float32Array, size: number): Uint8Array {
  if (action.length !== size || action.some(Number.isNaN))
    throw new Error(`An action of ${size} numbers was expected, and [${action}] came.`);
  const view = new DataView(new ArrayBuffer(4 * size));
  for (const [i, value] of action.entries()) view.setFloat32(4 * i, Math.max(-1, Math.min(1, value)), true);
  return new Uint8Array(view.buffer);
}

function unpackFloats(packed: Uint8Array | null): Float32Array {
  if (packed === null) return new Float32Array(0);
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return Float32Array.from({ length: packed.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
