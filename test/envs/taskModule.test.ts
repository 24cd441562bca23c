import assert from 'node:assert/strict';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { makeEnv } from '../../envs/makeEnv.js';
import { lastingTask, registerTask } from '../../envs/suite/registry.js';
import type { SuiteTask } from '../../envs/suite/task.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { taskTemplate } from '../../scripts/taskTemplate.js';
import { InputError } from '../../src/errors.js';
import { readConfig } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { rlpdIn } from '../scripts/commandLine.js';
import { smallConfig, smallSettings, temporaryFolder } from '../training/smallRun.js';

const page = new URL('../../../envs/TASKS.md', import.meta.url);

/** A folder with `files` in it, text by path. */
async function folderWith(
  context: { after(clean: () => Promise<void>): void },
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = await temporaryFolder(context);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const { module: liftModule, model: liftModel } = taskTemplate('lift', './tasks/lift.mjs');
const lift = { 'tasks/lift.mjs': liftModule, 'tasks/lift.xml': liftModel };

describe('a module whose task has an expert', () => {
  const withExpert = (demonstrate: string): Record<string, string> => ({
    'tasks/lift.mjs': liftModule.replace(
      '      // Each env frame',
      `      demonstrate: ${demonstrate},\n      // Each env frame`,
    ),
    'tasks/lift.xml': liftModel,
  });
  const collect = (folder: string) =>
    rlpdIn(
      folder,
      ...['collect', '--task', './tasks/lift.mjs', '--level', 'demonstration', '--episodes', '1'],
      ...['--keep-successes', '--image-size', '8', '--workers', '1', '--out', 'data', '--json'],
    );

  it('is recorded by it', async (context) => {
    const climb = `() => {
        const way = simulation.geomPosition(mark, 2) - simulation.bodyPosition(weight, 2);
        return Float32Array.of(Math.max(-1, Math.min(1, 2 * way - 0.3 * simulation.data('qvel')[0])));
      }`;
    const folder = await folderWith(context, withExpert(climb));
    const { status, stdout, stderr } = await collect(folder);
    assert.equal(status, 0, stderr);
    assert.equal((JSON.parse(stdout) as { succeeded: number }).succeeded, 1);
  });

  it('is told where what the expert gives is no action', async (context) => {
    const folder = await folderWith(context, withExpert('() => Float32Array.of(2)'));
    const { status, stderr } = await collect(folder);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /demonstrate\(\) of .*lift\.mjs gives is no action: expected a Float32Array of 1 numbers/,
    );
  });
});

