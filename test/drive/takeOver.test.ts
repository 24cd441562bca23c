/** A person takes over in a training. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { openDataset } from '../../datasets/reader.js';
import { DrivenEnvironment } from '../../src/drive/drivenEnvironment.js';
import { DriverSeat, seatFacts } from '../../src/drive/driverSeat.js';
import { PriorInterventions } from '../../src/replay/priorInterventions.js';
import { collect } from '../../src/training/collect.js';
import type { TakeOver } from '../../src/training/environmentExperience.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { smallConfig, stopAt, temporaryFolder, traces } from '../training/smallRun.js';
import { device } from './device.js';
import { personAt } from './person.js';

const task = 'cartpole-swingup';
/** 16 agent steps an episode, the last one shorter. */
const actionRepeat = 64;
const episodeSteps = 16;
const steps = 40;
/** After so many steps the person leaves, in the middle of an episode. */
const personSteps = 26;
const personAction = Float32Array.of(0.75);

const isPersons = (step: number): boolean => step < personSteps && step % 10 >= 3 && step % 10 < 6;

async function withData(t: TestContext, task: string, actionRepeat: number, envFrames: number) {
  const folder = await temporaryFolder(t);
  const data = join(folder, 'data');
  const environment = { actionRepeat };
  await collect({ task, folder: data, behaviours: [undefined], environment, workers: 1 });
  const config = smallConfig({
    offlineMode: 'symmetric',
    ...{ task, actionRepeat, dataset: [data], envFrames, randomSteps: 8 },
    ...{ replayCapacity: 50, evaluationInterval: 5000, checkpointInterval: 5000, logInterval: 80 },
  });
  return { folder, config };
}

test('what a person does in a run is executed, marked in the replay, prior data too, and still so after the page is gone', async (t) => {
  const { folder, config } = await withData(t, task, actionRepeat, 2 * 1000 + 8 * actionRepeat);
  const added: { t: number; action: number[] }[] = [];
  const add = PriorInterventions.prototype.add;
  t.mock.method(
    PriorInterventions.prototype,
    'add',
    function (this: PriorInterventions, ...args: Parameters<typeof add>) {
      added.push({ t: args[0], action: [...args[1].action] });
      add.apply(this, args);
    },
  );
  const whole = join(folder, 'whole');
  const reached: number[][] = [];
  await train({ run: whole, config, takeOver: personAt(isPersons, personAction, reached) });
  const persons = Array.from({ length: steps }, (_, step) => step).filter(isPersons);
  assert.deepEqual(
    added,
    persons.map((step) => ({ t: step % episodeSteps, action: [...personAction] })),
  );
  const replay = await openDataset(join(whole, 'replay'));
  const { actions, interventions } = await replay.episode(0);
  for (let step = 0; step < episodeSteps; step++) {
    const executed = [...actions.subarray(step, step + 1)];
    assert.equal(interventions?.[step], Number(isPersons(step)));
    assert.deepEqual(executed, reached[step]);
    assert.equal(isDeepStrictEqual(executed, [...personAction]), isPersons(step), `${step}: ${executed}`);
  }
  const counted = (await readMetrics(whole)).flatMap((line) =>
    line.kind === 'episode' ? [line.interventions] : [],
  );
  assert.deepEqual(counted, [
    persons.filter((step) => step < episodeSteps).length,
    persons.filter((step) => step >= episodeSteps).length,
  ]);

  const stopped = join(folder, 'stopped');
  await stopAt(personSteps, { run: stopped, config, takeOver: personAt(isPersons, personAction) });
  await train({ run: stopped, resume: true });
  assert.equal((await traces(stopped)).agent, (await traces(whole)).agent);
});

test('a run in which nobody drives computes what one without a page does, and one of data alone has nothing to drive', async (t) => {
  const own = join(await temporaryFolder(t), 'device.mjs');
  await writeFile(own, device);
  const { folder, config } = await withData(t, own, 1, 40);
  const [alone, watched] = [join(folder, 'alone'), join(folder, 'watched')];
  await train({ run: alone, config });
  const nobody: TakeOver = async (environment) => {
    const seat = new DriverSeat(seatFacts(environment, null), 'training');
    return new DrivenEnvironment(environment, { task: own, seat, hasPolicy: true });
  };
  await train({ run: watched, config, takeOver: nobody });
  const [one, other] = [await traces(alone), await traces(watched)];
  assert.deepEqual([other.agent, other.episode], [one.agent, one.episode]);
  const cloning = { ...config, algorithm: 'bc' as const, pretrainUpdates: 10, envFrames: 0 };
  await assert.rejects(
    train({ run: join(folder, 'bc'), config: cloning, takeOver: nobody }),
    /has nothing to drive: leave out --drive/,
  );
});
