/** `rlpd train`: trains an agent, or goes on with a run that was stopped. */
import { Command } from 'commander';
import { DriverPage, driveOption } from './driverPage.js';
import { examples } from './settings.js';
import { addTrainingFlags, runTraining, type TrainingFlags } from './training.js';

export const trainCommand = examples(addTrainingFlags(new Command('train').addOption(driveOption())), [
  'rlpd train --task walker-walk --dataset data/walker-expert --env-frames 300000 --out runs/a',
  'rlpd train --out runs/a --resume --env-frames 500000',
  'rlpd train --task walker-walk --preset online-only --out runs/b',
  'rlpd train --task walker-walk --dataset data/expert:0.7 --dataset data/random:0.3 --out runs/d',
  'rlpd train --task ./tasks/lift.mjs --preset online-only --out runs/lift',
  'rlpd train --task remote:127.0.0.1:5555 --obs both --cameras front,wrist --action-repeat 1 --dataset data/cube --out runs/cube',
  'rlpd train --task walker-walk --preset bc --dataset data/walker-expert --out runs/c',
  'rlpd train --task walker-walk --obs state --preset online-state --snapshots --out runs/expert',
  'rlpd train --task cheetah-run --dataset data/cheetah --utd-ratio 10 --offline-share 0.25 --no-critic-layer-norm',
  'rlpd train --task arm-lift --dataset data/demos --obs both --drive --out runs/lift',
]).action((options: TrainingFlags & { readonly drive?: number } & Record<string, unknown>) =>
  runTraining(
    options,
    async () => {
      const { train } = await import('../src/training/train.js');
      const { drive } = options;
      if (drive === undefined) return train;
      return async (training) => {
        const page = new DriverPage(drive, [training.run]);
        try {
          return await train({
            ...training,
            takeOver: page.takeOver,
            onProgress: (progress) => {
              page.follow(progress);
              training.onProgress?.(progress);
            },
          });
        } finally {
          await page.close();
        }
      };
    },
    'rlpd train',
  ),
);
