/** The thread behind one of `Players`: builds environment and engine, then plays the episodes it is handed. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Environment, Frame } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import type { RlpdAgent } from '../agent/agent.js';
import { selectBackend } from '../backend/select.js';
import { sendError } from '../errors.js';
import { Generator } from '../random/generator.js';
import type { EpisodePlan, PlayedEpisode, PlayerFacts, PlayerMessage, PlayersOptions } from './players.js';
import { policyAgent } from './policyFile.js';
import { type Policy, rollout } from './rollout.js';

const port = parentPort;
if (port === null) throw new Error('playerThread is not run by itself: use Players.');
const { task, environment: options, behaviours, engine } = workerData as PlayersOptions;
const agents = new Map<number, RlpdAgent>();

try {
  const environment = await makeEnv(task, options);
  const selected = behaviours.some((behaviour) => behaviour !== undefined)
    ? await selectBackend({ ...engine, threads: 1 })
    : undefined;
  port.on('message', (plan: EpisodePlan) => {
    play(environment, plan).then(
      (result) =>
        send(
          { ok: true, result },
          Object.values(result.images).map(({ buffer }) => buffer as ArrayBuffer),
        ),
      (error: unknown) => send({ ok: false, ...sendError(error) }),
    );
  });
  const { spec, observationSpace } = environment;
  const facts: PlayerFacts = { spec, observationSpace, engine: selected?.note };
  send({ ok: true, result: facts });
} catch (error) {
  send({ ok: false, ...sendError(error) });
}

function send(message: PlayerMessage, moved: ArrayBuffer[] = []): void {
  port?.postMessage(message, moved);
}

async function play(environment: Environment, plan: EpisodePlan): Promise<PlayedEpisode> {
  const { seed, filmSize: size } = plan;
  const film: Frame[] = [];
  const episode = await rollout({
    environment,
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
  const agent = agents.get(place) ?? policyAgent(behaviour, environment, 0);
  agents.set(place, agent);
  agent.seedExploration(noiseSeed);
  return (observation) => agent.act(observation, mode);
}
