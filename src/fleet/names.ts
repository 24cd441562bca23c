/** What things are called on the server: streams, subjects, buckets, keys. README.md has the table. */
import { InputError } from '../errors.js';

export const EPISODES = 'RLPD_EPISODES';
export const PLANS = 'RLPD_PLANS';
export const POLICIES = 'rlpd_policies';
export const RUNS = 'rlpd_runs';
export const LEASES = 'rlpd_leases';

/** Of studies: runs to be played, how each stands, files of data and runs, and who is there to play. */
export const JOBS = 'RLPD_JOBS';
export const JOB_STATES = 'rlpd_jobs';
export const FILES = 'rlpd_files';
export const WORKERS = 'rlpd_workers';

export const EPISODE_SUBJECTS = ['rlpd.*.part.>', 'rlpd.*.end.*'];
export const PLAN_SUBJECTS = ['rlpd.*.plan.>'];
export const JOB_SUBJECTS = ['rlpd_jobs.*.*'];
/** Whoever comes may take a plan of this lane. */
export const ANY_LANE = 'any';

/** n: an episode's number; a: an attempt's UUID; p: a part's number, from 0. */
export const subjects = (run: string) => ({
  part: (n: number, a: string, p: number): string => `rlpd.${run}.part.${n}.${a}.${p}`,
  /** Of all attempts. */
  parts: (n: number): string => `rlpd.${run}.part.${n}.>`,
  allParts: `rlpd.${run}.part.>`,
  end: (n: number): string => `rlpd.${run}.end.${n}`,
  ends: `rlpd.${run}.end.*`,
  plan: (lane: string, n: number): string => `rlpd.${run}.plan.${lane}.${n}`,
  plans: (lane: string): string => `rlpd.${run}.plan.${lane}.*`,
  allPlans: `rlpd.${run}.plan.>`,
});

export const keys = (run: string) => ({
  spec: `${run}.spec`,
  policy: `${run}.policy`,
  learner: `${run}.learner`,
});

/** The durable consumer that hands a lane's plans out. */
export const laneConsumer = (run: string, lane: string): string => `${run}_${lane}`;

export const policyObject = (run: string, version: number): string => `${run}/${version}`;

/** The number of the episode that a subject of an end is of. */
export function endNumber(subject: string): number {
  return Number(subject.slice(subject.lastIndexOf('.') + 1));
}

/** @throws InputError where it cannot be part of a subject */
export function requireName(name: string, what: string): string {
  if (/^[A-Za-z0-9-]{1,60}$/.test(name)) return name;
  throw new InputError(
    `"${name}" cannot be the name of a ${what}: expected at most 60 letters, digits and dashes.`,
  );
}

/** id: a job's; version: of the program that is to play it. */
export const jobSubjects = {
  job: (version: string, id: string): string => `rlpd_jobs.${version}.${id}`,
  jobs: (version: string): string => `rlpd_jobs.${version}.*`,
  /** Told while it is played, and kept nowhere. */
  progress: (id: string): string => `rlpd_progress.${id}`,
};

/** The durable consumer that hands a version's jobs out. */
export const jobConsumer = (version: string): string => `workers_${version}`;

/** Of files that any job may need, such as datasets. */
export const DATA_PREFIX = 'data';
/** Of one job's own. */
export const jobPrefix = (id: string): string => `jobs/${id}`;
