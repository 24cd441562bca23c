import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { openFrames } from '../../datasets/converters/frames.js';
import { openLerobot } from '../../datasets/converters/lerobot.js';
import { openMinari } from '../../datasets/converters/minari.js';
import type { OpenOptions } from '../../datasets/converters/openOptions.js';
import { openRlds } from '../../datasets/converters/rlds.js';
import { openRobomimic } from '../../datasets/converters/robomimic.js';
import { openVd4rl } from '../../datasets/converters/vd4rl.js';
import { openZarr } from '../../datasets/converters/zarr.js';
import { readManifest } from '../../datasets/manifest.js';
import { InputError } from '../../src/errors.js';
import { findProgram, needing } from '../programs.js';
import { arrayFormats, fileFormats, opened, rewardNames } from './recorded.js';
import { convertAll, onlyImage, rejection, temporaryFolder } from './samples.js';
import {
  actions,
  type Block,
  column,
  csv,
  HEIGHT,
  numbered,
  picture,
  pictures,
  png,
  pngs,
  transposed,
  WIDTH,
  withAlpha,
  writeFrames,
  writeHdf5,
  writeLerobot,
  writeNpz,
  writeTfRecords,
  writeZarr,
} from './writtenSources.js';

const ROWS = 5;
const rgb = pictures(ROWS);
const bytes = Uint8Array.from(rgb.data as Uint8Array);

/** Every format that keeps arrays, V-D4RL's npz among them, over such images. */
const arraySources = {
  ...Object.fromEntries(
    arrayFormats.map((format) => [
      format,
      async (t, images, options) =>
        opened(
          t,
          format,
          [{ images, actions: actions(ROWS), columns: { [rewardNames[format]]: column([1, 2, 3, 4, 5]) } }],
          options,
        ),
    ]),
  ),
  vd4rl: async (t, images, options) => {
    const folder = join(temporaryFolder(t), 'walker_walk');
    writeNpz(join(folder, 'a.npz'), {
      image: images,
      action: actions(ROWS),
      reward: column([0, 1, 2, 3, 4]),
    });
    return openVd4rl(folder, options);
  },
} satisfies Record<
  string,
  (t: Parameters<typeof opened>[0], images: Block, options: OpenOptions) => ReturnType<typeof opened>
> as Record<
  string,
  (t: Parameters<typeof opened>[0], images: Block, options: OpenOptions) => ReturnType<typeof opened>
>;

function converted(
  block: Block,
  to: (level: number) => number,
  Kind: new (size: number) => Block['data'],
): Block {
  const data = new Kind(block.data.length);
  for (let i = 0; i < data.length; i++) data[i] = to(Number(block.data[i])) as never;
  return { shape: block.shape, data };
}

const reversed = (block: Block): Block => {
  const data = Uint8Array.from(block.data as Uint8Array);
  for (let i = 0; i < data.length; i += 3) data.set([...data.subarray(i, i + 3)].reverse(), i);
  return { shape: block.shape, data };
};
const grey = (block: Block): Block => ({
  shape: block.shape.slice(0, 3),
  data: Uint8Array.from({ length: block.data.length / 3 }, (_, i) => Number(block.data[3 * i])),
});
/** Four grey pictures as channels, the newest last. */
const stacked = (): Block => {
  const one = grey(pictures(ROWS + 3));
  const size = HEIGHT * WIDTH;
  const data = new Uint8Array(ROWS * 4 * size);
  for (let t = 0; t < ROWS; t++)
    data.set(one.data.slice(t * size, (t + 4) * size) as Uint8Array, t * 4 * size);
  return { shape: [ROWS, 4, HEIGHT, WIDTH], data };
};
const channelsFirst = [0, 3, 1, 2];

