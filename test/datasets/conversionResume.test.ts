import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { convert } from '../../datasets/converters/conversion.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { lockDataset } from '../../datasets/datasetLock.js';
import { headerOf } from '../../datasets/manifest.js';
import { openDataset } from '../../datasets/reader.js';
import { DatasetWriter } from '../../datasets/writer.js';
import { rlpd } from '../scripts/commandLine.js';
import { golden, temporaryFolder } from './samples.js';
import { picture } from './writtenSources.js';

const child = fileURLToPath(new URL('./conversionChild.js', import.meta.url));

/** Runs a conversion in its own process, which kills itself after so many units. */
function run(source: string, out: string, killAfter: number): NodeJS.Signals | null {
  const { signal, status, stderr } = spawnSync(process.execPath, [child, source, out, String(killAfter)]);
  assert.ok(signal === 'SIGKILL' || status === 0, stderr.toString());
  return signal;
}

/** A source of so many episodes, some of them with problems. */
function copied(source: string, episodes: number): void {
  mkdirSync(source);
  const samples = ['two/episode-9.npz', 'bad/a-action.npz', 'bad/f-good.npz', 'old/episode-6.npz'];
  for (let i = 0; i < episodes; i++)
    copyFileSync(
      join(golden, 'vd4rl', samples[i % 4] as string),
      join(source, `e${String(i).padStart(2, '0')}.npz`),
    );
}

function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files
      .map(
        ({ parentPath, name }) =>
          [join(parentPath, name).slice(folder.length), readFileSync(join(parentPath, name), 'hex')] as const,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test('a conversion killed again and again ends in the same bytes as an undisturbed one', (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'source');
  copied(source, 12);
  assert.equal(run(source, join(folder, 'undisturbed'), 0), null);
  for (const killAfter of [1, 6, 11]) assert.equal(run(source, join(folder, 'killed'), killAfter), 'SIGKILL');
  assert.equal(run(source, join(folder, 'killed'), 0), null);
  assert.deepEqual(contents(join(folder, 'killed')), contents(join(folder, 'undisturbed')));
});

test('a conversion whose last shard was closed early, as by a full disk, ends in the same bytes as an undisturbed one', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'source');
  copied(source, 12);
  const run = async (out: string) =>
    convert(await openVd4rl(source, { task: 'walker-walk' }), {
      ...{ out, onProblem: 'quarantine', dryRun: false, command: { format: 'vd4rl' } },
      ...{ shardBytes: 1500, codec: 'brotli' },
    });
  const [whole, short] = [join(folder, 'whole'), join(folder, 'short')];
  await run(whole);
  const dataset = await openDataset(whole);
  const first = dataset.manifest.shards[0]?.episodes ?? 0;
  assert.ok(
    first > 1 && dataset.manifest.shards.length > 2,
    `several shards of several episodes: ${JSON.stringify(dataset.manifest.shards.map(({ bytes, episodes }) => [bytes, episodes]))}`,
  );
  const shardsOf = (out: string) => contents(join(out, 'shards'));
  // In the first shard, at its end, and in the second; the last one once more where the manifest was not written.
  for (const episodes of [1, first, first + 1, -first - 1]) {
    rmSync(short, { recursive: true, force: true });
    const header = { ...headerOf(dataset.manifest) };
    const writer = await DatasetWriter.create(short, header, { shardBytes: 1500 });
    for (let i = 0; i < Math.abs(episodes); i++) await writer.append(await dataset.episode(i));
    await writer.flush();
    const last = writer.manifest.shards.at(-1)?.file ?? '';
    if (episodes < 0) appendFileSync(join(short, 'shards', last), 'what a crash left behind');
    await run(short);
    assert.deepEqual(shardsOf(short), shardsOf(whole), `${episodes} episodes`);
    assert.equal(
      readFileSync(join(short, 'manifest.json'), 'utf8'),
      readFileSync(join(whole, 'manifest.json'), 'utf8'),
    );
  }
});

