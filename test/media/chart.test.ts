import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import {
  chartPng,
  curveChartSvg,
  histogramSvg,
  intervalChartSvg,
  writeChart,
} from '../../src/media/chart.js';

const folder = mkdtempSync(join(tmpdir(), 'rlpd-chart-'));
after(() => rmSync(folder, { recursive: true }));

const x = [0, 1000, 2000, 3000];
const chart = {
  title: 'Cartpole <swing-up>',
  xLabel: 'env frames',
  yLabel: 'return',
  curves: [
    { name: 'RLPD', x, mean: [10, 200, 500, 700], low: [0, 150, 420, 650], high: [20, 250, 580, 750] },
    { name: 'online only', x, mean: [10, 20, Number.NaN, 100] },
  ],
  levels: [{ name: 'behaviour cloning', value: 300 }],
};

test('a learning curve names every run, its axes and its title, and escapes what is markup in them', () => {
  const svg = curveChartSvg(chart);
  for (const words of [
    'RLPD',
    'online only',
    'behaviour cloning',
    'env frames',
    'return',
    'Cartpole &lt;swing-up&gt;',
  ])
    assert.ok(svg.includes(words), words);
});

test('the band is drawn through the interval’s ends, in the place the axes give them', () => {
  const flat = { name: 'a', x: [0, 1], mean: [50, 50], low: [25, 25], high: [75, 75] };
  const svg = curveChartSvg({ title: '', xLabel: '', yLabel: '', curves: [flat], yRange: [0, 100] });
  const numbers = (path: string): number[] => path.match(/-?[\d.]+/g)?.map(Number) ?? [];
  const band = numbers(/<polygon points="([^"]*)"[^>]*fill-opacity="0.15"/.exec(svg)?.[1] ?? '').filter(
    (_, i) => i % 2 === 1,
  );
  const line = numbers(
    /<path d="([^"]*)" fill="none"[^>]* stroke="#0072b2"/.exec(svg)?.[1] ?? '',
  )[1] as number;
  assert.ok(band.length >= 4, svg);
  const [top, bottom] = [Math.min(...band), Math.max(...band)];
  assert.ok(Math.abs((top + bottom) / 2 - line) <= 1);
  // 420 px high, less 76 above and 52 below: half of the plot is 146 px.
  assert.ok(Math.abs(bottom - top - 146) <= 1, `${bottom - top}`);
});

test('a level may have a band, which the axis makes room for, and a curve and a level their own colours', () => {
  const level = { name: 'level', value: 50, low: 40, high: 90, color: '#123456' };
  const curve = { name: 'curve', x: [0, 1], mean: [0, 10], color: '#654321' };
  const svg = curveChartSvg({ title: '', xLabel: '', yLabel: '', curves: [curve], levels: [level] });
  const band = /<polygon points="([^"]*)" fill="#123456" fill-opacity="0.15"/.exec(svg)?.[1] ?? '';
  const y = (band.match(/-?[\d.]+/g) ?? []).map(Number).filter((_, i) => i % 2 === 1);
  // The axis goes from 0 to 100 over the plot's 292 px, which begin 76 px below the top.
  assert.deepEqual([Math.min(...y), Math.max(...y)].map(Math.round), [105, 251]);
  assert.match(svg, /stroke="#654321"/);
});

