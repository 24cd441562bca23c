import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { EnvironmentOptions } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { taskTemplate } from '../../scripts/taskTemplate.js';
import { sendError, thrownWords } from '../../src/errors.js';
import { FailedStarts } from '../../src/training/failedStarts.js';
import { rlpdIn } from '../scripts/commandLine.js';
import { temporaryFolder } from '../training/smallRun.js';

type Context = Parameters<typeof temporaryFolder>[0];
const { module: lift, model } = taskTemplate('lift', './lift.mjs');

/** The module's path. */
async function moduleWith(context: Context, text: string): Promise<string> {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, 'lift.mjs'), text);
  await writeFile(join(folder, 'lift.xml'), model);
  return join(folder, 'lift.mjs');
}

/** Makes it and plays one step. */
async function play(module: string, options: EnvironmentOptions = { observations: 'state' }) {
  const environment = await makeEnv(module, options);
  environment.reset({ seed: 0 });
  return environment.step(new Float32Array(environment.spec.actionSize));
}

const reward = 'reward: () => -distance(),';
const game = (changes: string): string => `
  const state = () => Float32Array.of(0);
  const environment = {
    observationSpace: { images: [], state: { shape: [1], low: -1, high: 1, dtype: 'float32' } },
    actionSpace: { shape: [1], low: -1, high: 1, dtype: 'float32' },
    spec: { task: 'game', actionRepeat: 1, controlTimestep: 1, maxEnvFrames: 9, actionSize: 1, actionBox: null,
      stateSize: 1, camera: 'none', renderer: 'none' },
    reset: () => ({ observation: { images: {}, state: state() }, info: {} }),
    step: () => ({ observation: { images: {}, state: state() }, reward: 1, terminated: false, truncated: false, info: {} }),
    render: () => ({ width: 8, height: 8, channels: 3, data: new Uint8Array(192) }),
    saveState: () => ({}), restoreState() {}, close() {},
    ${changes}
  };
  export default () => environment;`;

describe('what a module of one’s own throws', () => {
  const cases: Readonly<Record<string, readonly [module: string, message: RegExp]>> = {
    'a text when it is loaded': [
      `throw 'no licence.';`,
      /lift\.mjs fails when it is loaded: no licence \(a text/,
    ],
    'null when it is loaded': ['throw null;', /lift\.mjs fails when it is loaded: null was thrown/],
    'a text where the task is set up': [
      lift.replace('const mark =', `throw 'no mark';\n    const mark =`),
      /The task lift of .*lift\.mjs cannot be set up: no mark \(a text/,
    ],
    'an object where an episode begins': [
      lift.replace('initialise(random) {', 'initialise(random) { throw { code: 7 };'),
      /lift of .*lift\.mjs fails in its initialise\(\): \{"code":7\} was thrown/,
    ],
    'null in its reward': [
      lift.replace(reward, 'reward() { throw null; },'),
      /lift of .*lift\.mjs fails in its reward\(\): null was thrown, which is no Error/,
    ],
    'an error in its reward': [
      lift.replace(reward, `reward() { throw new TypeError('no weight'); },`),
      /fails in its reward\(\): no weight \(lift\.mjs, line 30\)\./,
    ],
    'nothing where it makes an environment': [
      'export default () => { throw undefined; };',
      /lift\.mjs cannot be made: undefined was thrown/,
    ],
    'a text in its environment’s step': [
      game(`step() { throw 'the game hangs'; },`),
      /The environment of .*lift\.mjs fails in its step\(\): the game hangs \(a text/,
    ],
  };
  for (const [what, [module, message]] of Object.entries(cases))
    it(`is a sentence with its path: ${what}`, async (context) => {
      await assert.rejects(play(await moduleWith(context, module)), { name: 'InputError', message });
    });

  it('is in words wherever it goes, an object with a circle too', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const words = [new Error('lost.'), new RangeError(''), 'lost', '', null, 7, circle].map(thrownWords);
    assert.deepEqual(words, [
      'lost',
      'RangeError without a message',
      'lost (a text was thrown, no Error)',
      'an empty text was thrown, which is no Error and does not say why',
      'null was thrown, which is no Error and does not say why',
      '7 was thrown, which is no Error and does not say why',
      '[object Object] was thrown, which is no Error and does not say why',
    ]);
    assert.match(sendError(null).message, /null was thrown/);
  });
});

describe('a number that is none', () => {
  const starts: Readonly<Record<string, readonly [module: string, message: RegExp]>> = {
    'in the pose of a start': [
      lift.replace('initialise(random) {', `initialise(random) { simulation.data('qpos')[0] = NaN;`),
      /An episode of lift cannot begin: qpos\[0\] is NaN; its initialise\(\) has to/,
    ],
    'as the speed of a start': [
      lift.replace('initialise(random) {', `initialise(random) { simulation.data('qvel')[0] = 1e12;`),
      /An episode of lift cannot begin: qvel\[0\] is 1000000000000;/,
    ],
    'in what is observed of a start': [
      lift.replace(`simulation.data('qpos'),`, '[NaN],'),
      /An episode of lift cannot begin: an observation is not finite/,
    ],
    'in the state that an environment begins with': [
      game('reset: () => ({ observation: { images: {}, state: Float32Array.of(NaN) } }),'),
      /lift\.mjs does not keep to its own word: its reset\(\) begins an episode in which an observation is not finite/,
    ],
  };
  for (const [where, [module, message]] of Object.entries(starts))
    it(`${where} is said in a sentence, whatever is observed`, async (context) => {
      const path = await moduleWith(context, module);
      for (const observations of ['state', 'pixels'] as const)
        await assert.rejects(play(path, { observations, imageSize: 8 }), { name: 'InputError', message });
    });

  it('in a later state of an environment ends the episode, and is no part of its reward', async (context) => {
    const step = (state: string, terms: string) =>
      game(
        `step: () => ({ observation: { state: Float32Array.of(${state}) }, reward: 1, info: { rewardTerms: ${terms} } }),`,
      );
    const bad = await play(await moduleWith(context, step('NaN', '{}')));
    assert.deepEqual([bad.reward, bad.truncated], [0, true]);
    assert.match(String(bad.info.invalid), /an observation is not finite/);
    const sound = await play(await moduleWith(context, step('1', '{ near: 1, far: NaN }')));
    // Two env frames.
    assert.deepEqual([sound.info.invalid, sound.info.rewardTerms], [undefined, { near: 2 }]);
  });

  it('at every start ends the run with exit code 2 and its reason', async (context) => {
    const path = await moduleWith(
      context,
      game('step: () => ({ observation: { state: Float32Array.of(NaN) }, reward: 1 }),'),
    );
    const { status, stderr } = await rlpdIn(
      join(path, '..'),
      ...['train', '--task', './lift.mjs', '--preset', 'online-only', '--obs', 'state', '--backend', 'cpu'],
      ...['--evaluation-episodes', '1', '--env-frames', '200', '--out', 'run'],
    );
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /20 episodes of \.\/lift\.mjs in a row went bad at their first step \(an observation/,
    );
  });

  it('once in a while ends its episode alone', () => {
    const starts = new FailedStarts();
    for (let i = 0; i < 100; i++) starts.add('lift', i % 20 === 19 ? 3 : 0, 'NaN');
    for (let i = 0; i < 19; i++) starts.add('lift', 0, 'NaN');
    assert.throws(() => starts.add('lift', 0, 'NaN'), { name: 'InputError' });
  });
});