describe('the worked example of the page', () => {
  it('has 60 lines at most and is what rlpd task new writes', async (context) => {
    const text = await readFile(page, 'utf8');
    const [js, xml] = ['js', 'xml'].map(
      (kind) => new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, 's').exec(text)?.[1] ?? '',
    );
    assert.ok(`${js}${xml}`.split('\n').length <= 60);
    const folder = await temporaryFolder(context);
    const written = await rlpdIn(folder, 'task', 'new', 'lift', '--json');
    assert.equal(written.status, 0, written.stderr);
    assert.equal((JSON.parse(written.stdout) as { task: string }).task, './tasks/lift.mjs');
    assert.equal(await readFile(join(folder, 'tasks/lift.mjs'), 'utf8'), js);
    assert.equal(await readFile(join(folder, 'tasks/lift.xml'), 'utf8'), xml);
    assert.match(await readFile(join(folder, 'tasks/README.md'), 'utf8'), /--task \.\/tasks\/lift\.mjs/);
    assert.equal((await rlpdIn(folder, 'task', 'new', 'lift')).status, 2);
  });

  it('is listed, drawn, trained, recorded and evaluated, and a run that was moved with it finds it again', async (context) => {
    const folder = await folderWith(context, {
      ...lift,
      'small.json': JSON.stringify({ ...smallSettings, task: undefined, envFrames: 400 }),
    });
    const listed = await rlpdIn(
      folder,
      'tasks',
      '--task',
      './tasks/lift.mjs',
      '--sheet',
      'lift.png',
      '--json',
    );
    assert.equal(listed.status, 0, listed.stderr);
    const { tasks } = JSON.parse(listed.stdout) as { tasks: { task: string; stateSize: number }[] };
    assert.deepEqual(
      tasks.map(({ task, stateSize }) => [task, stateSize]),
      [['./tasks/lift.mjs', 3]],
    );

    const trained = await rlpdIn(
      folder,
      'train',
      '--task',
      './tasks/lift.mjs',
      '--config',
      'small.json',
      '--json',
    );
    assert.equal(trained.status, 0, trained.stderr);
    assert.equal((JSON.parse(trained.stdout) as { run: string }).run, 'runs/lift');

    const data = [
      'collect',
      '--task',
      './tasks/lift.mjs',
      '--level',
      'random',
      '--episodes',
      '6',
      '--image-size',
      '64',
    ];
    assert.equal((await rlpdIn(folder, ...data, '--workers', '1', '--out', 'data')).status, 0);
    const manifest = JSON.parse(await readFile(join(folder, 'data/manifest.json'), 'utf8')) as {
      task: string;
    };
    assert.equal(manifest.task, 'lift');
    const held = await rlpdIn(
      folder,
      ...['dataset', 'doctor', 'data', '--task', './tasks/lift.mjs', '--json'],
    );
    const { findings } = JSON.parse(held.stdout) as { findings: { check: string }[] };
    // Rewards below 0 and episodes of many lengths are doubtful in the suite alone.
    assert.ok(
      findings.every(({ check }) => !/reward|length/.test(check)),
      held.stdout,
    );

    const moved = await temporaryFolder(context);
    await rename(folder, join(moved, 'project'));
    const evaluate = [
      'evaluate',
      '--run',
      'project/runs/lift',
      '--episodes',
      '2',
      '--workers',
      '1',
      '--json',
    ];
    const scored = await rlpdIn(moved, ...evaluate);
    assert.equal(scored.status, 0, scored.stderr);
    const longer = await rlpdIn(
      moved,
      'train',
      '--out',
      'project/runs/lift',
      '--resume',
      '--env-frames',
      '500',
    );
    assert.equal(longer.status, 0, longer.stderr);

    await rename(join(moved, 'project/tasks'), join(moved, 'project/elsewhere'));
    const lost = await rlpdIn(moved, ...evaluate);
    assert.equal(lost.status, 2);
    assert.match(
      lost.stderr,
      /\.\/tasks\/lift\.mjs is not there: .*folders above project\/runs\/lift; .*--task/,
    );
    const resume = ['train', '--out', 'project/runs/lift', '--resume', '--env-frames', '600'];
    const found = await rlpdIn(moved, ...resume, '--task', './project/elsewhere/lift.mjs');
    assert.equal(found.status, 0, found.stderr);
  });
});

