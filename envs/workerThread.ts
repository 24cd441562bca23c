/** The thread behind `EnvironmentWorker`: builds the environment it is told to and answers one call at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import { sendError } from '../src/errors.js';
import type { Environment, Observation } from './environment.js';
import { makeEnv } from './makeEnv.js';
import type { Answer, Opening, Question, WorkerTask } from './worker.js';

const port = parentPort;
if (port === null) throw new Error('workerThread is not run by itself: use EnvironmentWorker.');
const { task, options } = workerData as WorkerTask;

try {
  const environment = await makeEnv(task, options);
  const { spec, observationSpace, actionSpace } = environment;
  const shape = observationSpace.pixels?.shape;
  const pixels = shape === undefined ? null : new SharedArrayBuffer(shape.reduce((a, b) => a * b, 1));
  const opening: Opening = { ok: true, spec, observationSpace, actionSpace, pixels };
  const shared = pixels === null ? null : new Uint8Array(pixels);
  port.on('message', (question: Question) => {
    let answer: Answer;
    try {
      answer = { id: question.id, ok: true, result: respond(environment, question, shared) };
    } catch (error) {
      answer = { id: question.id, ok: false, ...sendError(error) };
    }
    port.postMessage(answer);
  });
  port.postMessage(opening);
} catch (error) {
  const opening: Opening = { ok: false, ...sendError(error) };
  port.postMessage(opening);
}

function respond(environment: Environment, question: Question, shared: Uint8Array | null): unknown {
  switch (question.kind) {
    case 'reset': {
      const result = environment.reset(question.seed === undefined ? {} : { seed: question.seed });
      return { ...result, observation: sharePixels(result.observation, shared) };
    }
    case 'step': {
      const result = environment.step(question.action);
      return { ...result, observation: sharePixels(result.observation, shared) };
    }
    case 'render':
      return environment.render(question.options);
    case 'saveState':
      return environment.saveState();
    case 'restoreState':
      return environment.restoreState(question.state);
  }
}

/** Moves the pixels into the shared memory; what is left travels in the message. */
function sharePixels(observation: Observation, shared: Uint8Array | null): Observation {
  if (shared === null || observation.pixels === undefined) return observation;
  shared.set(observation.pixels);
  return observation.state === undefined ? {} : { state: observation.state };
}
