/** `rlpd learner`: the training of `rlpd train`, with episodes that actors play. */
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { locateTask } from '../../envs/taskModule.js';
import type { BackendOptions } from '../backend/options.js';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../files/atomicFile.js';
import { learnsOnline } from '../training/config.js';
import { replayLayout } from '../training/environmentOptions.js';
import type { ExperienceSource } from '../training/experience.js';
import { type ExperienceSetting, type TrainOptions, type TrainResult, train } from '../training/train.js';
import { PACKAGE_VERSION } from '../training/version.js';
import { ActorProcesses } from './actorProcesses.js';
import { Arrivals } from './arrivals.js';
import { type ServerAddress, withoutSecrets } from './connect.js';
import { EmbeddedServer } from './embeddedServer.js';
import { PROTOCOL } from './messages.js';
import { ANY_LANE, requireName } from './names.js';
import { openLearnerPort } from './port.js';
import { maxRecordBytes, maxSteps, recordManifest } from './record.js';

/** What the result depends on, and who the run is; kept in its folder. */
const fleetSchema = z.object({
  owner: z.uuid(),
  name: z.string(),
  mode: z.enum(['ordered', 'free']),
  inFlight: z.int().min(1),
  lanes: z.array(z.string()).min(1),
});
type Fleet = z.output<typeof fleetSchema>;

const FLEET_FILE = 'learner.json';

export interface LearnOptions extends Omit<TrainOptions, 'openExperience' | 'takeOver'> {
  /** Default: a server of its own, which takes `actors`. */
  readonly address?: ServerAddress | undefined;
  /** The run's name on the server; default: its folder's. */
  readonly name?: string | undefined;
  /** Default `ordered`. */
  readonly mode?: Fleet['mode'] | undefined;
  /** Episodes that may be open at a time; default 4. */
  readonly inFlight?: number | undefined;
  /** Who is asked in turn; default: anybody. */
  readonly lanes?: readonly string[] | undefined;
  /** After so many without a sign of life an actor's plan goes to another; default 30. */
  readonly planSeconds?: number | undefined;
  /** Whether the server is to forget another run of this name. */
  readonly replaces?: boolean | undefined;
  /** Actors to be started on this machine. */
  readonly actors?: number | undefined;
  readonly actorBackend?: BackendOptions['backend'] | undefined;
}

/** @throws InputError as `train` does, and where the server refuses the run or cannot be reached */
export async function learn(options: LearnOptions): Promise<TrainResult> {
  const { run: folder, actors = 0, onNote = () => {} } = options;
  if (options.address === undefined && actors === 0)
    throw new InputError(
      'A learner needs actors: say by --nats where the NATS server is that they come to, or start some on this machine by --actors N.',
    );
  if (options.config !== undefined && !learnsOnline(options.config))
    throw new InputError(
      'Behaviour cloning learns from a dataset alone, and asks for no actors: use rlpd train.',
    );
  const stop = new AbortController();
  options.signal?.addEventListener('abort', () => stop.abort(), { once: true });
  if (options.signal?.aborted) stop.abort();
  let failure: Error | undefined;
  let server: EmbeddedServer | undefined;
  let processes: ActorProcesses | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    stop.abort();
  };
  const openExperience = async (setting: ExperienceSetting): Promise<ExperienceSource> => {
    if (options.address === undefined) server = await EmbeddedServer.start(serverFolder(folder));
    const { fleet, isNew } = await settle(options);
    const address = options.address ?? { url: (server as EmbeddedServer).url };
    const source = await openArrivals(options, fleet, address, setting).catch(async (error) => {
      // What the server does not have leaves nothing behind.
      if (isNew) await rm(join(folder, FLEET_FILE), { force: true });
      throw error;
    });
    const orders = Array.from({ length: actors }, (_, i) => ({
      address,
      run: fleet.name,
      lane: fleet.lanes[i % fleet.lanes.length] as string,
      ...(options.actorBackend && { backend: options.actorBackend }),
    }));
    if (actors > 0) processes = new ActorProcesses(orders, fail, onNote);
    else onNote(`Episodes come from: rlpd actor --nats ${withoutSecrets(address.url)} --run ${fleet.name}`);
    return source;
  };
  try {
    const result = await train({ ...options, signal: stop.signal, openExperience });
    if (failure !== undefined) throw failure;
    return result;
  } finally {
    await processes?.close();
    await server?.close();
  }
}

