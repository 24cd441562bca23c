/**
 * `node dist/test/envs/soak.js [--states N] [--steps N] [TASK | MODEL.xml …]`: what takes too long for the tests. For
 * each task, or model, N pictures of states far beyond what an episode reaches, in which no colour may be out of range or
 * not a number, and no mesh may have a hole; then, for tasks, N env frames of random actions with a picture each hundred,
 * at whose end memory must be where it was after the first tenth. Ends with exit code 1 where something was found.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { makeEnv, taskNames } from '../../envs/makeEnv.js';
import { Simulation } from '../../envs/mujoco.js';
import { Renderer } from '../../envs/renderer/renderer.js';
import { findTask } from '../../envs/suite/registry.js';
import { Generator } from '../../src/random/generator.js';
import { badColour, HoleSearch, setRandomState } from './drawnStates.js';

const framesPerPicture = 100;
/** Growth of the process that counts as a leak. */
const allowedMegabytes = 32;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    states: { type: 'string', default: '10000' },
    steps: { type: 'string', default: '1000000' },
  },
});
let failures = 0;
for (const task of positionals.length > 0 ? positionals : taskNames()) {
  const pictures = Number(values.states);
  if (pictures > 0) report(task, `${pictures} states drawn`, await drawRandomStates(task, pictures));
  const steps = isModel(task) ? 0 : Number(values.steps);
  if (steps > 0) report(task, `${steps} env frames`, await stepForLong(task, steps));
}
process.exitCode = failures > 0 ? 1 : 0;

function report(task: string, what: string, { finding, note }: { finding?: string; note: string }): void {
  if (finding !== undefined) failures++;
  process.stdout.write(`${task.padEnd(24)} ${what}: ${finding ?? 'good'}${note}\n`);
}

function isModel(name: string): boolean {
  return name.endsWith('.xml');
}

async function drawRandomStates(name: string, count: number): Promise<{ finding?: string; note: string }> {
  const { simulation, cameras } = await load(name);
  const renderer = new Renderer(simulation);
  const search = new HoleSearch(simulation, 64);
  const random = new Generator(1);
  const holes: string[] = [];
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    setRandomState(simulation, random, i);
    const camera = cameras[i % cameras.length] ?? 0;
    const bad = badColour(renderer, camera, i % 3 === 0 ? 84 : 64);
    if (bad !== undefined)
      return { finding: `state ${i} has ${bad}: ${[...simulation.data('qpos')]}`, note: '' };
    const hole = search.find(camera, random);
    if (hole !== undefined) holes.push(`state ${i} has ${hole}`);
  }
  simulation.dispose();
  const held = search.compared > 0 ? `, ${search.compared} samples of meshes held against rays` : '';
  const note = `, ${((performance.now() - started) / count).toFixed(2)} ms each${held}`;
  return holes.length > 0 ? { finding: `${holes.length} holes; ${holes[0]}`, note } : { note };
}

/** A task with its own camera, or a model with all of its cameras. */
async function load(name: string): Promise<{ simulation: Simulation; cameras: readonly number[] }> {
  if (isModel(name)) {
    const simulation = await Simulation.load(pathToFileURL(resolve(name)));
    return { simulation, cameras: Array.from({ length: simulation.count('camera') }, (_, i) => i) };
  }
  const task = findTask(name);
  const simulation = await Simulation.load(task.model);
  task.bind(simulation);
  return { simulation, cameras: [task.camera] };
}

async function stepForLong(name: string, steps: number): Promise<{ finding?: string; note: string }> {
  const environment = await makeEnv(name, { observations: 'state', actionRepeat: 1 });
  const random = new Generator(2);
  const action = new Float32Array(environment.spec.actionSize);
  let before = 0;
  let invalid = 0;
  environment.reset({ seed: 0 });
  const started = performance.now();
  for (let i = 0; i < steps; i++) {
    if (i === Math.floor(steps / 10)) before = megabytes();
    for (let a = 0; a < action.length; a++) action[a] = random.uniform(-1, 1);
    const { truncated, info, reward } = environment.step(action);
    if (info.invalid !== undefined) invalid++;
    if (!(reward >= 0 && reward <= 1)) return { finding: `reward ${reward} at env frame ${i}`, note: '' };
    if (truncated) environment.reset();
    if (i % framesPerPicture === 0) environment.render({ width: 64, height: 64 });
  }
  const grown = megabytes() - before;
  environment.close();
  const rate = steps / ((performance.now() - started) / 1000);
  const note = `, memory grew by ${grown.toFixed(1)} MB, ${invalid} episodes went bad, ${rate.toFixed(0)} env frames/s`;
  return grown > allowedMegabytes ? { finding: 'memory grows', note } : { note };
}

function megabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
}
