/**
 * How large the demo of the cartpole is: one size for the native engine, one that WebAssembly gets through in the same
 * time. Each stage has a time after which it stops where it is, for machines slower than those it was tuned on.
 */
import type { RunSettings } from '../../src/training/config.js';

export interface DemoSize {
  /** Settings of the state agent whose snapshots make the data. */
  readonly stateAgent: Partial<RunSettings>;
  /** Episodes that each snapshot, and the random policy, add to the dataset. */
  readonly episodesPerPolicy: number;
  /** What behaviour cloning and RLPD share: the images, the network, the batch. */
  readonly learner: Partial<RunSettings>;
  readonly behaviourCloning: Partial<RunSettings>;
  readonly rlpd: Partial<RunSettings>;
  /** Episodes of the final evaluation. */
  readonly evaluationEpisodes: number;
  /** Minutes after which a stage stops. */
  readonly minutes: { readonly stateAgent: number; readonly behaviourCloning: number; readonly rlpd: number };
}

/** Control steps an action is held for: PlaNet's choice for this task (Hafner et al. 2019), 125 actions an episode. */
const actionRepeat = 8;

/** Steps as large as DrQ takes them in its 100k-frame runs (Kostrikov et al. 2020): few updates have to go far. */
const fastLearning = {
  criticLearningRate: 1e-3,
  actorLearningRate: 1e-3,
  temperatureLearningRate: 1e-3,
  emaRate: 0.01,
} as const;

/**
 * What the policies look through. Behind the suite's fixed camera the cart wanders over the picture, and a few
 * thousand images do not teach a network that a pole is the same pole everywhere; this one follows the cart.
 */
const cameras = ['lookatcart'];

export const nativeSize: DemoSize = {
  stateAgent: {
    actionRepeat,
    batchSize: 128,
    randomSteps: 500,
    envFrames: 16_000,
    evaluationInterval: 4_000,
    evaluationEpisodes: 2,
    ...fastLearning,
  },
  episodesPerPolicy: 10,
  // In 48 pixels the pole is a pixel or two wide: a larger shift would hide which way it leans.
  learner: {
    actionRepeat,
    imageSize: 48,
    cameras,
    batchSize: 128,
    ensembleSize: 5,
    randomShiftPad: 1,
    // The paper's horizon is 200 control steps (0.99 for an action of 2); this is 270.
    discount: 0.97,
    ...fastLearning,
  },
  behaviourCloning: { pretrainUpdates: 1_500 },
  rlpd: {
    envFrames: 80_000,
    randomSteps: 250,
    evaluationInterval: 8_000,
    evaluationEpisodes: 3,
  },
  evaluationEpisodes: 10,
  minutes: { stateAgent: 2, behaviourCloning: 1.5, rlpd: 8 },
};

export const webAssemblySize: DemoSize = {
  stateAgent: { ...nativeSize.stateAgent, batchSize: 64 },
  episodesPerPolicy: 5,
  learner: {
    actionRepeat,
    imageSize: 32,
    cameras,
    batchSize: 32,
    ensembleSize: 2,
    hiddenWidth: 128,
    randomShiftPad: 1,
    discount: 0.97,
    ...fastLearning,
  },
  behaviourCloning: { pretrainUpdates: 1_000 },
  rlpd: { envFrames: 32_000, randomSteps: 250, evaluationInterval: 4_000, evaluationEpisodes: 2 },
  evaluationEpisodes: 5,
  minutes: { stateAgent: 3, behaviourCloning: 2, rlpd: 10 },
};
