/**
 * A run's evaluations as a picture: mean return over env frames, with the 95% interval as a band; where the task says
 * whether an episode succeeded, the success rate is a picture of its own.
 */
import { taskLabel } from '../../envs/taskModule.js';
import type { RunConfig } from './config.js';
import { readMetrics, runPaths } from './runFolder.js';

/** Draws `learning-curve.png` and, if there is one, `success-rate.png` anew; nothing where there was no evaluation yet. */
export async function drawLearningCurve(run: string, config: RunConfig): Promise<void> {
  const evaluations = (await readMetrics(run)).flatMap((line) => (line.kind === 'evaluation' ? [line] : []));
  if (evaluations.length === 0) return;
  // Only now: what draws takes half a second to load.
  const { curveChartSvg, writeChart } = await import('../media/chart.js');
  const isOnline = evaluations.some((line) => line.envFrames > 0);
  const x = evaluations.map((line) => (isOnline ? line.envFrames : line.updates));
  const axis = { title: taskLabel(config.task), xLabel: isOnline ? 'env frames' : 'updates' };
  const svg = curveChartSvg({
    ...axis,
    subtitle:
      config.evaluationEpisodes === 1
        ? 'of one episode'
        : `mean of ${config.evaluationEpisodes} episodes and its 95% interval`,
    yLabel: 'return',
    curves: [
      {
        name: config.algorithm,
        x,
        mean: evaluations.map((line) => line.mean),
        low: evaluations.map((line) => line.ci95[0]),
        high: evaluations.map((line) => line.ci95[1]),
      },
    ],
  });
  await writeChart(runPaths(run).learningCurve, svg);
  if (evaluations.every((line) => line.successRate === undefined)) return;
  const successes = curveChartSvg({
    ...axis,
    subtitle: `success rate in ${config.evaluationEpisodes} episodes and its 95% interval`,
    yLabel: 'success rate',
    curves: [
      {
        name: config.algorithm,
        x,
        mean: evaluations.map((line) => line.successRate ?? 0),
        low: evaluations.map((line) => line.successCi95?.[0] ?? 0),
        high: evaluations.map((line) => line.successCi95?.[1] ?? 0),
      },
    ],
  });
  await writeChart(runPaths(run).successRate, successes);
}
