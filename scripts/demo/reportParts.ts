/** What the demos' endings have in common: their table, the files they leave, and the report's last words. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeChart } from '../../src/media/chart.js';
import type { ReportBlock } from '../../src/media/report.js';
import { duration } from '../duration.js';

/** A table for the terminal: the first row is its head, and the first column stands left. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('   '),
    )
    .join('\n');
}

/** What a smaller engine means for the result, and how to go on with the run. */
export function closingBlocks(options: {
  readonly isNative: boolean;
  readonly run: string;
  /** Episodes that the policy is scored on once more. */
  readonly episodes: number;
  /** Env frames to go on to. */
  readonly envFrames: number;
}): ReportBlock[] {
  const { isNative, run, episodes, envFrames } = options;
  const again = `npx rlpd evaluate --run ${run} --episodes ${episodes} --video again.mp4`;
  const further = `npx rlpd train --out ${run} --resume --env-frames ${envFrames}`;
  const width = Math.max(again.length, further.length);
  const commands: ReportBlock = {
    kind: 'code',
    text: `${again.padEnd(width)}    # score a policy once more\n${further.padEnd(width)}    # go on training`,
  };
  if (isNative) return [commands];
  return [
    {
      kind: 'text',
      text: 'The native engine was not available, so images, network and batch are much smaller than the native demo’s, and so is what can be expected of them. "npx rlpd doctor" says what is missing.',
    },
    commands,
  ];
}

/** Writes the curve and the page. @returns the words that the demo ends with */
export async function writeReport(options: {
  readonly out: string;
  /** SVG. */
  readonly chart: string;
  /** HTML. */
  readonly report: string;
  /** For the terminal. */
  readonly table: string;
  readonly wallSeconds: number;
}): Promise<string> {
  const { out, chart, report, table, wallSeconds } = options;
  const curve = join(out, 'learning-curve.png');
  const page = join(out, 'report.html');
  await writeChart(curve, chart);
  await writeFile(page, report);
  return `\n${table}\n\n${duration(wallSeconds)} in all. The report: ${page}; the curve: ${curve}`;
}
