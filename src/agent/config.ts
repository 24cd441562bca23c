/**
 * Every setting of the learner, with its default (the paper's pixel setting), range and meaning. The descriptions
 * are what the command line prints.
 */
import { z } from 'zod';
import { encoderNames, findEncoder } from '../../encoders/registry.js';
import { InputError } from '../errors.js';

const rate = (value: number) => z.number().positive().max(1).default(value);
const learningRate = z.number().positive().max(1).default(3e-4);

export const agentConfigSchema = z
  .strictObject({
    algorithm: z
      .enum(['rlpd', 'bc', 'iql', 'ibrl', 'drqv2'])
      .default('rlpd')
      .describe(
        'rlpd (critics and actor), bc (behaviour cloning of the dataset), iql (implicit Q-learning), ibrl (rlpd beside a cloned policy, whose action is taken where the critics prefer it) or drqv2 (deterministic actor, two critics by its preset)',
      ),

    offlineMode: z
      .enum(['symmetric', 'seeded', 'none'])
      .default('symmetric')
      .describe(
        'how the dataset is used: symmetric (a fixed share of every batch), seeded (put into the replay at the start), none',
      ),
    offlineShare: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('share of every batch drawn from the dataset in symmetric mode, 0 to 1'),
    pretrainUpdates: z
      .int()
      .min(0)
      .default(0)
      .describe('updates on the dataset alone before the first environment step'),
    batchSize: z.int().min(1).default(256).describe('transitions in one minibatch'),
    utdRatio: z
      .int()
      .min(1)
      .default(1)
      .describe('critic steps for each agent step (update-to-data ratio); the actor steps once'),

    updateInterval: z.int().min(1).default(1).describe('agent steps from one update to the next'),

    returnSteps: z
      .int()
      .min(1)
      .default(1)
      .describe('agent steps whose rewards a target sums up before it trusts the critics (n-step returns)'),
    discount: z.number().min(0).max(1).default(0.99).describe('discount of the return for each agent step'),
    emaRate: rate(0.005).describe('how far the target critic moves towards the critic at each critic step'),
    criticLearningRate: learningRate.describe("Adam's step size of the critics and the shared encoder"),
    actorLearningRate: learningRate.describe("Adam's step size of the actor"),
    temperatureLearningRate: learningRate.describe("Adam's step size of the log temperature"),

    ensembleSize: z.int().min(1).default(10).describe('number of critics'),
    targetSubset: z
      .int()
      .min(1)
      .default(1)
      .describe(
        'rlpd: critics drawn anew at every critic step, whose minimum is the target; at most ensembleSize',
      ),
    entropyBackup: z
      .boolean()
      .default(false)
      .describe("whether the target includes the next action's entropy"),
    criticLayerNorm: z.boolean().default(true).describe('layer norm in the critics'),
    criticDropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('probability that a hidden unit of a critic is dropped'),
    criticWeightDecay: z
      .number()
      .min(0)
      .default(0)
      .describe('decoupled weight decay (AdamW) of the critics’ matrices and filters'),
    actorDropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe(
        'rlpd, ibrl: probability that a hidden unit of the actor is dropped in updates; acting drops none',
      ),

    hiddenLayers: z.int().min(1).default(2).describe('hidden layers of each critic and of the actor'),
    hiddenWidth: z.int().min(1).default(256).describe('units of each hidden layer'),
    encoder: z
      .string()
      .default('rlpd')
      .refine((name) => findEncoder(name) !== undefined, {
        error: () => `there is no such encoder; expected one of ${encoderNames().join(', ')}`,
      })
      .describe('image network: rlpd, rlpd-small, drqv2, or one that was registered'),
    sharedEncoder: z
      .boolean()
      .default(false)
      .describe('whether several images of one shape go through one image network, instead of one each'),
    trunkWidth: z
      .int()
      .min(1)
      .default(50)
      .describe("numbers that an image's features, and a state beside images, are reduced to"),
    randomShiftPad: z
      .int()
      .min(0)
      .default(4)
      .describe('random shift of images, at most this many pixels each way; 0 turns it off'),

    initialTemperature: z.number().positive().default(0.1).describe('entropy temperature at the start'),
    learnedTemperature: z
      .boolean()
      .default(true)
      .describe('whether the temperature is learnt or stays at its start'),
    targetEntropy: z
      .number()
      .nullable()
      .default(null)
      .describe('entropy in nats that the temperature aims at; null: −(action size)/2'),

    actorBcWeight: z
      .number()
      .min(0)
      .default(0)
      .describe(
        "rlpd, iql: how strongly the actor is held to the dataset's actions (1/α of TD3+BC; rlpd then divides its values by their mean size); 0: not at all",
      ),

    expectile: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.7)
      .describe(
        'iql: which expectile of the values of its actions a state is worth: 0.5 their mean, towards 1 their best',
      ),
    advantageTemperature: z
      .number()
      .min(0)
      .default(3)
      .describe(
        'iql: how sharply the actor prefers the better actions of the data; 0: it imitates all alike',
      ),
    explorationStart: z
      .number()
      .min(0)
      .default(1)
      .describe('drqv2: standard deviation σ of the noise on actions before the first update'),
    explorationEnd: z
      .number()
      .min(0)
      .default(0.1)
      .describe('drqv2: σ once it has fallen, and of a policy that collects data'),
    explorationUpdates: z
      .int()
      .min(1)
      .default(50_000)
      .describe(
        'drqv2: updates over which σ goes linearly from start to end (the authors count agent steps: updates × updateInterval / utdRatio + randomSteps)',
      ),
    explorationClip: z
      .number()
      .min(0)
      .default(0.3)
      .describe('drqv2: bound of the noise on actions that an update draws, each way'),

    bcLoss: z
      .enum(['mode', 'logLikelihood'])
      .default('mode')
      .describe("bc, ibrl: mode (squared error of the policy's mode) or logLikelihood (of the policy)"),
    proposalInverseTemperature: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        "ibrl: β of softmax(β·Q), the chance that the cloned action and the actor's have; null: the better one is taken",
      ),
  })
  .refine((config) => config.targetSubset <= config.ensembleSize, {
    path: ['targetSubset'],
    error: 'the target cannot take more critics than ensembleSize has',
  })
  .refine((config) => config.algorithm !== 'iql' || config.criticDropout === 0, {
    path: ['criticDropout'],
    error: 'iql has no dropout',
  });

export type AgentConfig = z.infer<typeof agentConfigSchema>;

/**
 * Fills in the defaults and checks the ranges.
 * @param where what the settings came from, for the message
 * @throws InputError naming the first setting that is wrong
 */
export function parseAgentConfig(settings: unknown, where = 'the agent settings'): AgentConfig {
  const parsed = agentConfigSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = issue?.path.join('.') ?? '';
  throw new InputError(`${name === '' ? '' : `"${name}" in `}${where}: ${issue?.message ?? 'not valid'}.`);
}
