import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agentConfigSchema, parseAgentConfig } from '../../src/agent/config.js';
import { InputError } from '../../src/errors.js';

function refusal(settings: unknown): string {
  try {
    parseAgentConfig(settings, 'run.json');
  } catch (error) {
    assert.ok(error instanceof InputError);
    return error.message;
  }
  assert.fail('the settings were taken');
}

describe('agent settings', () => {
  it("default to the paper's pixel setting", () => {
    const config = parseAgentConfig({});
    assert.deepEqual(
      {
        batch: [config.batchSize, config.offlineShare, config.utdRatio],
        critics: [config.ensembleSize, config.targetSubset, config.entropyBackup, config.criticLayerNorm],
        networks: [config.hiddenLayers, config.hiddenWidth, config.trunkWidth, config.encoder],
        rates: [config.criticLearningRate, config.actorLearningRate, config.emaRate, config.discount],
        temperature: [config.initialTemperature, config.learnedTemperature, config.targetEntropy],
      },
      {
        batch: [256, 0.5, 1],
        critics: [10, 1, false, true],
        networks: [2, 256, 50, 'rlpd'],
        rates: [3e-4, 3e-4, 0.005, 0.99],
        temperature: [0.1, true, null],
      },
    );
  });

  it('refuse what is out of range, unknown or contradictory, by name and place', () => {
    assert.match(refusal({ utdRatio: 0 }), /"utdRatio" in run\.json/);
    assert.match(refusal({ criticDropout: 1 }), /"criticDropout" in run\.json/);
    assert.match(refusal({ algorithm: 'iql', criticDropout: 0.1 }), /"criticDropout".*iql has no dropout/);
    assert.match(refusal({ expectile: 1 }), /"expectile"/);
    assert.match(refusal({ offlineShare: 1.5 }), /"offlineShare"/);
    assert.match(refusal({ ensemblesize: 5 }), /run\.json.*ensemblesize/);
    assert.match(refusal({ encoder: 'resnet' }), /"encoder".*rlpd, rlpd-small, drqv2/);
    assert.match(refusal({ ensembleSize: 2, targetSubset: 3 }), /"targetSubset".*ensembleSize/);
  });

  it('each say in one line what they are', () => {
    for (const [name, setting] of Object.entries(agentConfigSchema.shape)) {
      assert.ok(setting.description, `${name} has no description`);
      assert.ok(!setting.description.includes('\n'));
    }
  });
});
