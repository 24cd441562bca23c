/**
 * Charts as SVG text, drawn by echarts without a browser, and as PNG: learning curves with confidence bands,
 * dots with their intervals, and histograms.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import sharp from 'sharp';
import { InputError } from '../errors.js';
import { bandSeries, type SeriesApi } from './bandSeries.js';
import { fontFamily, loadFont } from './font.js';
import { palette } from './palette.js';

use([LineChart, CustomChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

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
  /** Default: the palette's, in the order of the curves and levels. */
  readonly color?: string;
}

/** A horizontal reference line, e.g. the return of behaviour cloning, and the band of its interval. */
export interface Level {
  readonly name: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  readonly color?: string;
}

export interface CurveChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
  readonly levels?: readonly Level[];
  /** Default: what the data spans. */
  readonly yRange?: readonly [number, number];
  /** In CSS pixels; default 720 × 420, and higher where the legend takes more than one row. */
  readonly width?: number;
  readonly height?: number;
}

export interface IntervalChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly xLabel: string;
  /** From top to bottom; the line is drawn where both ends are given. */
  readonly rows: readonly {
    readonly name: string;
    readonly value: number;
    readonly low?: number;
    readonly high?: number;
    readonly color?: string;
  }[];
  /** A vertical reference line, e.g. one half where chances are even. */
  readonly reference?: number;
  /** Default: what the data spans, and zero. */
  readonly xRange?: readonly [number, number];
  readonly width?: number;
  /** Default: what the rows take. */
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
  const levels = chart.levels ?? [];
  const series = chart.curves.flatMap((curve, number) => {
    const color = curve.color ?? colourOf(number);
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
  const xs = chart.curves.flatMap(({ x }) => Array.from(x)).filter(Number.isFinite);
  const [left, right] = xs.length > 0 ? [Math.min(...xs), Math.max(...xs)] : [0, 1];
  const levelSeries = levels.flatMap((level, number) => {
    const color = level.color ?? colourOf(chart.curves.length + number);
    const line = {
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
    if (level.low === undefined || level.high === undefined) return [line];
    return [bandSeries([left, right], [level.low, level.low], [level.high, level.high], color), line];
  });
  // Neither a level nor a band draws data of its own, so they would not stretch the axis.
  const values = [
    ...chart.curves
      .flatMap((curve) => [curve.mean, curve.low ?? [], curve.high ?? []].map((v) => Array.from(v)))
      .flat(),
    ...levels.flatMap(({ value, low = value, high = value }) => [low, value, high]),
  ].filter(Number.isFinite);
  const [low, high] = chart.yRange ?? [Math.min(0, ...values), values.length > 0 ? Math.max(...values) : 1];
  const width = chart.width ?? standardWidth;
  const legend = legendRows([...chart.curves, ...levels], width);
  const shortened = { width: width - 2 * 12 - symbolWidth, overflow: 'truncate' };
  const legendTop = chart.subtitle === undefined ? 38 : 58;
  const furtherRows = Math.max(0, legend.length - 1) * legendLine;
  return draw(
    { ...chart, height: chart.height ?? standardHeight + furtherRows },
    {
      legend: legend.map((names, row) => ({
        data: names.map((name) => ({ name, icon: 'roundRect' })),
        itemWidth: 16,
        itemHeight: 4,
        itemGap: legendGap,
        left: 12,
        top: legendTop + row * legendLine,
        textStyle: { color: ink, fontFamily, fontSize: 12, ...(names.length === 1 && shortened) },
      })),
      grid: {
        left: 64,
        right: 24,
        top: legendTop + 38 + furtherRows,
        bottom: 52,
      },
      xAxis: axis(chart.xLabel, { min: 'dataMin', max: 'dataMax' }),
      yAxis: axis(chart.yLabel, { ...niceRange(low, high), name: chart.yLabel, nameRotate: 90, nameGap: 46 }),
      series: [...series, ...levelSeries],
    },
  );
}

/** One row for each name: a dot where its value is, on a line from end to end of its interval. */
export function intervalChartSvg(chart: IntervalChart): string {
  const { rows, reference } = chart;
  const values = [
    ...rows.flatMap(({ value, low = value, high = value }) => [low, value, high]),
    ...(reference === undefined ? [] : [reference]),
  ].filter(Number.isFinite);
  const [low, high] = chart.xRange ?? [Math.min(0, ...values), values.length > 0 ? Math.max(...values) : 1];
  const colourAt = (row: number): string => rows[row]?.color ?? colourOf(row);
  const top = chart.subtitle === undefined ? 48 : 66;
  const nameWidth = Math.min(260, Math.max(0, ...rows.map(({ name }) => textWidth(name))));
  return draw(
    { ...chart, height: chart.height ?? top + 52 + 34 * Math.max(1, rows.length) },
    {
      grid: { left: nameWidth + 28, right: 24, top, bottom: 52 },
      xAxis: axis(chart.xLabel, niceRange(low, high)),
      yAxis: {
        type: 'category',
        data: rows.map(({ name }) => name),
        inverse: true,
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: ink, fontFamily, fontSize: 12, width: nameWidth, overflow: 'truncate' },
      },
      series: [
        {
          type: 'custom',
          data: rows.map(({ value, low = value, high = value }, row) => [low, value, high, row]),
          encode: { x: [0, 1, 2], y: 3 },
          renderItem: (_: unknown, api: SeriesApi) => {
            const row = api.value(3);
            const color = colourAt(row);
            const [left = 0] = api.coord([api.value(0), row]);
            const [x = 0, y = 0] = api.coord([api.value(1), row]);
            const [right = 0] = api.coord([api.value(2), row]);
            const interval = {
              type: 'rect',
              shape: { x: left, y: y - 3, width: right - left, height: 6, r: 3 },
              style: { fill: color, opacity: 0.35 },
            };
            const dot = { type: 'circle', shape: { cx: x, cy: y, r: 4.5 }, style: { fill: color } };
            return { type: 'group', children: right > left ? [interval, dot] : [dot] };
          },
          ...(reference !== undefined && {
            markLine: {
              symbol: 'none',
              silent: true,
              animation: false,
              label: { show: false },
              lineStyle: { width: 1.2, color: muted, type: 'dashed' },
              data: [{ xAxis: reference }],
            },
          }),
        },
      ],
    },
  );
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

const standardWidth = 720;
const standardHeight = 420;
/** A legend's symbol with the space behind it, the space between two names, and from row to row. */
const symbolWidth = 16 + 5;
const legendGap = 22;
const legendLine = 20;

/** Names in rows that the chart's width holds. */
function legendRows(entries: readonly { readonly name: string }[], width: number): string[][] {
  const rows: string[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const { name } of entries) {
    const needed = symbolWidth + textWidth(name);
    if (used + legendGap + needed > width - 24) {
      rows.push([]);
      used = needed;
    } else used += legendGap + needed;
    rows.at(-1)?.push(name);
  }
  return rows;
}

/** Pixels that a text of 12 px takes, rather more than less: Inter's letters and digits are 6.7 px wide on average. */
function textWidth(text: string): number {
  return Math.ceil(6.8 * text.length);
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
    width: chart.width ?? standardWidth,
    height: chart.height ?? standardHeight,
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
    return withOwnNames(instance.renderToSVGString());
  } finally {
    instance.dispose();
  }
}

/**
 * echarts counts its drawings and names clip paths and classes by the count. Here equal charts are equal text, and
 * different ones still do not meet under one name where a page holds several. Styles, all for a pointer that hovers, go.
 */
function withOwnNames(svg: string): string {
  const plain = svg.replaceAll(/<style >.*?<\/style>\s*/gs, '').replaceAll(/ class="zr\d+-cls-\d+"/g, '');
  const reference = /(id="|url\(#)zr\d+-/g;
  const digest = createHash('sha256').update(plain.replaceAll(reference, '$1')).digest('hex');
  return plain.replaceAll(reference, `$1chart-${digest.slice(0, 8)}-`);
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
