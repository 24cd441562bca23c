/**
 * A program is a fixed sequence of kernels over inputs of fixed shape. Everywhere it runs eagerly, as the JavaScript
 * it is; on the torch backend its first run is recorded and later runs replay the recording natively, off the main
 * thread, with the inputs copied in. Both give the same numbers.
 *
 * What a body must keep to: no reads, no decision that depends on data, nothing that changes from run to run unless
 * it is an input; it writes to variables through the in-place kernels (`AdamUpdate`, `EmaUpdate`) where the backend
 * has them. While a run is pending nothing but further runs may be asked of the backend: they follow in turn, and a
 * replay follows another at once, without a word to the main thread between them.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TorchBackend } from './torch/torchBackend.js';

export interface ProgramInput {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

export interface ProgramOptions<Names extends string> {
  readonly name: string;
  readonly inputs: Readonly<Record<Names, ProgramInput>>;
  /** Returns the numbers to be read back, such as losses. */
  readonly body: (tensors: Readonly<Record<Names, tf.Tensor>>) => tf.Tensor1D;
  /** Whether to record where the backend can; default: as the backend was selected. */
  readonly record?: boolean;
}

export interface Program<Names extends string> {
  /**
   * One run, after those that are pending, of whichever program. The arrays stay the caller's, unchanged until it is
   * done, and so do frames that pending runs read.
   * @throws Error when an input is missing or of another size, when a kernel fails (with the kernel's name), and when
   *   a run fails that was pending as this one was asked for: then it is not run.
   */
  run(inputs: Readonly<Record<Names, Float32Array | Int32Array>>): Promise<Float32Array>;
  dispose(): void;
}

/** A recording, and the variables it was made with: when one of them holds other memory, it is out of date. */
interface Recording {
  readonly backend: TorchBackend;
  readonly tape: number;
  readonly variables: readonly { variable: tf.Variable; dataId: object }[];
}

/** Of all programs, the pending run that was asked for last; `handedOver`: it was a replay, and the engine has it. */
let lastRun: { readonly result: Promise<Float32Array>; readonly handedOver: boolean } | undefined;

export function createProgram<Names extends string>(options: ProgramOptions<Names>): Program<Names> {
  const names = Object.keys(options.inputs) as Names[];
  let recording: Recording | undefined;
  let pending = 0;
  let disposed = false;

  function check(inputs: Readonly<Record<Names, Float32Array | Int32Array>>): void {
    if (disposed) throw new Error(`Program ${options.name} was disposed.`);
    for (const name of names) {
      const { shape, dtype } = options.inputs[name];
      const values = inputs[name];
      const fits = dtype === 'int32' ? values instanceof Int32Array : values instanceof Float32Array;
      const size = tf.util.sizeFromShape([...shape]);
      if (!fits || values.length !== size) {
        throw new Error(`Program ${options.name} takes ${size} ${dtype} numbers as its input "${name}".`);
      }
    }
  }

  function tensors(inputs: Readonly<Record<Names, Float32Array | Int32Array>>): Record<Names, tf.Tensor> {
    return Object.fromEntries(
      names.map((name) => {
        const { shape, dtype } = options.inputs[name];
        return [name, tf.tensor(inputs[name], [...shape], dtype)];
      }),
    ) as Record<Names, tf.Tensor>;
  }

  /** Runs the body and makes sure that nothing but its result outlives it. */
  function runBody(given: Record<Names, tf.Tensor>): tf.Tensor1D {
    const before = tf.memory().numTensors;
    const result = tf.tidy(() => options.body(given));
    const left = tf.memory().numTensors - before - 1;
    if (left !== 0) {
      result.dispose();
      throw new Error(
        `The body of program ${options.name} leaves ${left} tensors behind: make variables before its first run.`,
      );
    }
    return result;
  }

  async function eager(inputs: Readonly<Record<Names, Float32Array | Int32Array>>): Promise<Float32Array> {
    const given = tensors(inputs);
    try {
      const result = runBody(given);
      const numbers = await result.data<'float32'>();
      result.dispose();
      return numbers;
    } finally {
      tf.dispose(given);
    }
  }

  function record(
    backend: TorchBackend,
    inputs: Readonly<Record<Names, Float32Array | Int32Array>>,
  ): Float32Array {
    const given = tensors(inputs);
    const variables = Object.values(tf.engine().registeredVariables).map((variable) => ({
      variable,
      dataId: variable.dataId,
    }));
    try {
      backend.addon.beginRecording(names.map((name) => backend.handle(given[name])));
      let result: tf.Tensor1D;
      try {
        result = runBody(given);
      } catch (error) {
        backend.addon.endRecording(-1);
        throw error;
      }
      const tape = backend.addon.endRecording(backend.handle(result));
      const assigned = variables.find(({ variable, dataId }) => variable.dataId !== dataId);
      if (assigned !== undefined) {
        backend.addon.releaseTape(tape);
        result.dispose();
        throw new Error(
          `Program ${options.name} assigns variable ${assigned.variable.name}, which a recording cannot repeat: update it in place.`,
        );
      }
      recording = { backend, tape, variables };
      const numbers = result.dataSync<'float32'>();
      result.dispose();
      return numbers;
    } finally {
      tf.dispose(given);
    }
  }

  /** The recording, unless its variables are gone, were restored to new memory, or live on another backend. */
  function currentRecording(backend: TorchBackend): Recording | undefined {
    const isCurrent =
      recording?.backend === backend &&
      backend.addon.isCurrent(recording.tape) &&
      recording.variables.every(({ variable, dataId }) => variable.isDisposed || variable.dataId === dataId);
    return isCurrent ? recording : undefined;
  }

  function forget(): void {
    recording?.backend.addon.releaseTape(recording.tape);
    recording = undefined;
  }

  /** Where a run can be replayed; undefined where it has to be eager. */
  function recorder(): TorchBackend | undefined {
    const backend = tf.backend();
    return backend instanceof TorchBackend && (options.record ?? backend.settings.record)
      ? backend
      : undefined;
  }

  async function runAfter(
    before: Promise<Float32Array> | undefined,
    inputs: Readonly<Record<Names, Float32Array | Int32Array>>,
  ): Promise<Float32Array> {
    pending++;
    try {
      // Without one before it the run begins at once.
      if (before !== undefined) {
        await before.catch(() => {
          throw new Error(`Program ${options.name} was not run, because a run before it failed.`);
        });
      }
      const backend = recorder();
      if (backend === undefined) return await eager(inputs);
      const current = currentRecording(backend);
      if (current === undefined) {
        forget();
        return record(backend, inputs);
      }
      return await backend.replay(
        current.tape,
        names.map((name) => inputs[name]),
      );
    } finally {
      pending--;
    }
  }

  return {
    run(inputs) {
      try {
        check(inputs);
      } catch (error) {
        // It was never begun: those that are pending still are what the next one follows.
        return Promise.reject(error);
      }
      const before = lastRun;
      const backend = recorder();
      const handedOver =
        before?.handedOver !== false && backend !== undefined && currentRecording(backend) !== undefined;
      const run = { result: runAfter(handedOver ? undefined : before?.result, inputs), handedOver };
      lastRun = run;
      const forgetRun = (): void => {
        if (lastRun === run) lastRun = undefined;
      };
      run.result.then(forgetRun, forgetRun);
      return run.result;
    },
    dispose() {
      if (pending > 0)
        throw new Error(`Program ${options.name} is running: await its run before disposing it.`);
      forget();
      disposed = true;
    },
  };
}