const right: [string, Block, OpenOptions, boolean, Uint8Array][] = [
  ['bytes', rgb, {}, false, bytes],
  ['channels first', transposed(rgb, channelsFirst), {}, false, bytes],
  ['RGBA', withAlpha(rgb), {}, true, bytes],
  ['RGBA, channels first', transposed(withAlpha(rgb), channelsFirst), {}, true, bytes],
  ['levels from 0 to 1', converted(rgb, (level) => level / 255, Float32Array), {}, true, bytes],
  [
    'levels from 0 to 1, channels first, of 64 bits',
    transposed(
      converted(rgb, (level) => level / 255, Float64Array),
      channelsFirst,
    ),
    {},
    true,
    bytes,
  ],
  ['bytes as floats', converted(rgb, (level) => level, Float32Array), {}, false, bytes],
  ['bytes as 32-bit integers', converted(rgb, (level) => level, Int32Array), {}, false, bytes],
  ['blue, green, red', reversed(rgb), { pictures: { channelOrder: 'bgr' } }, true, bytes],
  ['grey without a channel axis', grey(rgb), {}, false, Uint8Array.from(grey(rgb).data as Uint8Array)],
];
const refused: [string, Block, RegExp][] = [
  ['16 bits', converted(rgb, (level) => level * 257, Uint16Array), /16 bits|uint16/],
  ['depth in metres', converted(rgb, (level) => level / 60, Float32Array), /depth/],
  ['normalised by a mean', converted(rgb, (level) => level / 127.5 - 1, Float32Array), /normalised/],
  [
    'three pictures of three channels',
    { shape: [ROWS, HEIGHT, WIDTH, 9], data: new Uint8Array(ROWS * HEIGHT * WIDTH * 9) },
    /shape \[6, 8, 9\]/,
  ],
  ['four grey pictures stacked', stacked(), /four grey pictures stacked/],
  [
    'four grey pictures stacked, channels last',
    transposed(stacked(), [0, 2, 3, 1]),
    /four grey pictures stacked/,
  ],
];

for (const [format, open] of Object.entries(arraySources)) {
  test(`${format}: arrays of pictures of every kind come out right, and lossy where bytes change`, async (t) => {
    for (const [name, images, options, lossy, expected] of right) {
      const { out, episodes, report } = await convertAll(t, await open(t, images, options));
      const found = Uint8Array.from(onlyImage(episodes[0] as (typeof episodes)[0]));
      assert.deepEqual(found, expected.subarray(0, found.length), name);
      assert.ok(found.length >= expected.length - expected.length / ROWS, name);
      assert.equal((await readManifest(out)).provenance.lossy, lossy, name);
      assert.equal(report.notes.length > 0, lossy && name !== 'blue, green, red', `${name}: ${report.notes}`);
    }
  });

  test(`${format}: arrays that are no pictures are refused by name`, async (t) => {
    for (const [name, images, pattern] of refused) {
      const said = await open(t, images, {}).then(
        async (source) => (await convertAll(t, source)).report.problems[0]?.message ?? 'nothing',
        (error: Error) => {
          assert.ok(error instanceof InputError, error.stack);
          return error.message;
        },
      );
      assert.match(said, pattern, name);
    }
  });
}

test('arrays in Fortran order are read right from npz and zarr, channels first or last', async (t) => {
  for (const images of [rgb, transposed(rgb, channelsFirst)]) {
    const folder = join(temporaryFolder(t), 'walker_walk');
    const npz = { image: images, action: actions(ROWS), reward: column([0, 1, 2, 3, 4]) };
    writeNpz(join(folder, 'a.npz'), npz, { order: 'F' });
    const store = join(temporaryFolder(t), 'store.zarr');
    const zarr = {
      'data/img': images,
      'data/action': actions(ROWS),
      'data/reward': column([1, 2, 3, 4, 5]),
      'meta/episode_ends': column([ROWS], Int32Array),
    };
    writeZarr(store, zarr, { order: 'F' });
    for (const source of [openVd4rl(folder, {}), openZarr(store, {})]) {
      const { episodes } = await convertAll(t, await source);
      const [episode] = episodes as [(typeof episodes)[0]];
      assert.deepEqual(Uint8Array.from(onlyImage(episode)), bytes);
      assert.ok(Math.abs((episode.actions[1] ?? 0) + (episode.actions[0] ?? 1) / 2) < 1e-6);
    }
  }
});

