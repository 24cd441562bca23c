/** A run's evaluations as a picture: mean return over env frames, with the 95% interval as a band. */
import { taskLabel } from '../../envs/taskModule.js';
import { curveChartSvg, writeChart } from '../media/chart.js';
import type { RunConfig } from './config.js';
import { readMetrics, runPaths } from './runFolder.js';

/** Draws `learning-curve.png` anew; nothing where there was no evaluation yet. */
export async function drawLearningCurve(run: string, config: RunConfig): Promise<void> {
  const evaluations = (await readMetrics(run)).flatMap((line) => (line.kind === 'evaluation' ? [line] : []));
  if (evaluations.length === 0) return;
  const isOnline = evaluations.some((line) => line.envFrames > 0);
  const svg = curveChartSvg({
    title: taskLabel(config.task),
    subtitle:
      config.evaluationEpisodes === 1
        ? 'of one episode'
        : `mean of ${config.evaluationEpisodes} episodes and its 95% interval`,
    xLabel: isOnline ? 'env frames' : 'updates',
    yLabel: 'return',
    curves: [
      {
        name: config.algorithm,
        x: evaluations.map((line) => (isOnline ? line.envFrames : line.updates)),
        mean: evaluations.map((line) => line.mean),
        low: evaluations.map((line) => line.ci95[0]),
        high: evaluations.map((line) => line.ci95[1]),
      },
    ],
  });
  await writeChart(runPaths(run).learningCurve, svg);
}
