/**
 * An environment that a server in another process or machine runs. Each control step is one question over the
 * connection. An episode that the connection breaks off ends as one whose simulation went bad (`info.invalid`): the
 * step in flight is not learnt from, and the next reset connects anew.
 */
import { z } from 'zod';
import { InputError } from '../../src/errors.js';
import { Generator } from '../../src/random/generator.js';
import { toUnitActions } from '../actionBox.js';
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
  StepInfo,
  StepResult,
} from '../environment.js';
import { notFinite } from '../finite.js';
import { imageNames, isImageName, UNNAMED_IMAGE } from '../imageName.js';
import { imageSpaces } from '../imageSpaces.js';
import { finiteTerms } from '../rewardTerms.js';
import { Connection, ConnectionLost } from './connection.js';
import {
  addressName,
  type Introduction,
  type IntroductionTimes,
  introduce,
  tokenVariable,
} from './introduction.js';
import {
  type Address,
  type Answer,
  type Facts,
  isLoopback,
  packRequest,
  parseAddress,
  parseAnswer,
  type Request,
  SERVER_HINT,
} from './protocol.js';
import { resize } from './resize.js';

export interface RemoteTimes extends IntroductionTimes {
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
  /** Of the protocol, as the server speaks it. */
  #version: number;
  /** What each of the server's pictures is called here, by its key. */
  readonly #names: ReadonlyMap<string, string>;
  #random: Generator;
  /** Env frames since the reset; null when an episode has to be started first. */
  #envFrames: number | null = null;
  /** Why the episode in progress cannot go on, though the learner does not know it yet. */
  #broken: string | undefined;
  /** Episodes broken off since the last step that was answered. */
  #breaks = 0;
  /** What was seen last, by name and in the server's size. */
  #pictures: ReadonlyMap<string, Frame> = new Map();