test('blue-green-red by the attributes of an array is read as such, and said', async (t) => {
  const hdf5 = join(temporaryFolder(t), 'demo.hdf5');
  await writeHdf5(hdf5, {
    arrays: {
      'data/demo_0/actions': actions(ROWS),
      'data/demo_0/rewards': column([1, 2, 3, 4, 5]),
      'data/demo_0/obs/front': reversed(rgb),
    },
    attributes: { 'data/demo_0/obs/front': { color_order: 'BGR' } },
  });
  const store = join(temporaryFolder(t), 'store.zarr');
  writeZarr(
    store,
    {
      'data/img': reversed(rgb),
      'data/action': actions(ROWS),
      'data/reward': column([1, 2, 3, 4, 5]),
      'meta/episode_ends': column([ROWS], Int32Array),
    },
    { attributes: { 'data/img': { encoding: 'bgr8' } } },
  );
  for (const source of [openRobomimic(hdf5, {}), openZarr(store, {})]) {
    const { episodes, report, out } = await convertAll(t, await source);
    const found = Uint8Array.from(onlyImage(episodes[0] as (typeof episodes)[0]));
    assert.deepEqual(found, bytes.subarray(0, found.length));
    assert.match(report.notes.join(), /attributes say BGR/);
    assert.equal((await readManifest(out)).provenance.lossy, true);
  }
});

test('16-bit floats are named with the type to write instead, in HDF5 and zarr', async (t) => {
  const store = join(temporaryFolder(t), 'store.zarr');
  writeZarr(store, {
    'data/img': converted(rgb, (level) => level, Uint16Array),
    'data/action': actions(ROWS),
    'meta/episode_ends': column([ROWS], Int32Array),
  });
  const described = join(store, 'data/img/.zarray');
  writeFileSync(described, readFileSync(described, 'utf8').replace('<u2', '<f2'));
  assert.match(
    (await rejection(openZarr(store, {}))).message,
    /data\/img is of type <f2, .*write it as float32/,
  );
});

/** Every format that keeps files, over such files. */
const fileSources: Record<
  (typeof fileFormats)[number],
  (folder: string, files: readonly Buffer[], options: OpenOptions) => ReturnType<typeof opened>
> = {
  rlds: async (folder, files, options) => {
    writeTfRecords(join(folder, 'arm-train.tfrecord-00000-of-00001'), [
      {
        'steps/observation/front': files,
        'steps/action': actions(files.length).data as Float32Array,
        'steps/reward': Float32Array.from(files, () => 1),
      },
    ]);
    return openRlds(folder, options);
  },
  frames: async (folder, files, options) => {
    const inside = Object.fromEntries(
      Object.entries(numbered(files)).map(([name, file]) => [`front/${name}`, file]),
    );
    writeFrames(join(folder, 'a'), inside, csv(files.length - 1, { reward: files.map(() => 1) }));
    return openFrames(folder, options);
  },
  lerobot: async (folder, files, options) => {
    const { data } = actions(files.length);
    writeLerobot(folder, [
      {
        'observation.images.front': { type: 'image', values: files },
        action: {
          type: 'FLOAT',
          values: files.map((_, i) => [Number(data[2 * i]), Number(data[2 * i + 1])]),
        },
        'next.reward': { type: 'FLOAT', values: files.map(() => 1) },
        episode_index: { type: 'INT64', values: files.map(() => 0) },
      },
    ]);
    return openLerobot(folder, options);
  },
};