test('a legend that is wider than the chart goes on in the next row, and the plot makes room', () => {
  const curves = Array.from({ length: 5 }, (_, i) => ({
    name: `a name of middling length, number ${i}`,
    x: [0, 1],
    mean: [0, 1],
  }));
  const svg = curveChartSvg({ title: '', xLabel: '', yLabel: '', curves });
  const rows = [...svg.matchAll(/transform="translate\([\d.]+ ([\d.]+)\)"[^>]*>a name/g)].map(([, y]) =>
    Number(y),
  );
  assert.equal(rows.length, 5);
  assert.deepEqual(new Set(rows).size, 3);
  const top = Math.min(...[...svg.matchAll(/d="M64\.?5? ([\d.]+)L696/g)].map(([, y]) => Number(y)));
  assert.ok(top >= Math.max(...rows) + 20, `${top} ${rows}`);
  assert.match(svg, /^<svg width="720" height="460"/);
});

test('dots lie where their values are, on lines from end to end of their intervals, where there are any', () => {
  const svg = intervalChartSvg({
    title: '',
    xLabel: 'score',
    rows: [
      { name: 'with', value: 0.5, low: 0.25, high: 1, color: '#123456' },
      { name: 'without', value: 0.75 },
    ],
    reference: 0.5,
    xRange: [0, 1],
  });
  const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"[^>]*fill="(#\w+)"/g)].map(
    ([, ...found]) => found,
  );
  const left = 28 + Math.ceil(6.8 * 'without'.length);
  const at = (score: number): number => left + score * (720 - 24 - left);
  assert.deepEqual(
    dots.map(([x, , color]) => [Math.round(Number(x)), color]),
    [
      [Math.round(at(0.5)), '#123456'],
      [Math.round(at(0.75)), '#d55e00'],
    ],
  );
  assert.ok(Number(dots[0]?.[1]) < Number(dots[1]?.[1]), 'the first row is on top');
  const lines = [...svg.matchAll(/<path d="M([\d.]+) [^"]*"[^>]*fill-opacity="0\.35"/g)];
  assert.equal(lines.length, 1);
  assert.ok(svg.includes('with') && svg.includes('score') && !/NaN|undefined/.test(svg));
  assert.match(svg, new RegExp(`M${Math.round(at(0.5))}(\\.5)? `), 'the reference');
});

test('a value that is not finite leaves a gap and never reaches the picture', () => {
  assert.ok(!/NaN|undefined|Infinity/.test(curveChartSvg(chart)));
});

test('a histogram’s bars are as high as the counts, and bars begin at multiples of their width', () => {
  const svg = histogramSvg({
    title: '',
    xLabel: '',
    values: [1, 2, 3.9, 4, 4, 5.5, 6, 7, 7.9, 7],
    binWidth: 2,
  });
  const bars = [...svg.matchAll(/<path d="M[\d.]+ ([\d.]+)l[\d.]+ 0l0 ([\d.]+)[^"]*" fill="#0072b2"/g)];
  const heights = bars.map((bar) => Number(bar[2]));
  const unit = (heights[0] ?? 0) / 1;
  assert.deepEqual(
    heights.map((height) => Math.round(height / unit)),
    [1, 2, 3, 4],
  );
});

test('empty data and a single value still make a picture', () => {
  for (const svg of [
    curveChartSvg({ ...chart, curves: [], levels: [] }),
    curveChartSvg({ ...chart, curves: [{ name: 'one', x: [5], mean: [1] }] }),
    histogramSvg({ title: 'none', xLabel: 'return', values: [] }),
    histogramSvg({ title: 'one', xLabel: 'return', values: [3, 3] }),
    intervalChartSvg({ title: 'none', xLabel: 'score', rows: [] }),
    intervalChartSvg({ title: 'one', xLabel: 'score', rows: [{ name: 'zero', value: 0 }] }),
  ])
    assert.ok(svg.startsWith('<svg') && !/NaN|undefined/.test(svg));
});

test('the file’s ending chooses SVG or PNG, and another is refused', async () => {
  const svg = curveChartSvg(chart);
  await writeChart(join(folder, 'curve.svg'), svg);
  await writeChart(join(folder, 'curve.png'), svg);
  assert.equal(readFileSync(join(folder, 'curve.svg'), 'utf8'), svg);
  const { width, height, format } = await sharp(join(folder, 'curve.png')).metadata();
  assert.deepEqual([width, height, format], [1440, 840, 'png']);
  await assert.rejects(writeChart(join(folder, 'curve.pdf'), svg), { name: 'InputError' });
});

test('text is legible where the machine has no fonts: every letter has a shape of its own', async () => {
  const config = join(folder, 'no-fonts.conf');
  writeFileSync(config, '<?xml version="1.0"?><fontconfig></fontconfig>');
  const module = new URL('../../src/media/chart.js', import.meta.url).href;
  const script = `
    const { chartPng } = await import(${JSON.stringify(module)});
    for (const letter of ['i', 'W'])
      process.stdout.write((await chartPng('<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><text x="10" y="45" font-size="40" font-family="Inter">' + letter + '</text></svg>')).toString('base64') + '\\n');`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, FONTCONFIG_FILE: config },
    encoding: 'utf8',
  });
  const ink = await Promise.all(
    output
      .trim()
      .split('\n')
      .map(async (png) => (await sharp(Buffer.from(png, 'base64')).stats()).channels[3]?.mean),
  );
  // Boxes that stand for missing glyphs all carry the same ink; a W carries several times an i's.
  assert.ok((ink[1] as number) > 1.5 * (ink[0] as number), `${ink}`);
});

test('equal charts are equal text, and different ones share no name on one page', () => {
  const names = (svg: string): string[] => [...svg.matchAll(/ id="([^"]*)"/g)].map(([, name = '']) => name);
  const [once, other] = [curveChartSvg(chart), curveChartSvg({ ...chart, height: 300 })];
  assert.equal(curveChartSvg(chart), once);
  assert.ok(names(once).length > 0);
  assert.ok(names(once).every((name) => once.includes(`url(#${name})`) && !other.includes(name)));
});

test('a chart’s PNG is the same on every call', async () => {
  const svg = histogramSvg({ title: 'Returns', xLabel: 'return', values: [1, 2, 3] });
  assert.deepEqual(await chartPng(svg), await chartPng(svg));
});
