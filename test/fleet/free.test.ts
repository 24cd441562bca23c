import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataset } from '../../datasets/reader.js';
import { findNatsServer } from '../../src/fleet/embeddedServer.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { needing } from '../programs.js';
import { temporaryFolder } from '../training/smallRun.js';
import { fleetConfig, learnWith, startServer } from './smallFleet.js';

test(
  'free episodes are learnt from as they arrive, each once, and the run says in which order and how far their policies lagged',
  needing(findNatsServer(), 'nats-server'),
  async (context) => {
    const { url } = await startServer(context);
    const run = join(await temporaryFolder(context), 'free');
    const config = fleetConfig({ envFrames: 5000 });
    const learner = { run, config, address: { url }, name: 'free', mode: 'free' } as const;
    const { acted } = await learnWith(2, learner, { swap: 'step', controlHz: 2000 });
    const lines = (await readMetrics(run)).flatMap((line) => (line.kind === 'episode' ? [line] : []));
    const plans = lines.map(({ plan }) => plan ?? -1);
    assert.equal(new Set(plans).size, 5);
    // Three are open at a time.
    assert.ok(plans.every((plan, i) => plan >= 0 && plan < i + 3));
    assert.ok(lines.every(({ policyLag, policyVersion }, i) => policyLag === i - (policyVersion ?? -1)));
    assert.ok(lines.every(({ missedDeadlines, length }) => (missedDeadlines ?? -1) >= 0 && length === 20));
    const replay = await openDataset(join(run, 'replay'));
    assert.deepEqual(
      lines.map((line) => line.return),
      lines.map((_, i) => replay.entry(i).return),
    );
    assert.ok(acted.reduce((sum, { episodes }) => sum + episodes, 0) >= 5);
  },
);