for (const format of fileFormats) {
  test(`${format}: picture files of every kind come out right, and lossy where bytes change`, async (t) => {
    const each = (make: (t: number) => Promise<Buffer>) =>
      Promise.all(Array.from({ length: ROWS }, (_, t) => make(t)));
    const size = HEIGHT * WIDTH * 3;
    const greys = Uint8Array.from({ length: bytes.length }, (_, i) => bytes[Math.floor(i / 3) * 3] as number);
    const rgba = withAlpha(rgb).data as Uint8Array;
    const cases: [string, Buffer[], OpenOptions, boolean, RegExp | null, Uint8Array][] = [
      ['PNG', await pngs(ROWS), {}, false, null, bytes],
      [
        'RGBA',
        await each((t) => png(rgba.slice((t * size * 4) / 3, ((t + 1) * size * 4) / 3))),
        {},
        true,
        /alpha channel/,
        bytes,
      ],
      [
        'grey',
        await each((t) => png(grey(rgb).data.slice((t * size) / 3, ((t + 1) * size) / 3) as Uint8Array)),
        {},
        false,
        null,
        greys,
      ],
      [
        'blue, green, red',
        await each((t) => png(reversed(rgb).data.slice(t * size, (t + 1) * size) as Uint8Array)),
        { pictures: { channelOrder: 'bgr' } },
        true,
        null,
        bytes,
      ],
      [
        'turned, which its EXIF says',
        await each(async (t) =>
          sharp(
            await sharp(await png(picture(t)))
              .rotate(270)
              .png()
              .toBuffer(),
          )
            .withExif({})
            .withMetadata({ orientation: 6 })
            .png()
            .toBuffer(),
        ),
        {},
        true,
        /EXIF orientation/,
        bytes,
      ],
      [
        'WebP',
        await each(async (t) =>
          sharp(await png(picture(t)))
            .webp({ lossless: true })
            .toBuffer(),
        ),
        {},
        true,
        null,
        bytes,
      ],
    ];
    for (const [name, files, options, lossy, noted, expected] of cases) {
      const source = await fileSources[format](temporaryFolder(t), files, options);
      const { out, episodes, report } = await convertAll(t, source);
      const found = Uint8Array.from(onlyImage(episodes[0] as (typeof episodes)[0]));
      assert.deepEqual(found, expected.subarray(0, found.length), name);
      assert.equal((await readManifest(out)).provenance.lossy, lossy, name);
      if (noted !== null) assert.match(report.notes.join(), noted, name);
    }
  });

  test(`${format}: pictures of 16 bits, of another size, cut short or empty are refused by name`, async (t) => {
    const files = await pngs(ROWS);
    const deep = await png(Uint16Array.from({ length: HEIGHT * WIDTH }, (_, i) => 500 + i));
    const other = await png(picture(3, 0, 9, 9), 9, 9);
    const whole = files[3] as Buffer;
    for (const [bad, pattern] of [
      [deep, /16 bits/],
      [other, /it is 9×9, others are 8×6; say --image-size/],
      [whole.subarray(0, whole.length - 40), /cut short or damaged/],
      [whole.subarray(0, 12), /cannot be used as an image/],
    ] as const) {
      const source = await fileSources[format](temporaryFolder(t), files.with(3, bad), {});
      const { report } = await convertAll(t, source);
      assert.equal(report.episodes, 0);
      assert.match(report.problems[0]?.message ?? '', pattern);
    }
    const all = fileSources[format](temporaryFolder(t), Array(ROWS).fill(deep), {});
    assert.match((await rejection(all)).message, /16 bits/);
  });

  test(`${format}: a size of other proportions is filled as --fit says, and stretched with a note`, async (t) => {
    for (const [fit, noted] of [
      [undefined, true],
      ['stretch', false],
      ['crop', false],
      ['pad', false],
    ] as const) {
      const pictures = { imageSize: 12, ...(fit && { fit }) };
      const source = await fileSources[format](temporaryFolder(t), await pngs(ROWS), { pictures });
      const { report, episodes } = await convertAll(t, source);
      assert.equal(onlyImage(episodes[0] as (typeof episodes)[0]).length % (12 * 12 * 3), 0);
      assert.equal(/stretched to 12×12/.test(report.notes.join()), noted, `${fit}`);
    }
    const error = await rejection(
      fileSources[format](temporaryFolder(t), await pngs(ROWS), { pictures: { fit: 'pad' } }),
    );
    assert.match(error.message, /--fit pad .*say --image-size/);
  });
}

test('lerobot: a size that info.json states otherwise is said', async (t) => {
  const files = await Promise.all([0, 1, 2].map((i) => png(picture(i, 0, 9, 9), 9, 9)));
  const { report } = await convertAll(t, await fileSources.lerobot(temporaryFolder(t), files, {}));
  assert.match(report.notes.join(), /state 8×6, its pictures are 9×9; the pictures count/);
});

test('rlds: bytes that are no picture file are named', async (t) => {
  const raw = [Buffer.from(picture(0)), Buffer.from(picture(1))];
  assert.match(
    (await rejection(fileSources.rlds(temporaryFolder(t), raw, {}))).message,
    /observation\/front holds 144 bytes a step that are no PNG, JPEG or WebP/,
  );
});

test('frames: other kinds of pictures, and two of one number, are named instead of left away', async (t) => {
  const files = numbered(await pngs(ROWS));
  for (const [name, pattern] of [
    ['frame_0005.tiff', /has frame_0005\.tiff, a kind of picture that is not read/],
    ['frame_0002.jpg', /frame_0002\.jpg and frame_0002\.png, two pictures of one number/],
  ] as const) {
    const folder = temporaryFolder(t);
    const table = csv(ROWS - 1, { reward: [1, 1, 1, 1] });
    writeFrames(join(folder, 'a'), { ...files, [name]: files['frame_0002.png'] as Buffer }, table);
    assert.match((await rejection(openFrames(folder, {}))).message, pattern);
  }
});

