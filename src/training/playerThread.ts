/** The thread behind one of `Players`: builds environment and engine, then plays the episodes it is handed. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Environment, Frame } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { callingOwn } from '../../envs/ownCode.js';
import type { RlpdAgent } from '../agent/agent.js';
import { selectBackend } from '../backend/select.js';
import { InputError, sendError } from '../errors.js';
import { Generator } from '../random/generator.js';
import { DEMONSTRATOR, policiesAmong } from './experts.js';
import type { EpisodePlan, PlayedEpisode, PlayerFacts, PlayerMessage, PlayersOptions } from './players.js';
import { policyAgent } from './policyFile.js';
import { detectingStep, openDetector } from './rewardClassifier.js';
import { type AnyEnvironment, type Policy, rollout } from './rollout.js';

const port = parentPort;
if (port === null) throw new Error('playerThread is not run by itself: use Players.');
const { task, environment: options, behaviours, engine, reward } = workerData as PlayersOptions;
const agents = new Map<number, RlpdAgent>();

try {
  const environment = await makeEnv(task, options);
  if (behaviours.includes(DEMONSTRATOR) && environment.demonstrate === undefined)
    throw new InputError(
      `${task} has no scripted expert that could demonstrate it: record a policy of it (--policy FILE or --run DIR), or one of the other levels.`,
    );
  const isComputing = policiesAmong(behaviours).length > 0 || reward !== undefined;
  const selected = isComputing ? await selectBackend({ ...engine, threads: 1 }) : undefined;
  const detector = reward && (await openDetector(reward));
  const { spec, observationSpace } = environment;
  const played: AnyEnvironment =
    detector && reward
      ? {
          ...{ spec, observationSpace },
          step: detectingStep(environment, detector, reward.rewardThreshold),
          reset: async (options) => environment.reset(options),
          render: async (options) => environment.render(options),
        }
      : environment;
  port.on('message', (plan: EpisodePlan) => {
    play(environment, played, plan).then(
      (result) =>
        send(
          { ok: true, result },
          Object.values(result.images).map(({ buffer }) => buffer as ArrayBuffer),
        ),
      (error: unknown) => send({ ok: false, ...sendError(error) }),
    );
  });
  const facts: PlayerFacts = { spec, observationSpace, engine: selected?.note };
  send({ ok: true, result: facts });
} catch (error) {
  send({ ok: false, ...sendError(error) });
}

function send(message: PlayerMessage, moved: ArrayBuffer[] = []): void {
  port?.postMessage(message, moved);
}

/** @param played the environment, or what a classifier makes of it */
async function play(
  environment: Environment,
  played: AnyEnvironment,
  plan: EpisodePlan,
): Promise<PlayedEpisode> {
  const { seed, filmSize: size } = plan;
  const film: Frame[] = [];
  const episode = await rollout({
    environment: played,
    policy: policyOf(environment, plan),
    seed,
    watch:
      size === undefined
        ? undefined
        : async () => {
            film.push(environment.render({ width: size, height: size }));
          },
  });
  if (episode === undefined) throw new Error('The episode was stopped.');
  return { ...episode, film };
}

function policyOf(environment: Environment, { behaviour: place, mode, noiseSeed }: EpisodePlan): Policy {
  const behaviour = behaviours[place];
  if (behaviour === undefined) {
    const random = new Generator(noiseSeed);
    const { actionSize } = environment.spec;
    return () => Float32Array.from({ length: actionSize }, () => random.uniform(-1, 1));
  }
  if (behaviour === DEMONSTRATOR) {
    const random = mode === 'sample' ? new Generator(noiseSeed) : undefined;
    return () => demonstration(environment, random);
  }
  const agent = agents.get(place) ?? policyAgent(behaviour, environment, 0);
  agents.set(place, agent);
  agent.seedExploration(noiseSeed);
  return (observation) => agent.act(observation, mode);
}

/** @throws InputError where what the expert gives is no action */
function demonstration(environment: Environment, random: Generator | undefined): Float32Array {
  const action = callingOwn(`demonstrate() of ${task} fails`, () => environment.demonstrate?.(random));
  const { actionSize } = environment.spec;
  const isAction = action instanceof Float32Array && action.length === actionSize;
  if (!isAction || !action.every((value) => Math.abs(value) <= 1))
    throw new InputError(
      `What demonstrate() of ${task} gives is no action: expected a Float32Array of ${actionSize} numbers from −1 to 1.`,
    );
  return action;
}
