/**
 * Charts as SVG text, drawn by echarts without a browser, and as PNG: learning curves with confidence bands, and
 * histograms.
 */
import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import sharp from 'sharp';
import { InputError } from '../errors.js';
import { fontFamily, loadFont } from './font.js';

use([LineChart, CustomChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

/** Colours that stay apart for colour-blind readers (Okabe and Ito 2008), without the yellow that white swallows. */
export const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'] as const;

const ink = '#24292f';
const faint = '#d8dee4';
const muted = '#57606a';

export interface Curve {
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly mean: ArrayLike<number>;
  /** The band around the mean, e.g. a 95% interval; drawn where both ends are given. */
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
}

export interface CurveChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
  /** Horizontal reference lines, e.g. the return of behaviour cloning. */
  readonly levels?: readonly { readonly name: string; readonly value: number }[];
  /** Default: what the data spans. */
  readonly yRange?: readonly [number, number];
  /** In CSS pixels; default 720 × 420. */
  readonly width?: number;
  readonly height?: number;
}

export interface HistogramChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly xLabel: string;
  /** Default `count`. */
  readonly yLabel?: string;
  readonly values: ArrayLike<number>;
  /** Default: a round number near Freedman and Diaconis's, for 5 to 60 bars. Bars begin at its multiples. */
  readonly binWidth?: number;
  readonly width?: number;
  readonly height?: number;
}

/** Learning curves: one line a run, its band behind it. Values that are not finite leave a gap. */
export function curveChartSvg(chart: CurveChart): string {
  const series = chart.curves.flatMap((curve, number) => {
    const color = colourOf(number);
    const line = {
      type: 'line',
      name: curve.name,
      data: points(curve.x, curve.mean),
      showSymbol: curve.x.length < 2,
      lineStyle: { width: 2, color },
      itemStyle: { color },
      z: 3,
    };
    const band = curve.low && curve.high ? [bandSeries(curve.x, curve.low, curve.high, color)] : [];
    return [...band, line];
  });
  const levels = (chart.levels ?? []).map((level, number) => {
    const color = colourOf(chart.curves.length + number);
    return {
      type: 'line',
      name: level.name,
      data: [],
      lineStyle: { width: 1.5, color, type: 'dashed' },
      itemStyle: { color },
      markLine: {
        symbol: 'none',
        silent: true,
        animation: false,
        label: { show: false },
        lineStyle: { width: 1.5, color, type: 'dashed' },
        data: [{ yAxis: level.value }],
      },
    };
  });
  // A level draws no data of its own, so it would not stretch the axis.
  const values = [
    ...chart.curves
      .flatMap((curve) => [curve.mean, curve.low ?? [], curve.high ?? []].map((v) => Array.from(v)))
      .flat(),
    ...(chart.levels ?? []).map((level) => level.value),
  ].filter(Number.isFinite);
  const [low, high] = chart.yRange ?? [Math.min(0, ...values), values.length > 0 ? Math.max(...values) : 1];
  return draw(chart, {
    legend: {
      data: [...chart.curves, ...(chart.levels ?? [])].map(({ name }) => ({ name, icon: 'roundRect' })),
      itemWidth: 16,
      itemHeight: 4,
      itemGap: 22,
      left: 12,
      top: chart.subtitle === undefined ? 38 : 58,
      textStyle: { color: ink, fontFamily, fontSize: 12 },
    },
    grid: { left: 64, right: 24, top: chart.subtitle === undefined ? 76 : 96, bottom: 52 },
    xAxis: axis(chart.xLabel, { min: 'dataMin', max: 'dataMax' }),
    yAxis: axis(chart.yLabel, { ...niceRange(low, high), name: chart.yLabel, nameRotate: 90, nameGap: 46 }),
    series: [...series, ...levels],
  });
}

/** A histogram of the finite values. */
export function histogramSvg(chart: HistogramChart): string {
  const values = Float64Array.from(chart.values).filter(Number.isFinite).sort();
  const width = chart.binWidth ?? roundStep(freedmanDiaconis(values));
  const first = Math.floor((values[0] ?? 0) / width);
  const bins = Math.floor((values.at(-1) ?? 0) / width) - first + 1;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.floor(value / width) - first;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const edge = (bin: number): number => Number(((first + bin) * width).toPrecision(12));
  return draw(chart, {
    grid: { left: 64, right: 24, top: chart.subtitle === undefined ? 48 : 66, bottom: 52 },
    xAxis: axis(chart.xLabel, {
      min: edge(0),
      max: edge(bins),
      interval: width * Math.ceil(bins / 8),
      splitLine: { show: false },
    }),
    yAxis: axis(chart.yLabel ?? 'count', { min: 0, minInterval: 1, nameRotate: 90, nameGap: 46 }),
    series: [
      {
        type: 'custom',
        data: counts.map((count, bin) => [edge(bin), edge(bin + 1), count]),
        encode: { x: [0, 1], y: 2 },
        renderItem: (_: unknown, api: SeriesApi) => {
          const [left = 0, top = 0] = api.coord([api.value(0), api.value(2)]);
          const [right = 0, bottom = 0] = api.coord([api.value(1), 0]);
          const shape = {
            x: left + 0.5,
            y: top,
            width: Math.max(0.5, right - left - 1),
            height: bottom - top,
          };
          return { type: 'rect', shape, style: { fill: palette[0] } };
        },
      },
    ],
  });
}

