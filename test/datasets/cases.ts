/**
 * Runs `rlpd convert` on a folder of small inputs, each unusual in one way, and says which come out as they should:
 *
 *   node dist/test/datasets/cases.js FOLDER [--only NAME,…]
 *
 * FOLDER/cases.json describes them, FOLDER/NAME holds the input of each. A case is right if what came out is what its
 * `right` or one of its `also_right` says, whose parts all have to hold: `values` (what the records hold, exactly),
 * `refused` (an exit code other than 0, or episodes left out), `noted` (said somewhere), `names` (what that text
 * contains) and `lossy`. The command is run in the case's own folder by relative paths, so that no message names the
 * fault by accident. Ends with 0 if all are right.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Unpackr } from 'msgpackr';
import { z } from 'zod';
import { type Manifest, readManifest } from '../../datasets/manifest.js';

const episodeSchema = z.object({
  recorded_as: z.int(),
  steps: z.int(),
  terminated: z.boolean(),
  truncated: z.boolean(),
  images: z.array(z.int()),
  rewards: z.array(z.number()),
  actions: z.array(z.array(z.number())),
  state: z.array(z.array(z.number())).optional(),
});
type ExpectedEpisode = z.output<typeof episodeSchema>;

const valuesSchema = z.object({
  height: z.int(),
  width: z.int(),
  channels: z.union([z.int(), z.array(z.int())]),
  picture: z.literal('grey').optional(),
  pixel_tolerance: z.number().default(0),
  /** Those whose pictures have to arrive, the first with k = 0. */
  cameras: z.array(z.string()).optional(),
  lossy: z.boolean().optional(),
  episodes: z.array(episodeSchema),
});
type Values = z.output<typeof valuesSchema>;

const outcomeSchema = z.object({
  values: valuesSchema.optional(),
  refused: z.string().optional(),
  noted: z.string().optional(),
  names: z.array(z.string()).default([]),
  lossy: z.boolean().optional(),
});
type Outcome = z.output<typeof outcomeSchema>;

const caseSchema = z.object({
  name: z.string(),
  format: z.string(),
  source: z.string(),
  options: z.array(z.string()).default([]),
  right: outcomeSchema,
  also_right: z.array(outcomeSchema).default([]),
});
type Case = z.output<typeof caseSchema>;

const TIMEOUT_MS = 120_000;
const STACK = /^\s+at .*:\d+:\d+\)?$/m;
/** Of the manifest's details those that every conversion has. */
const USUAL_DETAILS = ['command', 'problems', 'filtered', 'finalObservation', 'split', 'level', 'dataset'];

type StoredRecord = Readonly<Record<string, unknown>>;

interface Run {
  readonly exit: number | null;
  readonly stderr: string;
  readonly manifest: Manifest | null;
  readonly records: readonly StoredRecord[];
  /** What was left out, and why. */
  readonly leftOut: string;
  /** All that a user may read of what was unusual. */
  readonly said: string;
}

const reportSchema = z.looseObject({
  problems: z
    .array(z.object({ episode: z.string(), kind: z.string(), message: z.string(), action: z.string() }))
    .default([]),
  notes: z.array(z.string()).default([]),
});

async function runCase(folder: string, { format, source, options }: Case, out: string): Promise<Run> {
  const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));
  const words = [program, 'convert', format, source, '--out', out, '--codec', 'raw', ...options];
  const child = spawn(process.execPath, words, { cwd: folder, timeout: TIMEOUT_MS });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const exit = await new Promise<number | null>((done) => child.on('close', done));
  const manifest = existsSync(join(out, 'manifest.json')) ? await readManifest(out) : null;
  const path = join(out, 'conversion.json');
  const report = reportSchema.parse(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});
  const details = Object.entries(manifest?.provenance.details ?? {}).filter(
    ([key]) => !USUAL_DETAILS.includes(key),
  );
  const problems = report.problems.map(({ episode, kind, message }) => `${episode} ${kind} ${message}`);
  return {
    exit,
    stderr: stderr.replaceAll(out, 'OUT'),
    manifest,
    records: manifest === null ? [] : readRecords(out, manifest),
    leftOut: report.problems
      .filter(({ action }) => action === 'left out')
      .map(({ episode, message }) => `${episode}: ${message}`)
      .join('\n'),
    said: [stderr, stdout, ...problems, ...report.notes, JSON.stringify(Object.fromEntries(details))]
      .join('\n')
      .replaceAll(out, 'OUT'),
  };
}