/** What the server of a run's own keeps. */
export const serverFolder = (run: string): string => join(run, 'nats');

/** The run's settings of this kind: its own where it goes on, else those that are given. */
async function settle(options: LearnOptions): Promise<{ fleet: Fleet; isNew: boolean }> {
  const { run: folder, resume = false, mode, inFlight, lanes, name } = options;
  const path = join(folder, FLEET_FILE);
  const before = await readFleet(path);
  if (resume && before !== undefined) {
    const given = { mode, inFlight, lanes, name };
    for (const [key, value] of Object.entries(given)) {
      const was = before[key as keyof Fleet];
      if (value !== undefined && JSON.stringify(value) !== JSON.stringify(was))
        throw new InputError(
          `The ${key} of ${folder} cannot change in the middle of the run: it was started with ${JSON.stringify(was)}.`,
        );
    }
    return { fleet: before, isNew: false };
  }
  const fleet: Fleet = {
    owner: before?.owner ?? randomUUID(),
    name: requireName(name ?? basename(resolve(folder)).replaceAll(/[^A-Za-z0-9-]/g, '-'), 'run'),
    mode: mode ?? 'ordered',
    inFlight: inFlight ?? 4,
    lanes: requireLanes(lanes ?? [ANY_LANE]),
  };
  await writeFileAtomic(path, `${JSON.stringify(fleet, null, 2)}\n`);
  return { fleet, isNew: before === undefined };
}

function requireLanes(lanes: readonly string[]): string[] {
  const twice = lanes.find((lane, i) => lanes.indexOf(lane) !== i);
  if (twice !== undefined)
    throw new InputError(
      `--lanes names "${twice}" twice: name each lane once; several actors may have the same one (--lane of rlpd actor).`,
    );
  return lanes.map((lane) => requireName(lane, 'lane'));
}

/** Undefined where no learner began here. */
async function readFleet(path: string): Promise<Fleet | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return fleetSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(`${path} is damaged: ${(error as Error).message.split('\n')[0]}.`);
  }
}

async function openArrivals(
  options: LearnOptions,
  fleet: Fleet,
  address: ServerAddress,
  { config, agent, spec, observationSpace, signal }: ExperienceSetting,
): Promise<Arrivals> {
  const { run: folder, resume = false, replaces = false, planSeconds = 30, onNote = () => {} } = options;
  const { owner, name, mode, inFlight, lanes } = fleet;
  const layout = replayLayout(observationSpace, spec);
  const port = await openLearnerPort(
    {
      address,
      run: name,
      spec: {
        protocol: PROTOCOL,
        version: PACKAGE_VERSION,
        owner,
        place: `${resolve(folder)} on ${hostname()}`,
        config: { ...config, task: locateTask(config.task, folder) },
        layout: { ...layout, images: [...layout.images] },
        mode,
        lanes: [...lanes],
        planSeconds,
        isFinished: false,
      },
      isResumed: resume,
      replaces,
      maxRecordBytes: maxRecordBytes(observationSpace, spec),
      keepPolicies: inFlight + 2,
    },
    onNote,
  );
  return new Arrivals({
    port,
    agent,
    layout,
    manifest: recordManifest(observationSpace, spec),
    maxSteps: maxSteps(spec),
    actionRepeat: config.actionRepeat,
    randomSteps: config.randomSteps,
    mode,
    inFlight,
    lanes,
    seed: config.seed,
    signal,
    onNote,
  });
}
