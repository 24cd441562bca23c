import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { readPolicy } from '../../src/training/policyFile.js';
import { readMetrics, runPaths } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { smallConfig, temporaryFolder } from './smallRun.js';

it('a run with scaled and shifted rewards learns from those, reports and records the environment’s own, and says so in its policy', async (context) => {
  const folder = await temporaryFolder(context);
  const settings = { envFrames: 1200, evaluationInterval: 1200 };
  const runs = [
    { run: join(folder, 'plain'), changes: {} },
    { run: join(folder, 'scaled'), changes: { rewardScale: 0.5, rewardShift: 3 } },
  ];
  for (const { run, changes } of runs) await train({ run, config: smallConfig({ ...settings, ...changes }) });
  const [plain, scaled] = await Promise.all(runs.map(({ run }) => readMetrics(run)));
  // The first evaluation is of the same untrained policy; cartpole earns at most 8 in each of its 125 steps.
  const first = (lines: typeof plain) => lines?.find((line) => line.kind === 'evaluation');
  assert.deepEqual(first(scaled)?.kind === 'evaluation' && first(scaled)?.mean, first(plain)?.mean);
  const episode = scaled?.find((line) => line.kind === 'episode');
  const replay = await openDataset(runPaths(join(folder, 'scaled')).replay);
  assert.ok(episode?.kind === 'episode' && episode.return < 3 * 125);
  assert.equal(replay.entry(0).return, episode.return);
  const qOf = (lines: typeof plain) => lines?.findLast((line) => line.kind === 'train');
  assert.notDeepEqual(qOf(scaled), qOf(plain));
  const { config } = await readPolicy(runPaths(join(folder, 'scaled')).bestPolicy);
  assert.deepEqual([config.rewardScale, config.rewardShift], [0.5, 3]);
});
