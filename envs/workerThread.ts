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
  const images = observationSpace.images.map(
    ({ height, width, channels, frameStack }) =>
      new SharedArrayBuffer(height * width * channels * frameStack),
  );
  const opening: Opening = { ok: true, spec, observationSpace, actionSpace, images };
  const shared = new Map(
    observationSpace.images.map(({ name }, i) => [name, new Uint8Array(images[i] as SharedArrayBuffer)]),
  );
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

function respond(
  environment: Environment,
  question: Question,
  shared: ReadonlyMap<string, Uint8Array>,
): unknown {
  switch (question.kind) {
    case 'reset': {
      const result = environment.reset(question.seed === undefined ? {} : { seed: question.seed });
      return { ...result, observation: shareImages(result.observation, shared) };
    }
    case 'step': {
      const result = environment.step(question.action);
      return { ...result, observation: shareImages(result.observation, shared) };
    }
    case 'render':
      return environment.render(question.options);
    case 'saveState':
      return environment.saveState();
    case 'restoreState':
      return environment.restoreState(question.state);
  }
}

/** Moves the images into the shared memory; what is left travels in the message. */
function shareImages(observation: Observation, shared: ReadonlyMap<string, Uint8Array>): Observation {
  for (const [name, image] of shared) image.set(observation.images[name] as Uint8Array);
  return { ...observation, images: {} };
}
