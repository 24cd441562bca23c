/** The program of a policy's page: sets the task up, and plays it in real time until somebody pauses it. */
import * as runtime from 'onnxruntime-web/wasm';
import type { SuiteTask } from '../../../envs/suite/task.js';
import { OnnxPolicy } from '../../onnx/onnxPolicy.js';
import { newestFrame } from '../../training/rollout.js';
import type { PageContent, PolicyPage } from '../content.js';
import { embedModel } from './embeddedModel.js';
import { contextOf, Picture, paint } from './picture.js';
import { Stage } from './stage.js';

export async function startPage(content: PageContent): Promise<void> {
  const said = element('said');
  try {
    said.textContent = 'Loading …';
    const { settings, taskModule, modelFiles } = content;
    embedModel(modelFiles, settings.model);
    runtime.env.wasm.wasmBinary = content.runtime;
    const task = findTask(taskModule, settings.task);
    const stage = await Stage.create(task, settings.environment, ({ observationSpace }) =>
      OnnxPolicy.create(runtime, content.policy, observationSpace),
    );
    show(stage);
  } catch (error) {
    said.textContent = `This page cannot run here: ${error instanceof Error ? error.message : String(error)}`;
    throw error;
  }
}

/** A module exports tasks alone or in lists. */
function findTask(module: Readonly<Record<string, unknown>>, name: string): SuiteTask {
  const found = Object.values(module)
    .flat()
    .find((value) => (value as Partial<SuiteTask> | null)?.name === name);
  if (found === undefined) throw new Error(`The page has no task "${name}".`);
  return found as SuiteTask;
}

function show(stage: Stage): void {
  const picture = new Picture(
    element('picture', HTMLCanvasElement),
    stage.simulated,
    stage.environment.spec.camera,
  );
  const eyes = stage.environment.observationSpace.images.map((space) => {
    const figure = document.createElement('figure');
    const canvas = document.createElement('canvas');
    const caption = document.createElement('figcaption');
    caption.textContent = `${space.name}, ${space.width}×${space.height}`;
    figure.append(canvas, caption);
    element('seen').append(figure);
    return { space, context: contextOf(canvas) };
  });
  element('eyes').hidden = eyes.length === 0;
  const [said, pause] = [element('said'), element('pause')];
  let isPaused = false;
  /** A whole episode is being played, and the simulation is not ours meanwhile. */
  let isBusy = false;
  let next = performance.now();
  /** Simulated seconds a second, of the last steps; the browser may be too slow for more. */
  let pace = 1;
  let stepped = next;

  const showStep = (): void => {
    picture.outdate();
    for (const { space, context } of eyes)
      paint(context, newestFrame(stage.observation.images, space), space.width, space.height);
    const slow = pace > 0.9 ? '' : ` · ${pace.toFixed(1)} × real time`;
    said.textContent = `Seed ${stage.seed} · ${(stage.steps * stage.period).toFixed(1)} s · return ${stage.return.toFixed(1)}${slow}`;
  };
  const frame = async (now: number): Promise<void> => {
    if (!isPaused && !isBusy && now >= next) {
      isBusy = true;
      picture.pull(stage.period);
      await stage.step();
      isBusy = false;
      // After a pause of the tab nothing is made up for.
      next = Math.max(next, now - 1000 * stage.period) + 1000 * stage.period;
      pace = 0.9 * pace + 0.1 * Math.min(1.5, (1000 * stage.period) / (now - stepped));
      stepped = now;
      showStep();
    }
    if (!isBusy) picture.draw();
    requestAnimationFrame(onFrame);
  };
  const onFrame = (now: number): void => {
    frame(now).catch((error: Error) => {
      said.textContent = `It stopped: ${error.message}`;
    });
  };
  const setPaused = (paused: boolean): void => {
    isPaused = paused;
    pause.textContent = paused ? 'Go on' : 'Pause';
    next = performance.now();
  };
  pause.addEventListener('click', () => setPaused(!isPaused));
  element('again').addEventListener('click', () => {
    if (isBusy) return;
    stage.reset(stage.seed + 1);
    showStep();
  });
  element('look').addEventListener('click', () => picture.lookAsBefore());
  document.addEventListener('keydown', (event) => {
    if (event.key !== ' ' || event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    setPaused(!isPaused);
  });
  const page: PolicyPage = {
    play: async (seed, maxSteps) => {
      if (isBusy) await new Promise((resolve) => setTimeout(resolve, 100));
      if (isBusy) throw new Error('An episode is being played already.');
      isBusy = true;
      try {
        return await stage.play(seed, maxSteps);
      } finally {
        isBusy = false;
        next = performance.now();
      }
    },
  };
  Object.assign(globalThis, { page });
  showStep();
  document.body.dataset.ready = 'true';
  requestAnimationFrame(onFrame);
}

function element(id: string): HTMLElement;
function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind;
function element(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page lacks its part "${id}".`);
  return found;
}
