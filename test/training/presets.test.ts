import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../../src/errors.js';
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

  it('give way to a flag', () => {
    const flags = { task: 'walker-walk', dataset: ['data'], randomSteps: 7 };
    assert.equal(resolveConfig({ preset: 'pretrain-finetune', flags }).randomSteps, 7);
  });

  it('an unknown one is refused with the list of those there are', () => {
    assert.throws(
      () => presetSettings('sac'),
      (error) => error instanceof InputError && /"sac".*rlpd-state/.test(error.message),
    );
    assert.throws(() => presetSettings('toString'), InputError);
  });
});