test('frames: a camera whose pictures are all of a kind that is not read is named, and the others are taken', async (t) => {
  const folder = temporaryFolder(t);
  const table = csv(ROWS - 1, { reward: [1, 1, 1, 1] });
  const depth = { 'depth/0.npy': Buffer.of(0), 'depth/1.npy': Buffer.of(0) };
  writeFrames(join(folder, 'a'), { ...numbered(await pngs(ROWS)), ...depth }, table);
  const { report, episodes } = await convertAll(t, await openFrames(folder, {}));
  assert.equal(episodes.length, 1);
  assert.match(report.notes.join(), /a\/depth has [01]\.npy, a kind of picture that is not read/);
  const alone = temporaryFolder(t);
  writeFrames(join(alone, 'a'), depth, table);
  assert.match(
    (await rejection(openFrames(alone, {}))).message,
    /no image files .*[01]\.npy, a kind of picture/,
  );
});

test('frames: names are put in the order of their numbers, times in that of their values', async (t) => {
  const files = await pngs(6);
  for (const names of [
    ['f8', 'f9', 'f10', 'f11', 'f12', 'f13'],
    ['0.05', '0.15', '0.2', '0.9', '1.0', '10.25'],
    ['t_0.8', 't_0.9', 't_1.0', 't_1.1', 't_1.2', 't_1.3'],
    ['100', '133', '167', '200', '233', '267'],
  ]) {
    const folder = temporaryFolder(t);
    const named = Object.fromEntries(names.map((name, i) => [`${name}.png`, files[i] as Buffer]));
    writeFrames(join(folder, 'a'), named, csv(5, { reward: [1, 1, 1, 1, 1] }));
    const { episodes } = await convertAll(t, await openFrames(folder, {}));
    assert.deepEqual(
      Array.from(
        { length: 6 },
        (_, i) => onlyImage(episodes[0] as (typeof episodes)[0])[i * HEIGHT * WIDTH * 3],
      ),
      [0, 1, 2, 3, 4, 5],
      names.join(),
    );
  }
  const folder = temporaryFolder(t);
  const gap = Object.fromEntries(
    ['f008', 'f009', 'f011', 'f012'].map((name, i) => [`${name}.png`, files[i] as Buffer]),
  );
  writeFrames(join(folder, 'a'), gap, csv(3, { reward: [1, 1, 1] }));
  assert.match(
    (await rejection(openFrames(folder, {}))).message,
    /f010\.png is missing between f009\.png and f011\.png/,
  );
});

// Films

const ffmpeg = needing(findProgram('ffmpeg'), 'ffmpeg');

interface Film {
  readonly frames: number;
  readonly rate?: number;
  readonly options?: readonly string[];
  /** Of a second pass, which copies the stream. */
  readonly remux?: readonly string[];
}

/** A dataset of videos: v2.1 a film an episode, v3 one film for all. */
function films(folder: string, rows: readonly number[], made: readonly Film[], isOld = true): string {
  const camera = 'observation.images.top';
  const episode = (count: number, i: number) => ({
    action: { type: 'FLOAT' as const, values: Array.from({ length: count }, (_, t) => [t / 20, -t / 20]) },
    'next.reward': { type: 'FLOAT' as const, values: Array(count).fill(1) },
    episode_index: { type: 'INT64' as const, values: Array(count).fill(i) },
  });
  writeLerobot(folder, rows.map(episode), { codebase_version: isOld ? 'v2.1' : 'v3.0' });
  const info = join(folder, 'meta/info.json');
  const described = JSON.parse(readFileSync(info, 'utf8'));
  described.features[camera] = { dtype: 'video', shape: [32, 48, 3], names: ['height', 'width', 'channel'] };
  writeFileSync(info, JSON.stringify(described));
  for (const [i, { frames, rate = 10, options = [], remux }] of made.entries()) {
    const path = join(
      folder,
      isOld
        ? `videos/chunk-000/${camera}/episode_00000${i}.mp4`
        : `videos/${camera}/chunk-000/file-00${i}.mp4`,
    );
    mkdirSync(join(path, '..'), { recursive: true });
    const first = remux === undefined ? path : `${path}.raw.mp4`;
    // Frame t is grey of 20 t + 20, darker by 10 on its left.
    const raw = Buffer.concat(
      Array.from({ length: frames }, (_, t) =>
        Buffer.from(Array.from({ length: 32 * 48 }, (_, p) => 20 * t + (p % 48 < 24 ? 10 : 20))),
      ),
    );
    const input = [
      '-v',
      'error',
      '-f',
      'rawvideo',
      '-pix_fmt',
      'gray',
      '-s',
      '48x32',
      '-r',
      `${rate}`,
      '-i',
      '-',
    ];
    const made = spawnSync(
      'ffmpeg',
      [...input, ...(options.length > 0 ? options : ['-pix_fmt', 'yuv420p']), first],
      { input: raw },
    );
    assert.equal(made.status, 0, made.stderr?.toString());
    if (remux !== undefined)
      assert.equal(spawnSync('ffmpeg', ['-v', 'error', '-i', first, '-c', 'copy', ...remux, path]).status, 0);
  }
  return folder;
}

