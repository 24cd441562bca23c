/** Named settings: what each one changes with respect to the defaults, which are the paper's for pixels. */
import { didYouMean, InputError } from '../errors.js';
import type { RunSettings } from './config.js';

export interface Preset {
  readonly description: string;
  readonly settings: Partial<RunSettings>;
}

export const presets = {
  rlpd: { description: 'RLPD from pixels, as the paper runs it', settings: {} },

  small: {
    description:
      'RLPD from pixels for studies on two cores: half the encoder and ensemble, a quarter of the batch, larger steps, 30,000 env frames',
    settings: {
      encoder: 'rlpd-small',
      batchSize: 64,
      ensembleSize: 5,
      criticLearningRate: 1e-3,
      actorLearningRate: 1e-3,
      temperatureLearningRate: 1e-3,
      envFrames: 30_000,
      randomSteps: 1000,
      evaluationInterval: 5000,
      checkpointInterval: 5000,
      threads: 1,
    },
  },

  'rlpd-state': {
    description: 'RLPD from physical state: UTD 20, two critics in the target, entropy backup',
    settings: { utdRatio: 20, targetSubset: 2, entropyBackup: true, initialTemperature: 1 },
  },

  'online-only': {
    description: 'the same agent without prior data',
    settings: { offlineMode: 'none', offlineShare: 0 },
  },

  'online-state': {
    description: 'a state agent for the clock: no prior data, two critics, one update for each agent step',
    settings: {
      offlineMode: 'none',
      offlineShare: 0,
      ensembleSize: 2,
      targetSubset: 2,
      entropyBackup: true,
      initialTemperature: 0.1,
    },
  },

  'seeded-buffer': {
    description: 'prior data put into the replay at the start, batches drawn from all of it (SACfD)',
    settings: { offlineMode: 'seeded' },
  },

  'no-layer-norm': {
    description: 'RLPD without layer norm in the critics',
    settings: { criticLayerNorm: false },
  },

  'bc-constrained': {
    description: "RLPD whose actor is held to the dataset's actions (the constraint of TD3+BC, α 2.5)",
    settings: { actorBcWeight: 0.4 },
  },

  drqv2: {
    description: 'DrQ-v2 from pixels, as its authors run it on easy tasks; no prior data',
    settings: {
      algorithm: 'drqv2',
      offlineMode: 'none',
      offlineShare: 0,
      encoder: 'drqv2',
      ensembleSize: 2,
      targetSubset: 2,
      criticLayerNorm: false,
      hiddenWidth: 1024,
      criticLearningRate: 1e-4,
      actorLearningRate: 1e-4,
      emaRate: 0.01,
      returnSteps: 3,
      updateInterval: 2,
      randomSteps: 2000,
      // σ = 1 − 0.9·step/100,000 at agent step 2,000 + 2·updates.
      explorationStart: 0.982,
      explorationUpdates: 49_000,
    },
  },

  bc: {
    description: 'behaviour cloning on the dataset alone',
    settings: { algorithm: 'bc', offlineShare: 1, pretrainUpdates: 20_000 },
  },

  ibrl: {
    description:
      'IBRL: the dataset is cloned first, and the better of the cloned and the own action is taken',
    // The minimum of two critics and the actor's dropout are the paper's.
    settings: { algorithm: 'ibrl', pretrainUpdates: 10_000, targetSubset: 2, actorDropout: 0.5 },
  },

  'pretrain-finetune': {
    description: 'the older recipe: updates on the dataset alone, then the online loop on a seeded replay',
    // The first steps are the pre-trained policy's: nothing random is needed to fill a replay that holds the dataset.
    settings: { pretrainUpdates: 25_000, offlineMode: 'seeded', randomSteps: 0 },
  },

  'iql-finetune': {
    description: 'IQL: updates on the dataset alone, then the same ones online on a seeded replay',
    settings: {
      algorithm: 'iql',
      pretrainUpdates: 25_000,
      offlineMode: 'seeded',
      randomSteps: 0,
      ensembleSize: 2,
      targetSubset: 2,
      criticLayerNorm: false,
      expectile: 0.7,
      advantageTemperature: 3,
    },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

/** The settings of a preset. @throws InputError when there is none of that name. */
export function presetSettings(name: string): Partial<RunSettings> {
  if (!Object.hasOwn(presets, name)) {
    throw new InputError(
      `There is no preset named "${name}"${didYouMean(name, Object.keys(presets))} The presets are ${Object.keys(presets).join(', ')}.`,
    );
  }
  return presets[name as PresetName].settings;
}
