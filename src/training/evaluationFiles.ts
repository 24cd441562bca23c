/** What an evaluation leaves in a run's folder: its returns, the curve so far, and the policy where it is worth keeping. */
import { join } from 'node:path';
import { writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import type { RunConfig } from './config.js';
import type { Evaluation } from './evaluate.js';
import { drawLearningCurve } from './learningCurve.js';
import type { Counters } from './metrics.js';
import { type PolicyFile, writePolicy } from './policyFile.js';
import { runPaths } from './runFolder.js';

/** @param stepName as `step-00001000` */
export async function keepEvaluation(
  folder: string,
  config: RunConfig,
  stepName: string,
  counters: Counters,
  evaluation: Evaluation,
): Promise<void> {
  const { evaluations } = runPaths(folder);
  await makeFolder(evaluations);
  const { task, evaluationEpisodes: episodes } = config;
  const text = JSON.stringify({ task, ...counters, episodes, ...evaluation });
  await writeFileAtomic(join(evaluations, `${stepName}.json`), `${text}\n`);
  await drawLearningCurve(folder, config);
}

/** The policy alone: as a snapshot under the step's name, and as the best one so far. */
export async function keepPolicy(
  folder: string,
  policy: PolicyFile,
  { snapshot, isBest }: { readonly snapshot: string | undefined; readonly isBest: boolean },
): Promise<void> {
  const { policies, bestPolicy } = runPaths(folder);
  if (snapshot !== undefined) {
    await makeFolder(policies);
    await writePolicy(join(policies, `${snapshot}.safetensors`), policy);
  }
  if (isBest) await writePolicy(bestPolicy, policy);
}
