/** Rewards, actions and state of an episode over its steps. A press on a plot goes to that step. */
import { useMemo } from 'preact/hooks';
import { palette } from '../media/palette.js';
import type { DatasetDetails, EpisodeValues } from '../serve/protocol.js';
import { axis, Chart, type Ink, margins, onGround, tooltip } from './chart.js';
import { isDark } from './state.js';
import { short } from './words.js';

interface Plot {
  readonly title: string;
  /** A row a line, each over the steps. */
  readonly rows: readonly { readonly name: string; readonly values: readonly number[] }[];
  readonly range?: readonly [number, number];
}

export interface EpisodePlotsProps {
  readonly values: EpisodeValues;
  readonly dataset: DatasetDetails;
  readonly step: number;
  /** First and last step that are kept. */
  readonly kept: readonly [first: number, last: number];
  readonly onStep: (step: number) => void;
}

export function EpisodePlots({ values, dataset, step, kept, onStep }: EpisodePlotsProps) {
  const dark = isDark.value;
  const steps = values.rewards.length;
  const plots = useMemo(
    () =>
      plotsOf(values, dataset).map((plot) => ({
        ...plot,
        option: (ink: Ink) => optionOf(plot, values.interventions, steps, ink, dark),
      })),
    [values, dataset, steps, dark],
  );
  const place = (at: number): string =>
    `${margins.left}px + (100% - ${margins.left + margins.right}px) * ${at / Math.max(1, steps)}`;
  const [first, last] = kept;
  return (
    <div class="plots">
      {plots.map(({ title, rows, option }) => (
        <figure key={title}>
          <figcaption>
            {title}
            <small>
              {rows.length > 1 &&
                rows.map(({ name, values: numbers }, place) => (
                  <span key={name} class="key">
                    <i style={{ background: colourOf(place, dark) }} />
                    {name} {short(numbers[Math.min(step, numbers.length - 1)] ?? 0)}
                  </span>
                ))}
            </small>
          </figcaption>
          <div class="plot">
            <Chart label={`${title}, over ${steps} steps`} height={130} option={option} onX={onStep} />
            {first > 0 && (
              <div
                class="away"
                style={{ left: `${margins.left}px`, right: `calc(100% - (${place(first)}))` }}
              />
            )}
            {last < steps && (
              <div class="away" style={{ left: `calc(${place(last)})`, right: `${margins.right}px` }} />
            )}
            <div class="cursor" style={{ left: `calc(${place(step)})` }} />
          </div>
        </figure>
      ))}
    </div>
  );
}

function plotsOf(
  values: EpisodeValues,
  { actionSize, actionNames, stateSize, stateNames }: DatasetDetails,
): Plot[] {
  const { actions, rewards, state } = values;
  const column = (all: readonly number[], size: number, place: number): number[] =>
    Array.from({ length: Math.floor(all.length / size) }, (_, row) => all[row * size + place] as number);
  const rows = (all: readonly number[], size: number, names: readonly string[] | null) =>
    Array.from({ length: size }, (_, place) => ({
      name: names?.[place] ?? String(place),
      values: column(all, size, place),
    }));
  return [
    { title: 'reward', rows: [{ name: 'reward', values: rewards }] },
    { title: 'action', rows: rows(actions, actionSize, actionNames), range: [-1, 1] },
    ...(state === null ? [] : [{ title: 'state', rows: rows(state, stateSize, stateNames) }]),
  ];
}

function optionOf(
  { rows, range }: Plot,
  interventions: readonly number[] | null,
  steps: number,
  ink: Ink,
  dark: boolean,
): Record<string, unknown> {
  const series = rows.map(({ name, values }, place) => ({
    type: 'line',
    name,
    data: values.map((value, step) => [step, value]),
    showSymbol: steps < 2,
    symbolSize: 4,
    lineStyle: { width: 1.5, color: colourOf(place, dark) },
    itemStyle: { color: colourOf(place, dark) },
    ...(place === 0 && { markArea: marksOf(interventions), markLine: endsOf(steps, ink) }),
  }));
  return {
    grid: { ...margins, top: 10, bottom: 22 },
    xAxis: axis(ink, { min: 0, max: Math.max(1, steps), splitLine: { show: false } }),
    yAxis: axis(ink, { scale: true, splitNumber: 3, ...(range && { min: range[0], max: range[1] }) }),
    // A row for each of many numbers would cover the plot.
    ...(rows.length <= 8 && { tooltip: tooltip(ink) }),
    series,
  };
}

/** Where the episode starts and ends. */
function endsOf(steps: number, { text }: Ink): Record<string, unknown> {
  return {
    silent: true,
    symbol: 'none',
    label: { show: false },
    lineStyle: { color: text, type: 'solid', width: 1 },
    data: [{ xAxis: 0 }, { xAxis: steps }],
  };
}

/** Steps in which a person took over, shaded. */
function marksOf(interventions: readonly number[] | null): Record<string, unknown> {
  const spans: [{ xAxis: number }, { xAxis: number }][] = [];
  interventions?.forEach((mark, step) => {
    if (mark !== 1) return;
    const last = spans.at(-1);
    if (last !== undefined && last[1].xAxis === step) last[1].xAxis = step + 1;
    else spans.push([{ xAxis: step }, { xAxis: step + 1 }]);
  });
  return { silent: true, itemStyle: { color: palette[5], opacity: 0.22 }, data: spans };
}

function colourOf(place: number, dark: boolean): string {
  return onGround(palette[place % palette.length] as string, dark);
}
