/** What the demo of the arm shows at its end: the table, the curves and the page. */
import { type Curve, curveChartSvg } from '../../src/media/chart.js';
import { reportPage } from '../../src/media/report.js';
import type { Collected } from '../../src/training/collect.js';
import type { RunConfig } from '../../src/training/config.js';
import { percent } from '../../src/training/successRate.js';
import type { TrainResult } from '../../src/training/train.js';
import { grouped } from '../../src/words.js';
import { duration } from '../duration.js';
import { closingBlocks, plainTable } from './reportParts.js';
import type { Contestant } from './stages.js';

/** A learner, its run and how its policy was scored. */
export interface Learner {
  readonly contestant: Contestant;
  readonly config: RunConfig;
  readonly training: TrainResult;
  /** What it learnt from, in words. */
  readonly from: string;
}

export interface ArmDemoFacts {
  /** What is to be done, in words. */
  readonly goal: string;
  /** In the order they are shown in: the last is the one the demo is about. */
  readonly learners: readonly Learner[];
  readonly data: Collected;
  /** One line: which engine ran. */
  readonly engine: string;
  readonly isNative: boolean;
  readonly wallSeconds: number;
}

function interval({ successCi95 }: Contestant): string {
  return successCi95 === undefined ? '–' : successCi95.map(percent).join(' to ');
}

export function armTable(learners: readonly Learner[]): string {
  return plainTable([
    ['policy', 'success', '95% interval', 'seconds an episode'],
    ...learners.map(({ contestant }) => [
      contestant.name,
      percent(contestant.successRate ?? 0),
      interval(contestant),
      contestant.seconds.toFixed(1),
    ]),
  ]);
}

/** Success over env frames of those that act for themselves, with the others as levels. */
export function armChart({ learners }: ArmDemoFacts): string {
  const online = learners.filter(({ config }) => config.algorithm !== 'bc');
  const first = learners[0];
  return curveChartSvg({
    title: 'Success from two cameras and a sparse reward',
    subtitle: `of ${first?.config.evaluationEpisodes} episodes, with the 95% interval; dashed: of the final ${first?.contestant.returns.length} episodes`,
    xLabel: 'env frames of own experience',
    yLabel: 'share of episodes that succeed',
    yRange: [0, 1],
    curves: online.map(({ contestant, training: { evaluations } }): Curve => {
      const known = evaluations.filter(({ successRate }) => successRate !== undefined);
      return {
        name: contestant.name,
        x: known.map(({ envFrames }) => envFrames),
        mean: known.map(({ successRate }) => successRate ?? 0),
        low: known.map(({ successCi95 }) => successCi95?.[0] ?? 0),
        high: known.map(({ successCi95 }) => successCi95?.[1] ?? 0),
      };
    }),
    levels: learners
      .filter(({ config }) => config.algorithm === 'bc')
      .map(({ contestant: { name, successRate = 0 } }) => ({ name, value: successRate })),
  });
}

export function armReport(facts: ArmDemoFacts, chart: string): string {
  const { learners, data, goal } = facts;
  const best = learners.at(-1);
  if (best === undefined) throw new Error('The demo has no learner.');
  const rate = (one: Learner): string => percent(one.contestant.successRate ?? 0);
  const others = learners
    .slice(0, -1)
    .map((one) => `${one.contestant.name} in ${rate(one)}`)
    .join(', ');
  const { config } = best;
  return reportPage({
    title: 'An arm learns from 20 demonstrations',
    lead: `${goal} ${best.contestant.name} succeeds in ${rate(best)} of ${best.contestant.returns.length} episodes, ${others}. Made in ${duration(facts.wallSeconds)}.`,
    sections: [
      {
        heading: 'Result',
        blocks: [
          {
            kind: 'table',
            head: ['policy', 'success', '95% interval', 'seconds an episode', 'learnt from'],
            rows: learners.map((one) => [
              one.contestant.name,
              rate(one),
              interval(one.contestant),
              one.contestant.seconds.toFixed(1),
              one.from,
            ]),
            highlight: learners.length - 1,
          },
          {
            kind: 'videos',
            items: learners.map(({ contestant: { name, video, returns } }) => ({
              source: video,
              title: name,
              caption: `first episode: ${(returns[0] ?? 0) > 0 ? 'success' : 'no success'}`,
            })),
          },
          {
            kind: 'text',
            text: `Of each learner's policies the one is taken that its evaluations along the way, ${config.evaluationEpisodes} episodes each, liked best. It acts for ${best.contestant.returns.length} episodes from the same initial states as the others, which neither training nor that choice has seen. The interval is Wilson's over these episodes, of one training run with one seed (${config.seed}). The films are drawn large; the policies see ${config.imageSize}×${config.imageSize} pixels from beside the table and from the wrist, and feel the joints.`,
          },
        ],
      },
      { heading: 'Learning curves', blocks: [{ kind: 'chart', svg: chart }] },
      {
        heading: 'Where the demonstrations come from',
        blocks: [
          {
            kind: 'text',
            text: `A scripted expert, which reads from the simulation where things are, played with noise and recoveries until ${data.episodes} of ${data.played} episodes had succeeded. What the learners get of it are the pictures, the joints, the actions and a reward of 1 at the end: ${grouped(data.steps)} actions in all.`,
          },
        ],
      },
      {
        heading: 'Settings',
        blocks: [
          {
            kind: 'text',
            text: `${facts.engine} ${learners
              .map(({ contestant: { name }, training }) => `${name}: ${grouped(training.updates)} updates`)
              .join('; ')}; batches of ${config.batchSize}, ${config.ensembleSize} critics.`,
          },
          ...closingBlocks({
            isNative: facts.isNative,
            run: best.training.run,
            episodes: 50,
            envFrames: 30_000,
          }),
        ],
      },
    ],
  });
}
