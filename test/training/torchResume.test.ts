/**
 * Resuming on the native engine, where updates are recorded: the recording is made anew after a restart, and must
 * compute what the old one would have.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { collect } from '../../src/training/collect.js';
import type { RunConfig } from '../../src/training/config.js';
import { train } from '../../src/training/train.js';
import { torchOrSkip } from '../backend/engines.js';
import { metricsText, smallConfig, temporaryFolder } from './smallRun.js';

const torch = await torchOrSkip('float32');
const engine = { backend: 'torch', precision: 'float32', threads: 2 } as const;

/** The whole run's metrics and weights, and those of one that was stopped after each of `stops` agent steps. */
async function wholeAndStopped(
  folder: string,
  config: RunConfig,
  stops: readonly number[],
): Promise<[(string | Buffer)[], (string | Buffer)[]]> {
  const [whole, stopped] = [join(folder, 'whole'), join(folder, 'stopped')];
  await train({ run: whole, config });
  for (const [i, stop] of stops.entries()) {
    const controller = new AbortController();
    const result = await train({
      run: stopped,
      ...(i === 0 ? { config } : { resume: true }),
      signal: controller.signal,
      onProgress: ({ agentSteps }) => {
        if (agentSteps >= stop) controller.abort();
      },
    });
    assert.equal(result.agentSteps, stop);
  }
  await train({ run: stopped, resume: true });
  const traces = async (run: string): Promise<(string | Buffer)[]> => {
    const latest = (await readFile(join(run, 'checkpoints/latest'), 'utf8')).trim();
    return [await metricsText(run), await readFile(join(run, `checkpoints/${latest}/agent.safetensors`))];
  };
  return [await traces(whole), await traces(stopped)];
}

describe(
  'recorded updates: a run that was stopped and resumed equals one that never was, bit for bit',
  torch,
  () => {
    test('from state, several critic steps an update, dropout', async (context) => {
      const config = smallConfig({
        ...engine,
        utdRatio: 3,
        targetSubset: 2,
        criticDropout: 0.1,
        envFrames: 1600,
      });
      const [whole, stopped] = await wholeAndStopped(await temporaryFolder(context), config, [60, 131]);
      assert.deepEqual(stopped, whole);
    });

    test('from pixels, half of every batch prior data', async (context) => {
      const folder = await temporaryFolder(context);
      const [actionRepeat, imageSize] = [40, 32];
      await collect({
        task: 'cartpole-swingup',
        folder: join(folder, 'data'),
        behaviours: [undefined],
        mode: 'sample',
        environment: { actionRepeat, imageSize },
        seed: 1,
        workers: 1,
        details: {},
      });
      const config = smallConfig({
        ...engine,
        obs: 'pixels',
        offlineMode: 'symmetric',
        dataset: [join(folder, 'data')],
        actionRepeat,
        imageSize,
        envFrames: 70 * actionRepeat,
        randomSteps: 10,
        replayCapacity: 52,
        checkpointInterval: 40 * actionRepeat,
        trunkWidth: 8,
      });
      const [whole, stopped] = await wholeAndStopped(folder, config, [15, 55]);
      assert.deepEqual(stopped, whole);
    });
  },
);