test(
  'lerobot: films of more or fewer frames than rows, or of another rate, are refused by name',
  ffmpeg,
  async (t) => {
    for (const [film, pattern] of [
      [{ frames: 4 }, /episode_000000\.mp4 does not hold 5 frames from frame 0 on \(4 came\)/],
      [{ frames: 6 }, /episode_000000\.mp4 goes on after the 5 frames that the table has rows for/],
    ] as const) {
      const source = await openLerobot(films(temporaryFolder(t), [5, 5], [film, { frames: 5 }]), {});
      const { report, episodes } = await convertAll(t, source);
      assert.equal(episodes.length, 1);
      assert.match(report.problems[0]?.message ?? '', pattern);
    }
    const fast = openLerobot(films(temporaryFolder(t), [5], [{ frames: 5, rate: 30 }]), {});
    assert.match((await rejection(fast)).message, /has 30 frames a second, and meta\/info\.json says 10/);
  },
);

test('lerobot: a film that is turned or of more bits is said, one of depth is refused', ffmpeg, async (t) => {
  for (const [film, pattern, size] of [
    [
      { frames: 5, remux: ['-metadata:s:v:0', 'rotate=90'] },
      /turned by -?90 degrees/,
      { height: 48, width: 32 },
    ],
    [
      { frames: 5, options: ['-pix_fmt', 'yuv420p10le', '-c:v', 'libx264'] },
      /10 bits a level/,
      { height: 32, width: 48 },
    ],
  ] as const) {
    const { report, out } = await convertAll(
      t,
      await openLerobot(films(temporaryFolder(t), [5], [film]), {}),
    );
    const { images, provenance } = await readManifest(out);
    assert.deepEqual([images[0]?.height, images[0]?.width], [size.height, size.width]);
    assert.equal(provenance.lossy, true);
    assert.match(report.notes.join(), pattern);
  }
  const depth = { frames: 5, options: ['-c:v', 'ffv1', '-pix_fmt', 'gray16le', '-f', 'matroska'] };
  assert.match(
    (await rejection(openLerobot(films(temporaryFolder(t), [5], [depth]), {}))).message,
    /as a depth camera gives/,
  );
});

test('robomimic and minari pictures keep apart what is a camera and what is not', async (t) => {
  const path = join(temporaryFolder(t), 'main_data.hdf5');
  await writeHdf5(path, {
    arrays: {
      'episode_0/actions': actions(4),
      'episode_0/rewards': column([1, 1, 1, 1]),
      'episode_0/observations/pixels/front': pictures(5),
      'episode_0/observations/pixels/wrist': pictures(5, 2),
      'episode_0/observations/pose': actions(5),
    },
  });
  const { episodes } = await convertAll(t, await openMinari(path, { stateKeys: ['pose'] }));
  const [episode] = episodes as [(typeof episodes)[0]];
  assert.deepEqual(Object.keys(episode.images), ['front', 'wrist']);
  assert.deepEqual(
    Uint8Array.from(episode.images.wrist as Uint8Array),
    Uint8Array.from(pictures(5, 2).data as Uint8Array),
  );
  assert.deepEqual([...(episode.state ?? [])], [...actions(5).data]);
});
