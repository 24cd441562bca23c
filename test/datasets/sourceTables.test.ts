import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { openFrames } from '../../datasets/converters/frames.js';
import type { Episode } from '../../datasets/episode.js';
import { FileSource } from '../../datasets/sources/byteSource.js';
import { readParquetRows } from '../../datasets/sources/parquet.js';
import { InputError } from '../../src/errors.js';
import { convertAll, rejection, temporaryFolder } from './samples.js';
import { numbered, pngs, writeFrames } from './writtenSources.js';

/** Five pictures beside a table of that name. */
async function beside(t: TestContext, text: string | Buffer, name = 'steps.csv'): Promise<string> {
  const folder = temporaryFolder(t);
  writeFrames(join(folder, 'a'), numbered(await pngs(5)), '', name);
  writeFileSync(join(folder, 'a', name), text);
  return folder;
}

const table = (separator: string, quote = '', end = '\n') =>
  [
    ['action_0', 'action_1', 'reward', 'terminated'],
    ...[0, 1, 2, 3].map((t) => [t / 8, -t / 4, t / 2, Number(t === 3)]),
  ]
    .map((row) => row.map((cell) => `${quote}${cell}${quote}`).join(separator))
    .join(end);

function assertRows(episodes: readonly Episode[], name: string): void {
  const [episode] = episodes;
  assert.deepEqual(
    [...(episode?.actions ?? [])].map((value) => value + 0),
    [0, 0, 0.125, -0.25, 0.25, -0.5, 0.375, -0.75],
    name,
  );
  assert.deepEqual([...(episode?.rewards ?? [])], [0, 0.5, 1, 1.5], name);
  assert.equal(episode?.terminated, true, name);
}

test('CSV is read as loggers and spreadsheets write it', async (t) => {
  const cases: Record<string, string | Buffer> = {
    plain: table(','),
    quoted: table(',', '"'),
    semicolons: table(';'),
    tabs: table('\t'),
    'quoted semicolons, a mark, other ends of lines': `\ufeff${table(';', '"', '\r\n')}\r\n\r\n`,
    "Excel's first line": `sep=;\r\n${table(';', '', '\r\n')}`,
    'UTF-16': Buffer.from(`\ufeff${table('\t')}`, 'utf16le'),
    'spaces after commas': table(', '),
    'booleans in words': table(',').replace(/,0$/gm, ',False').replace(/,1$/gm, ',TRUE'),
    'counted from 1': table(',').replace('action_0,action_1', 'action_1,action_2'),
    'columns that nobody reads': table(',').replace(/$/gm, ',x').replace(',x', ',note'),
  };
  for (const [name, text] of Object.entries(cases))
    assertRows((await convertAll(t, await openFrames(await beside(t, text), {}))).episodes, name);
});

test('JSON Lines are read with lists, booleans and lists of one boolean', async (t) => {
  for (const flag of [
    (end: boolean) => end,
    (end: boolean) => [end],
    (end: boolean) => Number(end),
    (end: boolean) => [Number(end)],
  ]) {
    const lines = [0, 1, 2, 3].map((i) =>
      JSON.stringify({ action: [i / 8, -i / 4], reward: i / 2, terminated: flag(i === 3), note: 'x' }),
    );
    const folder = await beside(t, lines.join('\n'), 'steps.jsonl');
    assertRows((await convertAll(t, await openFrames(folder, {}))).episodes, lines[0] as string);
  }
});

test('a table that cannot be read as it is meant is a sentence with its place', async (t) => {
  const rows = (header: string, ...cells: string[]) => [header, ...cells].join('\n');
  for (const [text, pattern] of [
    ['', /steps\.csv has no rows/],
    ['action_0,reward', /steps\.csv has no rows/],
    [table(';').replaceAll('.', ','), /row 2 holds 0,125, a number with a decimal comma: .* such as 0\.125/],
    [rows('action_0,reward', '0,1', '1,2,3,4'), /line 3 has 4 cells, expected 2/],
    [rows('action_0,action_0,reward', '1,1,1'), /two columns "action_0"/],
    [rows('action_0,action_2,reward', '1,1,1'), /a column action_2, and not all of action_0, action_1/],
    [rows('action_0,reward_0,reward_1', ...Array(4).fill('0.5,1,2')), /reward has 2 numbers in a row/],
    [
      rows('action_0,reward,done', ...Array(4).fill('0.5,1,no')),
      /row 1: done holds "no", a number is expected/,
    ],
    [
      rows('action_0,reward,done', ...Array(4).fill('0.5,1,')),
      /row 1: done holds null, a number is expected/,
    ],
    [rows('action_x,action_y,reward', '1,1,1'), /has no action "action"; it has action_x, action_y, reward/],
  ] as const) {
    const error = await rejection(openFrames(await beside(t, text), {}));
    assert.ok(error instanceof InputError, error.stack);
    assert.match(error.message, pattern, text);
  }
  const sparse = [
    '{"action": [0.5], "reward": 1}',
    '{"action": [0.5], "reward": 1, "terminated": true}',
  ].join('\n');
  assert.match(
    (await rejection(openFrames(await beside(t, sparse, 'steps.jsonl'), {}))).message,
    /row 1: terminated holds nothing/,
  );
});

