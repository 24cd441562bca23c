/** What the demo of the cartpole shows at its end: the table, the curve and the page. */
import { curveChartSvg, histogramSvg } from '../../src/media/chart.js';
import { reportPage } from '../../src/media/report.js';
import type { Collected } from '../../src/training/collect.js';
import type { RunConfig } from '../../src/training/config.js';
import type { NamedPolicy } from '../../src/training/experts.js';
import type { TrainResult } from '../../src/training/train.js';
import { grouped } from '../../src/words.js';
import { duration } from '../duration.js';
import { closingBlocks, plainTable } from './reportParts.js';
import type { Contestant } from './stages.js';

export interface DemoFacts {
  /** The random policy, behaviour cloning and RLPD, in this order. */
  readonly contestants: readonly Contestant[];
  /** RLPD's run. */
  readonly training: TrainResult;
  readonly rlpd: RunConfig;
  readonly cloningUpdates: number;
  readonly stateConfig: RunConfig;
  readonly data: Collected;
  readonly episodeReturns: readonly number[];
  /** Who made the data. */
  readonly behaviours: readonly (NamedPolicy | undefined)[];
  /** One line: which engine ran. */
  readonly engine: string;
  readonly isNative: boolean;
  readonly wallSeconds: number;
  /** RLPD's page, as a path from the report's folder; undefined where it could not be written. */
  readonly page: string | undefined;
}

export function demoTable(contestants: readonly Contestant[]): string {
  return plainTable([
    ['policy', 'mean return', '95% interval', 'interquartile mean'],
    ...contestants.map(({ name, mean, ci95, iqm }) => [
      name,
      mean.toFixed(1),
      ci95.map((end) => end.toFixed(1)).join(' to '),
      iqm.toFixed(1),
    ]),
  ]);
}

/** RLPD's evaluations over env frames, with the two others as levels. */
export function demoChart({ contestants, training, rlpd }: DemoFacts): string {
  const { evaluations } = training;
  return curveChartSvg({
    title: 'Cartpole swing-up from pixels',
    subtitle: `mean of ${rlpd.evaluationEpisodes} episodes and its 95% interval; dashed: mean of the final ${contestants[0]?.returns.length} episodes`,
    xLabel: 'env frames of fresh experience',
    yLabel: 'return',
    yRange: [0, Math.max(900, ...evaluations.map(({ ci95 }) => ci95[1]))],
    curves: [
      {
        name: 'RLPD',
        x: evaluations.map(({ envFrames }) => envFrames),
        mean: evaluations.map(({ mean }) => mean),
        low: evaluations.map(({ ci95 }) => ci95[0]),
        high: evaluations.map(({ ci95 }) => ci95[1]),
      },
    ],
    levels: contestants
      .filter(({ name }) => name !== 'RLPD')
      .reverse()
      .map(({ name, mean }) => ({ name, value: mean })),
  });
}

export function demoReport(facts: DemoFacts, chart: string): string {
  const { contestants, training, rlpd, cloningUpdates, stateConfig, data, behaviours } = facts;
  const [random, bc, best] = contestants;
  const from: Readonly<Record<string, string>> = {
    random: 'nothing',
    'behaviour cloning': `${data.episodes} recorded episodes`,
    RLPD: `the same episodes and ${grouped(best?.envFrames ?? 0)} env frames of its own`,
  };
  return reportPage({
    title: 'Cartpole swing-up from pixels',
    lead: `RLPD reaches a mean return of ${round(best)}, behaviour cloning on the same data ${round(bc)}, a random policy ${round(random)} (the greatest possible is below 1000). Made in ${duration(facts.wallSeconds)}.`,
    sections: [
      {
        heading: 'Result',
        blocks: [
          {
            kind: 'table',
            head: ['policy', 'mean return', '95% interval', 'learnt from'],
            rows: contestants.map(({ name, mean, ci95 }) => [
              name,
              Math.round(mean),
              `${Math.round(ci95[0])} to ${Math.round(ci95[1])}`,
              from[name] ?? '',
            ]),
            highlight: contestants.length - 1,
          },
          {
            kind: 'videos',
            items: contestants.map(({ name, video, returns }) => ({
              source: video,
              title: name,
              caption: `first episode, return ${Math.round(returns[0] ?? 0)}`,
            })),
          },
          ...(facts.page === undefined
            ? []
            : [
                {
                  kind: 'link' as const,
                  target: facts.page,
                  text: "RLPD's policy at work: a page on which it can be looked at from all sides, and disturbed",
                },
              ]),
          {
            kind: 'text',
            text: `Of each learner's policies the one is taken that its evaluations along the way, ${rlpd.evaluationEpisodes} episodes each, liked best. It acts for ${best?.returns.length} episodes from the same initial states as the others, which neither training nor that choice has seen; RLPD's last evaluation, after ${grouped(training.envFrames)} env frames, gave ${Math.round(training.evaluations.at(-1)?.mean ?? 0)}. The interval is a bootstrap over these episodes, of one training run with one seed (${rlpd.seed}). The films are drawn large; the policies see ${rlpd.imageSize}×${rlpd.imageSize} pixels, ${rlpd.frameStack} frames at a time, through a camera that follows the cart.`,
          },
        ],
      },
      { heading: 'Learning curve', blocks: [{ kind: 'chart', svg: chart }] },
      {
        heading: 'Where the data come from',
        blocks: [
          {
            kind: 'text',
            text: `A soft actor-critic that sees the pole's position and speed instead of images learnt the task for ${grouped(stateConfig.envFrames)} env frames, and kept its policy at every evaluation. Each of these snapshots, and the random policy, recorded ${data.episodes / behaviours.length} episodes as images. So the data are mixed: ${data.episodes} episodes with returns from ${Math.round(data.returnMin ?? 0)} to ${Math.round(data.returnMax ?? 0)}, ${Math.round(data.returnMean ?? 0)} on average.`,
          },
          {
            kind: 'table',
            head: ['who acted', 'trained for (env frames)', 'return of its mode'],
            rows: behaviours.map((behaviour) =>
              behaviour === undefined
                ? ['random policy', '–', '–']
                : [
                    'snapshot',
                    grouped(behaviour.envFrames),
                    behaviour.return === null ? '–' : String(Math.round(behaviour.return)),
                  ],
            ),
          },
          {
            kind: 'chart',
            svg: histogramSvg({
              title: 'Returns in the dataset',
              xLabel: 'return of an episode',
              yLabel: 'episodes',
              values: facts.episodeReturns,
              height: 280,
            }),
          },
        ],
      },
      {
        heading: 'Settings',
        blocks: [
          {
            kind: 'text',
            text: `${facts.engine} An action is held for ${rlpd.actionRepeat} control steps. RLPD: ${grouped(training.updates)} updates of ${rlpd.ensembleSize} critics on batches of ${rlpd.batchSize}, half recorded and half its own. Behaviour cloning: ${grouped(cloningUpdates)} updates of the actor and its encoder on the recorded images alone.`,
          },
          ...closingBlocks({ isNative: facts.isNative, run: training.run, episodes: 20, envFrames: 100_000 }),
        ],
      },
    ],
  });
}

function round(contestant: Contestant | undefined): string {
  return contestant === undefined ? '–' : String(Math.round(contestant.mean));
}