  private constructor(
    address: Address,
    connection: Connection,
    { facts, version }: Introduction,
    options: EnvironmentOptions,
    times: RemoteTimes,
  ) {
    const { observations = 'pixels', imageSize, cameras, actionRepeat = 1, seed = 0 } = options;
    this.#address = address;
    this.#where = addressName(address);
    this.#connection = connection;
    this.#facts = facts;
    this.#version = version;
    this.#times = times;
    this.#random = resetStream(seed);
    const { actionSize, actionLow, actionHigh, stateSize, images } = facts;
    if (observations === 'pixels' && images.length === 0)
      throw new InputError(
        `The environment at ${this.#where} shows no pictures: start its server with --render, or learn from its state (--obs state).`,
      );
    if (observations === 'state' && stateSize === 0)
      throw new InputError(
        `The environment at ${this.#where} observes pictures alone: learn from its pixels (--obs pixels).`,
      );
    const names = imageNames(images.map(({ key }) => key));
    const unfit = names.find((one) => !isImageName(one));
    if (unfit !== undefined)
      throw new InputError(
        `The environment at ${this.#where} calls a picture ${JSON.stringify(unfit)}, which is no name for a file: choose others with its server's --pixels.`,
      );
    this.#names = new Map(images.map(({ key }, i) => [key, names[i] as string]));
    const shown = images.map(({ shape }, i) => ({ name: names[i] as string, channels: shape[2] }));
    const seen = observations === 'state' ? [] : chosen(shown, cameras, this.#where);
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
      actionBox: actionLow && actionHigh && { low: actionLow, high: actionHigh },
      actionNames: facts.actionNames ?? null,
      stateSize,
      camera: seen[0]?.name ?? names[0] ?? UNNAMED_IMAGE,
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
    if (options.distraction !== undefined)
      throw new InputError(`distraction is not for ${task}: its server decides what its pictures show.`);
    const token = process.env[tokenVariable] ?? null;
    if (!isLoopback(address.host) && token === null)
      throw new InputError(
        `${addressName(address)} is not this machine: start the server with a token and give it here in ${tokenVariable}.`,
      );
    const connection = new Connection(address);
    try {
      const introduction = introduce(connection, address, times);
      return new RemoteEnvironment(address, connection, introduction, options, times);
    } catch (error) {
      connection.close();
      if (error instanceof ConnectionLost)
        throw new InputError(
          `No environment answers at ${addressName(address)}: ${error.message}; start its server first (envs/remote/README.md).`,
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
    const { observation, state } = this.#observe(answer);
    if (notFinite(state) !== null)
      throw new InputError(
        `The environment at ${this.#where} began an episode with a state that is not finite: numbers are expected in its answer to reset; mend the environment.`,
      );
    const instruction = answer.instruction ?? this.#facts.instruction;
    return { observation, info: { envFrames: 0, ...(instruction != null && { instruction }) } };
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
    const { observation, state } = this.#observe(answer);
    const bad = notFinite(state, answer.reward);
    if (bad !== null) return this.#breakOff(bad);
    if (answer.steps > this.spec.actionRepeat)
      return this.#breakOff(`it says that it took ${answer.steps} steps of ${this.spec.actionRepeat}`);
    const { terminated, success, rewardTerms, executed } = answer;
    const info: StepInfo = {
      envFrames: this.#envFrames,
      ...(success !== undefined && { success }),
      ...(rewardTerms !== undefined && { rewardTerms: finiteTerms(rewardTerms) }),
      ...(executed !== undefined && { executedAction: executed && this.#unitAction(executed) }),
    };
    const truncated = !terminated && (answer.truncated || this.#envFrames >= maxEnvFrames);
    if (terminated || truncated) this.#envFrames = null;
    return { observation, reward: answer.reward, terminated, truncated, info };
  }

  /**
   * The environment's own view, or what it observes through `camera` where that is named. Width and height default to
   * 64 pixels (or to each other).
   */
  render(options: RenderOptions = {}): Frame {
    const width = options.width ?? options.height ?? 64;
    const height = options.height ?? width;
    const named = this.#pictures.get(String(options.camera));
    if (named !== undefined) return resize(named, width, height);
    if (!this.#facts.renders) {
      const [first] = this.#pictures.values();
      if (first === undefined)
        throw new InputError(
          `The environment at ${this.#where} cannot be looked at: start its server with --render.`,
        );
      return resize(first, width, height);
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
    const { facts, version } = introduce(this.#connection, this.#address, this.#times);
    if (JSON.stringify(facts) !== JSON.stringify(this.#facts))
      throw new Error(`The server at ${this.#where} came back with another environment, ${facts.name}.`);
    this.#version = version;
  }

  #ask<R extends Exclude<Request, { readonly op: 'hello' }>>(request: R): Answer<R['op']> {
    const body = this.#connection.exchange(packRequest(request), this.#times.answerMs);
    return parseAnswer<R['op']>(request.op, body, this.#where, this.#version);
  }

  #observe(answer: Answer<'reset'>): { observation: Observation; state: Float32Array } {
    const { stateSize, images } = this.#facts;
    this.#pictures = new Map(
      images.map(({ key, shape }) => [
        this.#names.get(key) as string,
        this.#asFrame(answer.images[key], shape),
      ]),
    );
    if ((answer.state?.length ?? 0) !== 4 * stateSize) throw this.#misfit('a state');
    const state = unpackFloats(answer.state);
    return {
      state,
      observation: {
        images: Object.fromEntries(
          this.observationSpace.images.map(({ name, width, height }) => [
            name,
            resize(this.#pictures.get(name) as Frame, width, height).data,
          ]),
        ),
        ...(this.observationSpace.state && { state }),
      },
    };
  }

  /** What a person did, from the environment's own units. */
  #unitAction(executed: Uint8Array): Float32Array {
    const { actionSize, actionBox } = this.spec;
    if (actionBox === null)
      throw new InputError(
        `The environment at ${this.#where} says what a person did, and not the range of its actions: it cannot be learnt from; have the server's hello give actionLow and actionHigh.`,
      );
    if (executed.length !== 4 * actionSize) throw this.#misfit('an executed action');
    const action = unpackFloats(executed);
    if (!action.every(Number.isFinite))
      throw new InputError(
        `The environment at ${this.#where} says that [${action}] was executed: numbers were expected; ${SERVER_HINT}.`,
      );
    return toUnitActions(action, actionBox);
  }

  #asFrame(
    data: Uint8Array | undefined,
    [height, width, channels]: readonly [number, number, number],
  ): Frame {
    if (data?.length !== height * width * channels) throw this.#misfit('a picture');
    return { height, width, channels, data };
  }

  #misfit(what: string): InputError {
    return new InputError(
      `The environment at ${this.#where} sent ${what} of another size than it had said: ${SERVER_HINT}.`,
    );
  }
}

/** Those among the pictures shown that `cameras` names, in its order; all by default. @throws InputError for others */
function chosen<Image extends { readonly name: string }>(
  shown: readonly Image[],
  cameras: EnvironmentOptions['cameras'],
  where: string,
): Image[] {
  const wanted = cameras?.map(String) ?? shown.map(({ name }) => name);
  const names = shown.map(({ name }) => name).join(', ');
  return wanted.map((camera, i) => {
    const image = shown.find(({ name }) => name === camera);
    if (image === undefined)
      throw new InputError(
        `The environment at ${where} shows no picture "${camera}": expected one of ${names}.`,
      );
    if (wanted.indexOf(camera) !== i) throw new InputError(`The camera "${camera}" is given twice.`);
    return image;
  });
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
