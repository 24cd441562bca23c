/** `rlpd compare`: learning curves of several runs in one picture, and how they stand. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { makeFolder } from '../src/files/makeFolder.js';
import type { ComparedGroup, Comparison } from '../src/study/compare.js';
import { type CurveAxis, curveAxes } from '../src/study/learningCurves.js';
import { estimateWords } from '../src/study/words.js';
import { note, printResult } from './console.js';
import { examples } from './settings.js';

interface Flags {
  readonly out: string;
  readonly x: CurveAxis;
  readonly json?: boolean;
}

/** Columns of the table: 80 in all. */
const widths = { name: 26, seeds: 5, at: 16, last: 23, best: 6 } as const;

export const compareCommand = examples(
  new Command('compare')
    .argument('<runs...>', 'folders of runs; those that differ in their seed alone are one curve')
    .option('--out <folder>', 'where the charts go, as PNG and SVG', 'comparison')
    .addOption(
      new Option('--x <axis>', 'what the curves are drawn over').choices(curveAxes).default('envFrames'),
    )
    .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
  ['rlpd compare runs/a runs/b runs/c', 'rlpd compare runs/* --x minutes --out figures'],
).action(async (folders: readonly string[], { out, x, json }: Flags) => {
  const { compareRuns, readComparedRun, standWords } = await import('../src/study/compare.js');
  const { writeChart } = await import('../src/media/chart.js');
  const runs = await Promise.all(folders.map(readComparedRun));
  const { charts, notes } = compareRuns(runs, x);
  for (const text of notes) note(text);
  await makeFolder(out);
  const written: string[] = [];
  for (const { slug, svg } of charts) {
    for (const ending of ['png', 'svg']) {
      const path = join(out, `${slug}.${ending}`);
      await writeChart(path, svg);
      written.push(path);
    }
  }
  const result = {
    x,
    charts: charts.map(({ title, groups }) => ({
      title,
      groups: groups.map(({ name, runs: members, last, best }) => ({
        name,
        runs: members.map(({ folder, config }) => ({ folder, seed: config.seed })),
        envFrames: last.envFrames,
        updates: last.updates,
        last: last.value,
        lastInterval: last.interval ?? null,
        best: best.value,
        bestInterval: best.interval ?? null,
      })),
    })),
    written,
    notes,
  };
  const tables = charts.map((chart) => table(chart, standWords));
  printResult(json, result, [...tables, `Written: ${written.join(', ')}`].join('\n\n'));
});

/** At most 80 columns wide but for a group's name, which then has a line of its own. */
function table({ title, groups }: Comparison, standWords: (group: ComparedGroup) => string): string {
  const row = (name: string, seeds: string, at: string, last: string, best: string): string => {
    const numbers = [
      seeds.padStart(widths.seeds),
      at.padStart(widths.at),
      last.padStart(widths.last),
      best.padStart(widths.best),
    ].join(' ');
    return name.length > widths.name
      ? `${name}\n${''.padEnd(widths.name)} ${numbers}`
      : `${name.padEnd(widths.name)} ${numbers}`;
  };
  return [
    row(title, 'seeds', 'at', 'last (95% interval)', 'best'),
    ...groups.map((group) =>
      row(
        group.name,
        String(group.runs.length),
        standWords(group),
        estimateWords(group.last, 1),
        group.best.value.toFixed(1),
      ),
    ),
  ].join('\n');
}