/** A chart's SVG as PNG bytes; `scale` 2 is sharp on a dense screen. */
export async function chartPng(svg: string, scale = 2): Promise<Buffer> {
  await loadFont();
  return sharp(Buffer.from(svg), { density: 72 * scale })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Writes a chart by the file's ending. @throws InputError where it is neither `.svg` nor `.png`. */
export async function writeChart(path: string, svg: string): Promise<void> {
  const ending = extname(path).toLowerCase();
  if (ending === '.svg') await writeFile(path, svg);
  else if (ending === '.png') await writeFile(path, await chartPng(svg));
  else throw new InputError(`A chart cannot be written to ${path}: its name has to end in .png or .svg.`);
}

interface SeriesApi {
  value(dimension: number): number;
  coord(point: readonly number[]): number[];
}

function draw(
  chart: {
    readonly title: string;
    readonly subtitle?: string;
    readonly width?: number;
    readonly height?: number;
  },
  option: EChartsCoreOption,
): string {
  const instance = init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: chart.width ?? 720,
    height: chart.height ?? 420,
  });
  try {
    instance.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily, color: ink },
      title: {
        text: chart.title,
        ...(chart.subtitle === undefined ? {} : { subtext: chart.subtitle }),
        left: 12,
        top: 8,
        itemGap: 6,
        textStyle: { fontFamily, fontSize: 16, fontWeight: 700, color: ink },
        subtextStyle: { fontFamily, fontSize: 12, color: muted },
      },
      ...option,
    });
    return instance.renderToSVGString();
  } finally {
    instance.dispose();
  }
}

function axis(name: string, more: Record<string, unknown>): Record<string, unknown> {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameGap: 32,
    nameTextStyle: { color: muted, fontFamily, fontSize: 12 },
    axisLine: { show: true, lineStyle: { color: faint } },
    axisTick: { show: false },
    axisLabel: { color: muted, fontFamily, fontSize: 11 },
    splitLine: { lineStyle: { color: faint, width: 0.6 } },
    ...more,
  };
}

/** A filled polygon: along the upper end, and back along the lower. */
function bandSeries(
  x: ArrayLike<number>,
  low: ArrayLike<number>,
  high: ArrayLike<number>,
  color: string,
): Record<string, unknown> {
  const finite = Array.from({ length: x.length }, (_, i) => i).filter(
    (i) => Number.isFinite(low[i]) && Number.isFinite(high[i]),
  );
  const outline = [
    ...finite.map((i) => [x[i] as number, high[i] as number]),
    ...finite.reverse().map((i) => [x[i] as number, low[i] as number]),
  ];
  return {
    type: 'custom',
    data: [[x[0] ?? 0, low[0] ?? 0]],
    silent: true,
    clip: true,
    z: 1,
    renderItem: (_: unknown, api: SeriesApi) => ({
      type: 'polygon',
      shape: { points: outline.map((point) => api.coord(point)) },
      style: { fill: color, opacity: 0.15 },
    }),
  };
}

function points(x: ArrayLike<number>, y: ArrayLike<number>): (number | null)[][] {
  return Array.from({ length: x.length }, (_, i) => {
    const value = y[i] ?? Number.NaN;
    return [x[i] as number, Number.isFinite(value) ? value : null];
  });
}

function colourOf(number: number): string {
  return palette[number % palette.length] as string;
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 2.5, 5].find((m) => m * power >= least * (1 - 1e-9)) ?? 10) * power;
}

/** A range that begins and ends on a round number, with at most six steps between. */
function niceRange(low: number, high: number): { min: number; max: number; interval: number } {
  const span = high > low ? high - low : 1;
  const interval = roundStep(span / 6);
  return {
    min: Math.floor(low / interval) * interval,
    max: Math.ceil((low + span) / interval) * interval,
    interval,
  };
}

/** Bin width 2·IQR·n^(−1/3) (Freedman and Diaconis 1981), kept to between 5 and 60 bars. */
function freedmanDiaconis(sorted: Float64Array): number {
  const quantile = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
  const span = quantile(1) - quantile(0);
  if (span === 0) return 1;
  const width = (2 * (quantile(0.75) - quantile(0.25))) / Math.cbrt(sorted.length);
  return Math.max(span / 60, Math.min(span / 5, width > 0 ? width : span / 5));
}