/** By the format's page alone: maps one after the other. */
function readRecords(out: string, manifest: Manifest): StoredRecord[] {
  const unpackr = new Unpackr({ mapsAsObjects: true });
  return manifest.shards.flatMap(
    ({ file }) => unpackr.unpackMultiple(readFileSync(join(out, 'shards', file))) as StoredRecord[],
  );
}

/** Byte [y, x, c] of image t of episode e, of camera k. */
function pictures(
  { height, width, picture }: Values,
  episode: ExpectedEpisode,
  channels: number,
  camera: number,
): Uint8Array {
  const size = height * width * channels;
  return Uint8Array.from({ length: episode.images.length * size }, (_, i) => {
    const [t, at] = [episode.images[Math.floor(i / size)] as number, i % size];
    const [y, x, c] = [Math.floor(at / (width * channels)), Math.floor(at / channels) % width, at % channels];
    return 16 * episode.recorded_as + t + 5 * x + 11 * y + 60 * (picture === 'grey' ? 0 : c) + 97 * camera;
  });
}

function floats(bytes: unknown): number[] {
  const buffer = Buffer.from((bytes ?? []) as Uint8Array);
  return Array.from({ length: buffer.length / 4 }, (_, i) => buffer.readFloatLE(4 * i));
}

function areEqual(found: readonly number[], wanted: readonly number[], tolerance: number): boolean {
  return (
    found.length === wanted.length &&
    found.every((value, i) => Math.abs(value - (wanted[i] as number)) <= tolerance)
  );
}

/** What is exact in a source is so to the last bit of a float32. */
const FLOAT_TOLERANCE = 2e-6;

function lacksOfRecord(
  record: StoredRecord,
  values: Values,
  episode: ExpectedEpisode,
  manifest: Manifest,
): string[] {
  const lacks: string[] = [];
  const say = (isRight: boolean, sentence: string): void => {
    if (!isRight) lacks.push(`${record.id}: ${sentence}`);
  };
  say(record.length === episode.steps, `it has ${record.length} steps, expected ${episode.steps}`);
  for (const flag of ['terminated', 'truncated'] as const)
    say(record[flag] === episode[flag], `${flag} is ${record[flag]}`);
  const [rewards, actions] = [floats(record.rewards), floats(record.actions)];
  say(
    areEqual(rewards, episode.rewards, FLOAT_TOLERANCE),
    `rewards are ${short(rewards)}, expected ${short(episode.rewards)}`,
  );
  say(
    areEqual(actions, episode.actions.flat(), FLOAT_TOLERANCE),
    `actions are ${short(actions)}, expected ${short(episode.actions.flat())}`,
  );
  if (episode.state !== undefined)
    say(
      areEqual(floats(record.state), episode.state.flat(), FLOAT_TOLERANCE),
      record.state === undefined ? 'there is no state' : 'the state differs',
    );
  const images = Object.entries((record.images ?? {}) as Readonly<Record<string, Uint8Array>>);
  if (values.cameras !== undefined) {
    const said = JSON.stringify(manifest);
    for (const [k, camera] of values.cameras.entries()) {
      const wanted = Buffer.from(pictures(values, episode, 3, k));
      say(
        images.some(([, bytes]) => wanted.equals(bytes)) && said.includes(camera),
        `${camera} did not arrive`,
      );
    }
  } else if (record.length === episode.steps)
    lacks.push(...lacksOfPictures(record, values, episode, manifest));
  return lacks;
}