test('a conversion whose last shard was damaged is not gone on with', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'source');
  copied(source, 12);
  const out = join(folder, 'out');
  assert.equal(run(source, out, 11), 'SIGKILL');
  const shards = readdirSync(join(out, 'shards')).filter((name) => name.endsWith('.msgpack'));
  const path = join(out, 'shards', shards.sort().at(-1) ?? '');
  writeFileSync(path, readFileSync(path).fill(0, 10, 12));
  const source2 = await openVd4rl(source, { task: 'walker-walk' });
  const options = { out, onProblem: 'quarantine', dryRun: false, command: { format: 'vd4rl' } } as const;
  await assert.rejects(convert(source2, options), /is not as the manifest says: it was changed or damaged/);
});

test('a source that has changed since is noticed, whether the conversion was finished or not', async (t) => {
  const folder = temporaryFolder(t);
  const source = join(folder, 'source');
  copied(source, 12);
  const file = join(source, 'e03.npz');
  const before = readFileSync(file);
  const again = async (out: string) =>
    convert(await openVd4rl(source, { task: 'walker-walk' }), {
      ...{ out, onProblem: 'quarantine', dryRun: false, command: { format: 'vd4rl' }, shardBytes: 4000 },
    });
  const done = join(folder, 'done');
  const stopped = join(folder, 'stopped');
  assert.equal(run(source, done, 0), null);
  assert.equal(run(source, stopped, 11), 'SIGKILL');
  const refused = async (clause: RegExp) => {
    for (const out of [done, stopped])
      await assert.rejects(again(out), (error: Error) => {
        assert.equal(error.name, 'InputError');
        assert.match(error.message, /source has changed since .* made of it \(.*another folder, or delete/);
        assert.match(error.message, clause);
        return true;
      });
  };
  // As many bytes, one of them another.
  writeFileSync(file, Buffer.from(before).fill(before[100] === 0 ? 1 : 0, 100, 101));
  utimesSync(file, 1000, 1000);
  await refused(/\(e03\.npz was written again\)/);
  writeFileSync(join(source, 'e12.npz'), before);
  rmSync(join(source, 'e01.npz'));
  await refused(/\(e03\.npz was written again, and so on in 3 files\)/);
  rmSync(join(source, 'e12.npz'));
  writeFileSync(join(source, 'e01.npz'), readFileSync(join(golden, 'vd4rl/bad/a-action.npz')));
  // As it was, but for the time of the copy.
  writeFileSync(file, before);
  utimesSync(file, 2000, 2000);
  const { episodes } = await again(done);
  assert.equal((await again(stopped)).episodes, episodes);
  assert.deepEqual(contents(join(stopped, 'shards')), contents(join(done, 'shards')));
});

test('pictures and videos of a source are looked at too, and what lies in the dataset itself is not', async (t) => {
  const source = temporaryFolder(t);
  const rows = (count: number) => Array.from({ length: count }, (_, i) => `${i / 8},0.5,${i}`);
  mkdirSync(join(source, 'one'));
  writeFileSync(join(source, 'one/steps.csv'), ['action_0,action_1,reward', ...rows(4)].join('\n'));
  for (let i = 0; i < 4; i++)
    await sharp(picture(i, 0, 8, 8), { raw: { width: 8, height: 8, channels: 3 } })
      .png()
      .toFile(join(source, `one/${i}.png`));
  const command = ['convert', 'frames', source, '--out', join(source, 'out')];
  const first = await rlpd(...command);
  assert.equal(first.status, 0, first.stderr);
  assert.equal((await rlpd(...command)).status, 0);
  copyFileSync(join(source, 'one/1.png'), join(source, 'one/2.png'));
  const changed = await rlpd(...command);
  assert.equal(changed.status, 2, changed.stderr);
  assert.match(changed.stderr, /has changed since .*\(one\/2\.png /);
});

test('a dataset that another process writes is not converted into, and is afterwards', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  const options = { out, onProblem: 'quarantine', dryRun: false, command: { format: 'vd4rl' } } as const;
  const open = () => openVd4rl(join(golden, 'vd4rl/two'), { task: 'walker-walk' });
  const lock = await lockDataset(out);
  await assert.rejects(convert(await open(), options), {
    name: 'InputError',
    message: /is in use by process/,
  });
  await lock.release();
  assert.equal(existsSync(out), false);
  const { episodes } = await convert(await open(), options);
  assert.ok(episodes > 0);
  assert.equal(existsSync(join(out, 'lock.json')), false);
});
