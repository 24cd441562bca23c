/** A chart for each number that the runs report, in the same colours. */
import { type ComponentChildren, Fragment } from 'preact';
import { useMemo } from 'preact/hooks';
import { bandSeries } from '../media/bandSeries.js';
import type { Curves, MeasureChart, PageCurve } from '../serve/protocol.js';
import { grouped } from '../words.js';
import { axis, Chart, type Ink, margins, onGround, tooltip } from './chart.js';
import { isDark } from './state.js';
import { countedInGroups, short } from './words.js';

export interface CurveChartsProps {
  readonly curves: Curves;
  /** What stands beside the first chart. */
  readonly beside?: ComponentChildren;
  /** Where on the x axis of the evaluations' charts it belongs. */
  readonly mark?: number | undefined;
  /** Told where on it a person presses. */
  readonly onX?: (x: number) => void;
}

/** Those whose points are evaluations. */
const ofEvaluations: ReadonlySet<string> = new Set(['return', 'successRate']);

export function CurveCharts({ curves, beside, mark, onX }: CurveChartsProps) {
  return (
    <>
      {curves.tasks.map(({ title, charts }) => (
        <section key={title} aria-label={title}>
          <h3>{title}</h3>
          <Legend charts={charts} />
          {charts.length === 0 && <p class="keys">Nothing has been reported yet.</p>}
          <div class="curves">
            {charts.map((chart, place) => (
              <Fragment key={chart.measure}>
                <MeasureFigure
                  chart={chart}
                  xLabel={curves.xLabel}
                  {...(ofEvaluations.has(chart.measure) && { mark, onX })}
                />
                {place === 0 && beside}
              </Fragment>
            ))}
          </div>
        </section>
      ))}
    </>
  );
}

/** One for all charts of a task; a single curve needs none. */
function Legend({ charts }: { readonly charts: readonly MeasureChart[] }) {
  const dark = isDark.value;
  const known = new Map(charts.flatMap(({ curves }) => curves.map((curve) => [curve.name, curve])));
  if (known.size < 2) return null;
  const hasSeeds = [...known.values()].some(({ runs }) => runs.length > 1);
  return (
    <ul class="legend">
      {[...known.values()].map(({ name, color, runs }) => (
        <li key={name} class="key">
          <i style={{ background: onGround(color, dark) }} />
          {name} {hasSeeds && <small>{countedInGroups(runs.length, 'seed')}</small>}
        </li>
      ))}
    </ul>
  );
}

interface MeasureFigureProps {
  readonly chart: MeasureChart;
  readonly xLabel: string;
  readonly mark?: number | undefined;
  readonly onX?: ((x: number) => void) | undefined;
}

function MeasureFigure({ chart, xLabel, mark, onX }: MeasureFigureProps) {
  const dark = isDark.value;
  const option = useMemo(
    () => (ink: Ink) => optionOf(chart.curves, ink, xLabel, dark, mark),
    [chart, xLabel, dark, mark],
  );
  return (
    <figure data-measure={chart.measure}>
      <figcaption>
        {chart.label} <small>{lastWords(chart.curves, xLabel)}</small>
      </figcaption>
      <Chart
        label={`${chart.label} over ${xLabel}`}
        height={190}
        option={option}
        {...(onX !== undefined && { onX })}
      />
    </figure>
  );
}

/** Of a single curve, where it stands. */
function lastWords([only, ...others]: readonly PageCurve[], xLabel: string): string {
  const [x, value] = [only?.x.at(-1), only?.value.at(-1)];
  if (x === undefined || value === undefined || others.length > 0) return '';
  return `${short(value)} at ${xLabel.startsWith('minutes') ? `${short(x)} min` : `${grouped(Math.round(x))} ${xLabel}`}`;
}

function optionOf(
  curves: readonly PageCurve[],
  ink: Ink,
  xLabel: string,
  dark: boolean,
  mark: number | undefined,
): Record<string, unknown> {
  const series = curves.flatMap(({ name, x, value, low, high, ...curve }) => {
    const color = onGround(curve.color, dark);
    const line = {
      type: 'line',
      name,
      data: x.map((at, i) => [at, value[i]]),
      showSymbol: x.length < 2 || mark !== undefined,
      ...(mark !== undefined && { markLine: markAt(mark, ink) }),
      lineStyle: { width: 2, color },
      itemStyle: { color },
      z: 3,
    };
    return [...(low !== null && high !== null ? [bandSeries(x, low, high, color)] : []), line];
  });
  return {
    grid: { ...margins, top: 10, bottom: 40 },
    xAxis: axis(ink, { name: xLabel, nameLocation: 'middle', nameGap: 24, splitLine: { show: false } }),
    yAxis: axis(ink, { scale: true, splitNumber: 4 }),
    tooltip: {
      ...tooltip(ink),
      valueFormatter: (number: unknown) => (typeof number === 'number' ? short(number) : ''),
    },
    series,
  };
}

/** The evaluation that is shown beside the curves. */
function markAt(x: number, { text }: Ink): Record<string, unknown> {
  return {
    silent: true,
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: text, type: 'dashed', width: 1 },
    data: [{ xAxis: x }],
  };
}