function lacksOfPictures(
  record: StoredRecord,
  values: Values,
  episode: ExpectedEpisode,
  manifest: Manifest,
): string[] {
  const [layout] = manifest.images;
  const found = ((record.images ?? {}) as Readonly<Record<string, Uint8Array>>)[layout?.name ?? ''];
  if (layout === undefined || found === undefined) return [`${record.id}: there are no images`];
  const { height, width, channels } = layout;
  if (height !== values.height || width !== values.width || ![values.channels].flat().includes(channels))
    return [`${record.id}: images are ${height}×${width}×${channels}`];
  const wanted = pictures(values, episode, channels, 0);
  return areEqual([...found], [...wanted], values.pixel_tolerance) ? [] : [`${record.id}: pixels differ`];
}

function short(numbers: readonly number[]): string {
  return `[${numbers.slice(0, 12).map((value) => Number(value.toPrecision(6)))}${numbers.length > 12 ? ' …' : ''}]`;
}

/** What an outcome lacks to be this right one; empty if it is. */
function lacksOf(run: Run, right: Outcome): string[] {
  const lacks: string[] = [];
  const { values } = right;
  const unnamed = (text: string): string[] =>
    right.names.filter((name) => !new RegExp(name, 'i').test(text)).map((name) => `nothing names /${name}/`);
  if (values !== undefined) {
    if (run.records.length !== values.episodes.length)
      lacks.push(`${run.records.length} episodes, expected ${values.episodes.length}`);
    for (const [i, episode] of values.episodes.entries()) {
      const record = run.records[i];
      if (record !== undefined && run.manifest !== null)
        lacks.push(...lacksOfRecord(record, values, episode, run.manifest));
    }
  }
  const lossy = right.lossy ?? values?.lossy;
  if (lossy !== undefined && run.manifest !== null && run.manifest.provenance.lossy !== lossy)
    lacks.push(`lossy is ${run.manifest.provenance.lossy}`);
  if (right.refused !== undefined) {
    if (run.exit === 0 && run.leftOut === '') lacks.push('nothing was refused or left out');
    else lacks.push(...unnamed(run.exit === 0 ? run.leftOut : run.stderr));
    if (values === undefined && run.records.length > 0)
      lacks.push(`${run.records.length} episodes were converted all the same`);
  } else {
    if (run.exit !== 0) lacks.push(`the exit code is ${run.exit}`);
    if (right.noted !== undefined) lacks.push(...unnamed(run.said));
  }
  return lacks;
}

function judge(run: Run, { right, also_right }: Case): string[] {
  if (run.exit === null) return [`it did not end within ${TIMEOUT_MS / 1000} s`];
  if (run.exit !== 0 && STACK.test(run.stderr)) return ['it crashed'];
  const lacks = [right, ...also_right].map((outcome) => lacksOf(run, outcome));
  return lacks.some((each) => each.length === 0) ? [] : (lacks[0] as string[]);
}

/** @returns how many are wrong */
async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' } },
  });
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0)
    throw new Error('Usage: node dist/test/datasets/cases.js FOLDER [--only NAME,…]');
  const described = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
  const only = values.only?.split(',');
  const cases = z
    .object({ cases: z.array(caseSchema) })
    .parse(described)
    .cases.filter(({ name }) => only?.includes(name) ?? true);
  const scratch = mkdtempSync(join(tmpdir(), 'rlpd-cases-'));
  let wrong = 0;
  try {
    for (const [i, one] of cases.entries()) {
      const out = join(scratch, String(i));
      const lacks = judge(await runCase(join(resolve(folder), one.name), one, out), one);
      rmSync(out, { recursive: true, force: true });
      if (lacks.length > 0) wrong++;
      console.log(lacks.length === 0 ? `right  ${one.name}` : `WRONG  ${one.name}: ${lacks.join('; ')}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`${cases.length - wrong} of ${cases.length} right`);
  return wrong;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await main()) > 0 ? 1 : 0;
