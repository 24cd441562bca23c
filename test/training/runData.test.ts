import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { collect } from '../../src/training/collect.js';
import { readConfig } from '../../src/training/runFolder.js';
import { train } from '../../src/training/train.js';
import { smallConfig, smallSettings, stopAt, temporaryFolder, traces } from './smallRun.js';

/** Holds two datasets, `one` and `two`, and a run on both that was stopped half-way. */
let place: string;
/** The traces of that run had it never been stopped. */
let whole: Record<string, string>;

let clean = async (): Promise<void> => {};
after(() => clean());

const settings = { offlineMode: 'symmetric', envFrames: 1600 } as const;

before(async () => {
  place = await temporaryFolder({
    after: (fn) => {
      clean = fn;
    },
  });
  for (const [seed, name] of ['one', 'two'].entries())
    await collect({
      task: smallSettings.task,
      folder: join(place, name),
      behaviours: [undefined],
      environment: { actionRepeat: smallSettings.actionRepeat, imageSize: 8 },
      seed,
      workers: 1,
    });
  const config = smallConfig({ ...settings, dataset: [join(place, 'one:0.7'), join(place, 'two:0.3')] });
  await train({ run: join(place, 'whole'), config });
  whole = await traces(join(place, 'whole'));
  await stopAt(130, { run: join(place, 'run'), config });
});

/** A copy of the place, which may be changed. */
async function copy(context: Parameters<typeof temporaryFolder>[0]): Promise<string> {
  const folder = join(await temporaryFolder(context), 'place');
  await cp(place, folder, { recursive: true });
  return folder;
}

test('a run that was moved together with its data finds it, and goes on as if nothing had been moved', async (context) => {
  const folder = await copy(context);
  // Of the two places that the run knows, the old one now holds other data.
  await rename(join(place, 'one'), join(place, 'away'));
  await cp(join(place, 'two'), join(place, 'one'), { recursive: true });
  try {
    await train({ run: join(folder, 'run'), resume: true });
  } finally {
    await rm(join(place, 'one'), { recursive: true });
    await rename(join(place, 'away'), join(place, 'one'));
  }
  assert.deepEqual(await traces(join(folder, 'run')), whole);
  assert.deepEqual((await readConfig(join(folder, 'run'))).dataset, [
    join(folder, 'one:0.7'),
    // Its old place still holds it.
    join(place, 'two:0.3'),
  ]);
});

test('a run whose data alone was moved is told where with --dataset, and learns the same', async (context) => {
  const folder = await copy(context);
  const run = join(folder, 'run');
  const moved = [join(folder, 'elsewhere:0.7'), join(folder, 'two:0.3')];
  await rename(join(folder, 'one'), join(folder, 'elsewhere'));
  await train({ run, resume: true, changes: { dataset: moved } });
  assert.deepEqual(await traces(run), whole);
  assert.deepEqual((await readConfig(run)).dataset, moved);
});

test('other data, another order and other weights are refused, and leave the run as it was', async (context) => {
  const folder = await copy(context);
  const run = join(folder, 'run');
  const before = await readFile(join(run, 'config.json'), 'utf8');
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const cases: [string[], RegExp][] = [
    [[`${two}:0.7`, `${one}:0.3`], /two is not the one that .*run learnt from.*--accept-changed-data\.$/],
    [[`${one}:0.6`, `${two}:0.4`], /was started with --dataset .*one:0\.7 --dataset .*two:0\.3: /],
    [[one, two], /was started with --dataset/],
    [[`${one}:1`], /was started with --dataset/],
    [[`${folder}/none:0.7`, `${two}:0.3`], /is not in .*none: say where it is with --dataset\.$/],
  ];
  for (const [dataset, message] of cases)
    await assert.rejects(train({ run, resume: true, changes: { dataset } }), { name: 'InputError', message });
  assert.equal(await readFile(join(run, 'config.json'), 'utf8'), before);
});

test('data that was recorded anew in the same place is refused unless that is accepted, and is the new data then', async (context) => {
  const folder = await copy(context);
  const run = join(folder, 'run');
  await rm(join(folder, 'one'), { recursive: true });
  await cp(join(folder, 'two'), join(folder, 'one'), { recursive: true });
  await rename(join(place, 'one'), join(place, 'away'));
  const notes: string[] = [];
  try {
    await assert.rejects(train({ run, resume: true }), { name: 'InputError', message: /is not the one/ });
    await stopAt(150, { run, resume: true, acceptChangedData: true, onNote: (line) => notes.push(line) });
  } finally {
    await rename(join(place, 'away'), join(place, 'one'));
  }
  assert.ok(notes.some((line) => /one is not that which .* was accepted/.test(line)));
  await train({ run, resume: true });
  assert.notDeepEqual(await traces(run), whole);
});

test('backgrounds are known by their content as well: moved they are found, changed they are refused', async (context) => {
  const folder = await temporaryFolder(context);
  const backgrounds = join(folder, 'inner/pictures');
  await mkdir(join(backgrounds, 'film'), { recursive: true });
  const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).png();
  for (const name of ['a.png', 'film/b.png']) await picture.clone().toFile(join(backgrounds, name));
  const config = smallConfig({ envFrames: 80, distraction: 'easy', distractionBackgrounds: backgrounds });
  await stopAt(3, { run: join(folder, 'inner/run'), config });
  await rename(join(folder, 'inner'), join(folder, 'moved'));
  const run = join(folder, 'moved/run');
  await stopAt(5, { run, resume: true });
  assert.equal((await readConfig(run)).distractionBackgrounds, join(folder, 'moved/pictures'));
  await writeFile(join(folder, 'moved/pictures/c.txt'), 'x');
  await assert.rejects(train({ run, resume: true }), {
    name: 'InputError',
    message: /^The folder of backgrounds in .*pictures is not the one .* --distraction-backgrounds where/,
  });
  await rename(join(folder, 'moved/pictures'), join(folder, 'elsewhere'));
  await assert.rejects(train({ run, resume: true }), {
    message: /: say where it is with --distraction-backgrounds\.$/,
  });
  await rm(join(folder, 'elsewhere/c.txt'));
  const changes = { distractionBackgrounds: join(folder, 'elsewhere') };
  assert.equal((await train({ run, resume: true, changes })).finished, true);
});