test('columns that count rows tell where some are missing, repeated or out of order', async (t) => {
  const numbered = (name: string, values: readonly (number | string)[]) =>
    [`action_0,reward,${name}`, ...values.map((value, i) => `${i / 8},1,${value}`)].join('\n');
  for (const [name, values, pattern] of [
    ['frame_index', [0, 2, 1, 3], /frame_index is 1 after 2, in row 3 of 4/],
    ['step', [0, 1, 3, 4], /step is 3 after 1, in row 3 of 4/],
    ['frame', [7, 7, 7, 7], /frame is 7 after 7, in row 2 of 4/],
    ['timestamp', [0, 0.5, 0.25, 1], /timestamp goes back, from 0\.5.* to 0\.25.* in row 3/],
    ['episode', [3, 3, 4, 4], /episode is 3, and 4 from row 3 on: one folder is one episode/],
    ['step', [5, 10, 15, 20], null],
    ['timestamp', [0, 0.1, 0.5, 0.5], null],
    ['frame_index', ['a', 'b', 'c', 'd'], null],
    ['image', [0, 1, 2, 3].map((i) => `frame_000${i}.png`), null],
  ] as const) {
    const { report } = await convertAll(t, await openFrames(await beside(t, numbered(name, values)), {}));
    assert.equal(report.episodes, pattern === null ? 1 : 0, `${name} ${values}`);
    if (pattern !== null) assert.match(report.problems[0]?.message ?? '', pattern);
  }
  const named = numbered(
    'image',
    [0, 2, 1, 3].map((i) => `a/frame_000${i}.png`),
  );
  assert.match(
    (await rejection(openFrames(await beside(t, named), {}))).message,
    /row 2: image names frame_0002\.png, where frame_0001\.png is the next/,
  );
});

test('folders that are splits are kept apart at any depth; tables and pictures that belong to none are named', async (t) => {
  const folder = temporaryFolder(t);
  const files = numbered(await pngs(5));
  for (const name of ['x/Train/a', 'x/Train/b', 'x/val/a', 'loose'])
    writeFrames(join(folder, name), files, table(','));
  writeFrames(join(folder, 'x/Train/c'), files, '', 'notes.txt');
  const said = (await rejection(openFrames(folder, {}))).message;
  assert.match(said, /has the splits Train \(2\), val \(1\): say which with --split/);
  const { episodes, report } = await convertAll(t, await openFrames(folder, { split: ['Train'] }));
  assert.deepEqual(
    episodes.map(({ id }) => id),
    ['x/Train/a', 'x/Train/b'],
  );
  assert.match(report.notes.join('\n'), /1 episodes lie in no split/);
  assert.match(report.notes.join('\n'), /x\/Train\/c: pictures without a steps\.csv/);
  writeFrames(join(folder, 'loose'), {}, '{"action": [1]}', 'steps.jsonl');
  assert.match(
    (await rejection(openFrames(folder, {}))).message,
    /loose\/steps\.csv and loose\/steps\.jsonl lie side by side/,
  );
});

test('parquet packed with gzip is read, what cannot be unpacked is named with the way out', async (t) => {
  const path = join(temporaryFolder(t), 'rows.parquet');
  const columnData = [{ name: 'n', data: [1.5, 2.5, 3.5], type: 'DOUBLE' as const }];
  const read = async (codec: 'GZIP' | 'ZSTD') => {
    const compressors = { [codec]: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)) };
    writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData, codec, compressors })));
    const source = await FileSource.open(path);
    try {
      return await readParquetRows({ name: 'rows.parquet', source }, ['n'], [0, 3]);
    } finally {
      await source.close();
    }
  };
  assert.deepEqual(
    (await read('GZIP')).map(({ n }) => n),
    [1.5, 2.5, 3.5],
  );
  assert.match(
    (await rejection(read('ZSTD'))).message,
    /rows\.parquet cannot be read: its column n is packed with ZSTD, .* write the file anew with snappy or gzip/,
  );
});