describe('a module of tasks', () => {
  const many = `const task = (name) => ({ name, model: new URL('./lift.xml', import.meta.url), controlTimestep: 0.02,
    maxEnvFrames: 5, camera: 0,
    bind: (s) => ({ initialise() {}, observe: () => ({ q: s.data('qpos') }), reward: () => 1 }) });
    export const tasks = [task('low'), task('high')]; export const speed = 3;`;

  it('gives the task that is named, also in a thread of its own', async (context) => {
    const folder = await folderWith(context, { 'many.mjs': many, 'lift.xml': liftModel });
    const task = `${join(folder, 'many.mjs')}#high`;
    const here = await makeEnv(task, { observations: 'state' });
    assert.equal(here.spec.task, 'high');
    here.close();
    const there = await EnvironmentWorker.create(task, { imageSize: 8 });
    assert.equal(there.spec.task, 'high');
    await there.close();
    await assert.rejects(makeEnv(join(folder, 'many.mjs')), /several tasks: .*many\.mjs#low .*low, high/);
    await assert.rejects(makeEnv(`${join(folder, 'many.mjs')}#mid`), /no task named "mid": it has low, high/);
  });

  const wrong: Readonly<Record<string, readonly [module: string, message: RegExp, model?: string]>> = {
    'does not parse': [`export const a = 1;\nexport const = 3;`, /own\.mjs cannot be loaded: .*\(line 2\)/],
    'throws when loaded': [
      `throw new Error('no licence')`,
      /own\.mjs fails when it is loaded: no licence \(own\.mjs, line 1\)\./,
    ],
    'imports what is not there': [`import 'not-installed-anywhere';`, /own\.mjs .*not-installed-anywhere/],
    'exports no task': [`export const size = 3;`, /own\.mjs exports no task: .*rlpd task new/],
    'exports half a task': [
      `export const t = { name: 'own', bind() {} };`,
      /"model" of the task that .*own\.mjs exports as "t" is not usable: .*new URL/,
    ],
    'takes a name of the suite': [
      liftModule.replace("'lift'", "'walker-walk'"),
      /"walker-walk", and so has the suite/,
    ],
    'has a model that is not there': [
      liftModule.replace('lift.xml', 'gone.xml'),
      /gone\.xml: there is no file/,
    ],
    'has a model that MuJoCo refuses': [
      liftModule,
      /lift\.xml: bad format in attribute 'size', Element 'geom', line 8\./,
      liftModel
        .replace('0.5 0.01 0.02', '0.5 wide 0.02')
        .replace('<geom name="floor"', '\n<geom name="floor"'),
    ],
    'has a model that is no XML': [
      liftModule,
      /lift\.xml: .*line number/i,
      liftModel.replace('</worldbody>', ''),
    ],
    'looks for what the model lacks': [
      liftModule.replace("'weight'", "'crate'"),
      /The task lift of .*own\.mjs cannot be set up: .*"crate"/,
    ],
    'has a motor without a range': [
      liftModule,
      /actuator lift has no ctrlrange/,
      liftModel.replace(' ctrlrange="-1 1"', ''),
    ],
    'has a camera too many': [
      liftModule.replace('camera: 0', 'camera: 2'),
      /camera is 2, and the model has 1/,
    ],
    'steps between the model’s steps': [
      liftModule.replace('controlTimestep: 0.02', 'controlTimestep: 0.025'),
      /controlTimestep is 0\.025 s, and no whole multiple of .*0\.01 s/,
    ],
    'returns no reward': [liftModule.replace('reward:', 'prize:'), /what its bind returns has no reward\(\)/],
    'makes no environment': [
      `export default () => ({ reset() {} })`,
      /own\.mjs makes is no environment: "observationSpace"/,
    ],
    'cannot make its environment': [
      `export default () => { throw new Error('no screen') }`,
      /own\.mjs cannot be made: no screen/,
    ],
  };
  for (const [what, [module, message, model = liftModel]] of Object.entries(wrong))
    it(`that ${what} is refused in a sentence`, async (context) => {
      const folder = await folderWith(context, { 'own.mjs': module, 'lift.xml': model });
      await assert.rejects(makeEnv(join(folder, 'own.mjs'), { observations: 'state' }), (error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    });

  it('may be TypeScript where Node strips types, and else is told so', async (context) => {
    const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);
    const typed = liftModule.replace('const tolerance =', 'const tolerance: number =');
    const folder = await folderWith(context, { 'lift.ts': typed, 'lift.xml': liftModel });
    const made = makeEnv(join(folder, 'lift.ts'), { observations: 'state' });
    if (strips) (await made).close();
    else
      await assert.rejects(made, {
        name: 'InputError',
        message: /lift\.ts is TypeScript, which Node .* 22\.18/,
      });
  });

  it('that is not there is refused with exit code 2', async (context) => {
    const { status, stderr } = await rlpdIn(
      await temporaryFolder(context),
      'train',
      '--task',
      './nope.mjs',
      '--preset',
      'online-only',
    );
    assert.equal(status, 2);
    assert.match(stderr, /module \.\/nope\.mjs is not there/);
  });

  it('may lie in folders below and name meshes', async (context) => {
    // A tetrahedron: faces point outwards.
    const mesh = 'v 0 0 0\nv .2 0 0\nv 0 .2 0\nv 0 0 .2\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n';
    const body = '<mujocoinclude><body pos="1 1 1"><geom type="mesh" mesh="stone"/></body></mujocoinclude>';
    const model = liftModel.replace(
      '<worldbody>',
      '<compiler meshdir="shapes"/><asset><mesh name="stone" file="stone.obj"/></asset><worldbody><include file="parts/stone.xml"/>',
    );
    const folder = await folderWith(context, {
      'lift.mjs': liftModule,
      'lift.xml': model,
      'parts/stone.xml': body,
      'shapes/stone.obj': mesh,
    });
    const environment = await makeEnv(join(folder, 'lift.mjs'), { imageSize: 8 });
    environment.reset();
    environment.close();
  });
});

describe('a registered task', () => {
  const task = (name: string, folder: string): SuiteTask => ({
    name,
    model: pathToFileURL(join(folder, 'lift.xml')),
    controlTimestep: 0.02,
    maxEnvFrames: 5,
    camera: 0,
    bind: () => ({ initialise: () => {}, observe: () => ({ none: [0] }), reward: () => 0 }),
  });

  it('reaches the thread of its environment through its module', async (context) => {
    const folder = await folderWith(context, {
      'lift.xml': liftModel,
      'registered.mjs': liftModule.replace("'lift'", "'registered'"),
    });
    registerTask(task('registered', folder), pathToFileURL(join(folder, 'registered.mjs')).href);
    assert.match(lastingTask('registered'), /registered\.mjs#registered$/);
    const environment = await EnvironmentWorker.create('registered', { observations: 'state' });
    assert.equal(environment.spec.stateSize, 3);
    await environment.close();
  });

  it('that a program trains on is recorded by its module, where the command line finds it', async (context) => {
    const folder = await folderWith(context, {
      'lift.xml': liftModel,
      'trained.mjs': liftModule.replace("'lift'", "'trained'"),
    });
    registerTask(task('trained', folder), join(folder, 'trained.mjs'));
    const run = join(folder, 'run');
    await train({ run, config: smallConfig({ task: 'trained', envFrames: 80 }) });
    assert.match((await readConfig(run)).task, /trained\.mjs#trained$/);
    const scored = await rlpdIn(folder, 'evaluate', '--run', 'run', '--episodes', '1', '--json');
    assert.equal(scored.status, 0, scored.stderr);
  });

  it('without its module is refused there, in a sentence that says what to do', async (context) => {
    const folder = await folderWith(context, { 'lift.xml': liftModel });
    registerTask(task('unreachable', folder));
    (await makeEnv('unreachable', { observations: 'state' })).close();
    await assert.rejects(EnvironmentWorker.create('unreachable'), {
      name: 'InputError',
      message: /"unreachable" is known to this thread alone, .*registerTask\(task, import\.meta\.url\)/,
    });
  });
});

describe('an environment of its own', () => {
  const game = `export default ({ seed }) => {
    let [random, height] = [seed, 0];
    const observe = () => ({ images: {}, state: Float32Array.of(height) });
    return {
      observationSpace: { images: [], state: { shape: [1], low: -1, high: 1, dtype: 'float32' } },
      actionSpace: { shape: [1], low: -1, high: 1, dtype: 'float32' },
      spec: { task: 'game', actionRepeat: 1, controlTimestep: 0.1, maxEnvFrames: 9, actionSize: 1, stateSize: 1, actionBox: null,
        camera: 'front', renderer: 'game 1' },
      reset({ seed = random } = {}) { height = 0; random = seed; return { observation: observe(), info: {} }; },
      step([force]) { height += force; return { observation: observe(), reward: REWARD, terminated: false, truncated: false, info: { success: height > 2 } }; },
      render: ({ width = 8, height: rows = width }) => ({ width, height: rows, channels: 3, data: new Uint8Array(width * rows * 3).fill(10 * height) }),
      saveState: () => ({ height }), restoreState: (state) => { height = state.height; }, close() {},
    };
  };`;

  it('gets action repeat, pictures, stack and time limit around it', async (context) => {
    const folder = await folderWith(context, { 'game.mjs': game.replace('REWARD', 'force') });
    const environment = await EnvironmentWorker.create(join(folder, 'game.mjs'), {
      imageSize: 4,
      frameStack: 2,
    });
    assert.deepEqual(environment.observationSpace.images, [
      { name: 'front', height: 4, width: 4, channels: 3, frameStack: 2 },
    ]);
    assert.equal(environment.spec.actionRepeat, 2);
    await environment.reset({ seed: 1 });
    const action = Float32Array.of(1);
    const first = await environment.step(action);
    assert.deepEqual([...(first.observation.images.front ?? [])].slice(0, 6), [0, 0, 0, 20, 20, 20]);
    assert.deepEqual(
      [first.reward, first.info.envFrames, first.info.success, first.truncated],
      [2, 2, false, false],
    );
    for (let i = 0; i < 3; i++) await environment.step(action);
    const last = await environment.step(action);
    assert.deepEqual(
      [last.reward, last.info.envFrames, last.info.success, last.truncated],
      [1, 9, true, true],
    );
    await environment.close();
  });

  it('that breaks its word in an episode is named in a sentence', async (context) => {
    const folder = await folderWith(context, { 'game.mjs': game.replace('REWARD', "'much'") });
    const environment = await makeEnv(join(folder, 'game.mjs'), { observations: 'state' });
    environment.reset();
    assert.throws(() => environment.step(Float32Array.of(1)), {
      name: 'InputError',
      message: /game\.mjs does not keep to its own word: its reward is much and not a number/,
    });
  });
});
