/**
 * The policies that ship with the project, by task, and the data levels made from them. A task's folder holds
 * snapshots along one state agent's training; which of them is "medium" follows from the returns they carry.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRemote } from '../../envs/remote/protocol.js';
import { findTask } from '../../envs/suite/registry.js';
import { isTaskModule } from '../../envs/taskModule.js';
import { InputError } from '../errors.js';
import type { Level } from './levels.js';
import { type PolicyFile, readPolicy } from './policyFile.js';

/** A policy with the name of its file. */
export type NamedPolicy = PolicyFile & { readonly name: string };
/** The task's own scripted expert. */
export const DEMONSTRATOR = 'demonstrator';
/** Who acts; undefined acts uniformly at random. */
export type Behaviour = NamedPolicy | typeof DEMONSTRATOR | undefined;

/**
 * One who acts in `collect` or `evaluateKept`.
 * @param path a policy file, such as RUN/best.safetensors
 * @throws InputError where the file is not a policy of this program
 */
export async function readBehaviour(path: string): Promise<NamedPolicy> {
  return { ...(await readPolicy(path)), name: path };
}

/** The policies among those who act, each once. */
export function policiesAmong(behaviours: readonly Behaviour[]): NamedPolicy[] {
  return [...new Set(behaviours)].filter((one) => one !== undefined && one !== DEMONSTRATOR);
}

/** What a dataset says of who acted. */
export function behaviourName(behaviour: Behaviour): string {
  if (behaviour === undefined) return 'uniform';
  return behaviour === DEMONSTRATOR ? "the task's scripted expert" : behaviour.name;
}

const EXPERT_FOLDER = fileURLToPath(new URL('../../datasets/experts/', import.meta.url));

/**
 * Who acts in each of `episodes` episodes of a level, in order:
 * - random: uniform actions; expert: the best snapshot; medium: the one nearest half of the expert's return;
 * - medium_expert: half of the episodes each;
 * - medium_replay: as in the replay of the training up to medium, its snapshots from the random start on, in order;
 * - demonstration: the task's own scripted expert. Whether there is one turns out where the environment is made.
 * @throws InputError where there is no such task, or no policies ship for it
 */
export async function behaviours(
  task: string,
  level: Exclude<Level, 'demonstration'>,
  episodes: number,
): Promise<(NamedPolicy | undefined)[]>;
export async function behaviours(task: string, level: Level, episodes: number): Promise<Behaviour[]>;
export async function behaviours(task: string, level: Level, episodes: number): Promise<Behaviour[]> {
  if (!isRemote(task) && !isTaskModule(task)) findTask(task);
  if (level === 'random') return new Array<Behaviour>(episodes).fill(undefined);
  if (level === 'demonstration') return new Array<Behaviour>(episodes).fill(DEMONSTRATOR);
  const { expert, medium, untilMedium } = await snapshotsOf(task);
  const turns: Record<Exclude<Level, 'random' | 'demonstration'>, readonly Behaviour[]> = {
    expert: [expert],
    medium: [medium],
    medium_expert: [medium, expert],
    medium_replay: [undefined, ...untilMedium],
  };
  const inTurn = turns[level];
  return Array.from(
    { length: episodes },
    (_, episode) => inTurn[Math.floor((episode * inTurn.length) / episodes)],
  );
}

async function snapshotsOf(task: string, folder = join(EXPERT_FOLDER, task)) {
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.safetensors'));
  const snapshots = await Promise.all(
    files.map(async (name) => ({
      ...(await readPolicy(join(folder, name))),
      name: basename(name, '.safetensors'),
    })),
  );
  const scored = snapshots
    .flatMap((snapshot) => (snapshot.return === null ? [] : [{ ...snapshot, return: snapshot.return }]))
    .sort((a, b) => a.envFrames - b.envFrames);
  const best = Math.max(...scored.map((snapshot) => snapshot.return));
  const expert = scored.find((snapshot) => snapshot.return === best);
  const [medium] = [...scored].sort((a, b) => Math.abs(a.return - best / 2) - Math.abs(b.return - best / 2));
  if (expert === undefined || medium === undefined)
    throw new InputError(
      `No policies ship for ${task}: train one (rlpd train --task ${task} --obs state --preset online-state --snapshots) and collect with --policy or --run.`,
    );
  return { expert, medium, untilMedium: scored.filter((snapshot) => snapshot.envFrames <= medium.envFrames) };
}
