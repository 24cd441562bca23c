import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explorationStd } from '../../src/agent/drqv2Update.js';
import { InputError } from '../../src/errors.js';
import { agentSettings } from '../../src/training/config.js';
import { presetSettings, presets } from '../../src/training/presets.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';

/** A run of the preset, with a dataset where it learns from one. */
function configOf(preset: keyof typeof presets) {
  const settings = presetSettings(preset);
  const dataset = settings.offlineMode === 'none' ? [] : ['data'];
  return resolveConfig({ preset, flags: { task: 'walker-walk', dataset } });
}

describe('presets', () => {
  it('are all valid settings, which the run takes over', () => {
    for (const preset of Object.keys(presets) as (keyof typeof presets)[]) {
      const config = configOf(preset);
      assert.deepEqual({ ...config, ...presetSettings(preset) }, config, preset);
    }
  });

  it('those that learn from the data first act with the pre-trained policy from their first step', () => {
    for (const preset of ['pretrain-finetune', 'iql-finetune'] as const) {
      const { randomSteps, pretrainUpdates, offlineMode } = configOf(preset);
      assert.deepEqual([randomSteps, pretrainUpdates, offlineMode], [0, 25_000, 'seeded'], preset);
    }
    assert.equal(configOf('seeded-buffer').randomSteps, 5000);
  });

  it("drqv2 is its authors' agent", () => {
    const config = configOf('drqv2');
    const { batchSize, discount, returnSteps, updateInterval, randomSteps, actionRepeat } = config;
    assert.deepEqual(
      { batchSize, discount, returnSteps, updateInterval, randomSteps, actionRepeat },
      {
        batchSize: 256,
        discount: 0.99,
        returnSteps: 3,
        updateInterval: 2,
        randomSteps: 2000,
        actionRepeat: 2,
      },
    );
    const { ensembleSize, criticLayerNorm, hiddenLayers, hiddenWidth, trunkWidth, encoder } = config;
    assert.deepEqual(
      { ensembleSize, criticLayerNorm, hiddenLayers, hiddenWidth, trunkWidth, encoder },
      {
        ensembleSize: 2,
        criticLayerNorm: false,
        hiddenLayers: 2,
        hiddenWidth: 1024,
        trunkWidth: 50,
        encoder: 'drqv2',
      },
    );
    assert.deepEqual(
      [config.criticLearningRate, config.actorLearningRate, config.emaRate, config.explorationClip],
      [1e-4, 1e-4, 0.01, 0.3],
    );
  });

  it('drqv2 explores by linear(1.0, 0.1, 100000) in agent steps', () => {
    const config = configOf('drqv2');
    for (const step of [2000, 2002, 50_000, 100_000, 150_000]) {
      const updates = (step - config.randomSteps) / config.updateInterval;
      const expected = 1 - 0.9 * Math.min(step / 100_000, 1);
      assert.ok(Math.abs(explorationStd(agentSettings(config), updates) - expected) < 1e-9, `${step}`);
    }
  });

  it('give way to a flag', () => {
    const flags = { task: 'walker-walk', dataset: ['data'], randomSteps: 7 };
    assert.equal(resolveConfig({ preset: 'pretrain-finetune', flags }).randomSteps, 7);
  });

  it('stay as they are where a flag is undefined', () => {
    const flags = { task: 'walker-walk', dataset: ['data'], randomSteps: undefined };
    assert.equal(resolveConfig({ preset: 'pretrain-finetune', flags }).randomSteps, 0);
  });

  it('an unknown one is refused with the list of those there are', () => {
    assert.throws(
      () => presetSettings('sac'),
      (error) => error instanceof InputError && /"sac".*rlpd-state/.test(error.message),
    );
    assert.throws(() => presetSettings('toString'), InputError);
  });
});
