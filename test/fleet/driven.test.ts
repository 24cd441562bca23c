import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { findNatsServer } from '../../src/fleet/embeddedServer.js';
import { PriorInterventions } from '../../src/replay/priorInterventions.js';
import type { ReplayStep } from '../../src/replay/replayBuffer.js';
import { collect } from '../../src/training/collect.js';
import { personAt } from '../drive/person.js';
import { needing } from '../programs.js';
import { temporaryFolder } from '../training/smallRun.js';
import { fleetConfig, learnWith, startServer } from './smallFleet.js';

const server = needing(findNatsServer(), 'nats-server');

test(
  'what a person does at an actor is learnt from as an intervention, as prior data too',
  server,
  async (t) => {
    const added: number[][] = [];
    t.mock.method(PriorInterventions.prototype, 'add', (time: number, { action }: ReplayStep) =>
      added.push([time, ...action]),
    );
    const folder = await temporaryFolder(t);
    const [data, run] = [join(folder, 'data'), join(folder, 'run')];
    await collect({
      ...{ task: 'cartpole-swingup', folder: data, behaviours: [undefined], workers: 1 },
      environment: { actionRepeat: 50, imageSize: 4 },
    });
    const { url } = await startServer(t);
    const config = fleetConfig({ offlineMode: 'symmetric', dataset: [data], envFrames: 2000 });
    const takeOver = personAt((step) => step >= 17 && step < 22, Float32Array.of(0.75));
    await learnWith(1, { run, config, address: { url }, inFlight: 1, isDriven: true }, { takeOver });
    const replay = await openDataset(join(run, 'replay'));
    const marks = await Promise.all(
      [0, 1].map(async (i) => [...((await replay.episode(i)).interventions ?? [])]),
    );
    assert.deepEqual(marks, [
      Array.from({ length: 20 }, (_, step) => Number(step >= 17)),
      Array.from({ length: 20 }, (_, step) => Number(step < 2)),
    ]);
    assert.deepEqual(
      added,
      [17, 18, 19, 0, 1].map((time) => [time, 0.75]),
    );
  },
);
