/**
 * A study's page: `README.md` in its folder, and its figures in `figures/`, which is emptied and written anew. All of
 * it follows from the study and the results, and equal results give equal bytes; what they mean is read from
 * `findings.md` beside them, which a person writes.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files/atomicFile.js';
import { makeFolder } from '../files/makeFolder.js';
import { writeChart } from '../media/chart.js';
import { learnsOnline } from '../training/config.js';
import { counted, grouped } from '../words.js';
import { estimatesSvg, learningCurvesSvg, profilesSvg, variantColour } from './figures.js';
import { fingerprintText, sameFingerprint } from './fingerprint.js';
import { bestMean, firstReaching, lastMean } from './learningCurves.js';
import type { RunResult } from './results.js';
import { type Place, placeName, runsIn, type ScaleResults, scaleResults } from './scaleResults.js';
import {
  estimate,
  interquartileMeanOf,
  meanOf,
  median,
  medianOf,
  performanceProfile,
  probabilityOfImprovement,
} from './statistics.js';
import { type Study, scaleNames, slug } from './study.js';
import { latestVersion } from './versions.js';
import { estimateWords, minuteWords } from './words.js';

export const PAGE_FILE = 'README.md';
export const FINDINGS_FILE = 'findings.md';
export const FIGURES_FOLDER = 'figures';

/** A variant as the page shows it. */
interface Variant {
  readonly name: string;
  readonly color: string;
}

/** A part of the page, and the figures that it shows, by their path without ending from `figures/`. */
interface Part {
  readonly text: readonly string[];
  readonly figures?: Readonly<Record<string, string>>;
}

/** Normalised scores at which a performance profile is drawn. */
const profileThresholds = Array.from({ length: 101 }, (_, i) => i / 100);
/** More missing runs than these are counted by variant instead of named. */
const namedMissing = 8;

/** The page as Markdown, and its figures as SVG by their path without ending from `figures/`. */
export interface StudyPage {
  readonly text: string;
  readonly figures: Readonly<Record<string, string>>;
}

/** @param results all there are; those of other fingerprints or settings are shown apart */
export async function studyPage(study: Study, results: readonly RunResult[]): Promise<StudyPage> {
  const parts = scaleNames.flatMap((scale) =>
    study.scales[scale] === undefined ? [] : scaleParts(study, scaleResults(study, scale, results)),
  );
  const page = [...(await head(study)), ...parts.flatMap(({ text }) => text)].join('\n\n');
  return { text: `${page}\n`, figures: Object.assign({}, ...parts.map((part) => part.figures)) };
}

/** Writes the page and its figures. @returns the page's path */
export async function studyReport(study: Study, results: readonly RunResult[]): Promise<string> {
  const page = await studyPage(study, results);
  const figures = join(study.folder, FIGURES_FOLDER);
  await rm(figures, { recursive: true, force: true });
  for (const [name, svg] of Object.entries(page.figures)) {
    await makeFolder(join(figures, name, '..'));
    for (const ending of ['svg', 'png']) await writeChart(join(figures, `${name}.${ending}`), svg);
  }
  const path = join(study.folder, PAGE_FILE);
  await writeFileAtomic(path, page.text);
  return path;
}

async function head(study: Study): Promise<string[]> {
  const findings = await readFile(join(study.folder, FINDINGS_FILE), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  return [
    `# ${study.name}`,
    `**Question.** ${study.question}`,
    `**What the paper found.** ${study.finding}`,
    '## What it shows',
    findings?.trim() ||
      `Nobody has written that down yet; it is for a person to say, in \`${FINDINGS_FILE}\`.`,
  ];
}

function scaleParts(study: Study, results: ScaleResults): Part[] {
  const { scale, runs } = results;
  const title: Part = { text: [`## Scale: ${scale}`] };
  if (runs.length === 0) return [title, whatRan(results), ...otherRuns(study, results)];
  const variants = Object.keys(study.variants)
    .map((name, place) => ({ name, color: variantColour(place) }))
    .filter(({ name }) => runs.some((run) => run.variant === name));
  return [
    title,
    whatRan(results),
    atBudget(study, results, variants),
    overTasks(study, results, variants),
    learningCurves(results, variants),
    untilThresholds(study, results, variants),
    ...otherRuns(study, results),
  ];
}

function whatRan({ runs, planned, missing, unscored }: ScaleResults): Part {
  const seeds = [...new Set(planned.map(({ seed }) => seed))];
  const lines = [
    `${runs.length} of ${planned.length} runs (seeds ${seeds.join(', ')}); ${missingWords(missing.length)}`,
  ];
  if (missing.length > 0 && runs.length > 0) lines.push(`Missing: ${listMissing(missing)}.`);
  if (unscored.length > 0)
    lines.push(
      `Without an evaluation, and so not counted: ${unscored.map(({ id }) => `\`${id}\``).join(', ')}.`,
    );
  const [first] = runs;
  if (first === undefined) return { text: ['### What ran', ...lines] };
  const hours = runs.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0) / 3600;
  const rows = [
    [
      'computing',
      `${hours.toFixed(1)} hours in all, ${minuteWords(median(runs.map((run) => run.wallSeconds)))} for the median run`,
    ],
    ...tallied(runs.map(({ engine }) => engine)).map((text) => ['engine', text]),
    ...tallied(
      runs.map(({ machine: { processor, cores, node } }) => `${processor}, ${cores} cores, Node ${node}`),
    ).map((text) => ['machine', text]),
    ...dataRows(runs),
    ['fingerprint', fingerprintText(latestVersion(newestOf(runs)))],
    ...verifiedRows(runs),
  ];
  return { text: ['### What ran', ...lines, table(['', ''], rows)] };
}

function missingWords(count: number): string {
  if (count === 0) return 'none is missing.';
  return count === 1 ? '**1 run is missing.**' : `**${count} runs are missing.**`;
}

function listMissing(missing: ScaleResults['missing']): string {
  if (missing.length <= namedMissing) return missing.map(({ id }) => `\`${id}\``).join(', ');
  return tallied(missing.map(({ variant }) => variant)).join(', ');
}

/** What each data set holds, as far as runs used it. */
function dataRows(runs: readonly RunResult[]): string[][] {
  const sets = new Map<string, string>();
  for (const { task, data, dataset } of runs) {
    if (data === undefined || dataset === null) continue;
    const { sha256, episodes, returnMean } = dataset;
    const mean = returnMean === null ? '' : `, mean return ${returnMean.toFixed(0)}`;
    sets.set(
      `${placeName({ task, data })} ${sha256}`,
      `${placeName({ task, data })}: ${grouped(episodes)} episodes${mean} (\`${sha256.slice(0, 12)}\`)`,
    );
  }
  return [...sets.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => ['data', text]);
}

function atBudget(study: Study, results: ScaleResults, variants: readonly Variant[]): Part {
  const { runs } = results;
  const frames = tallied(
    runs.filter(isOnline).map(({ config }) => `${grouped(config.envFrames)} env frames`),
    false,
  );
  return {
    text: [
      `### Return at the budget${frames.length === 1 ? ` of ${frames[0]}` : ''}`,
      `${seedWords(runs, results.places, variants)} Mean over seeds of the last evaluation's mean return, and its 95% bootstrap interval over seeds, which is too narrow where seeds are few. One seed has no interval.${sharedWords(study)}`,
      placeTable(study, results, runs, variants, (run) => lastMean(run) as number),
      'The best evaluation of each run instead of its last, which flatters whatever swings:',
      placeTable(study, results, runs, variants, (run) => bestMean(run) as number),
    ],
  };
}

/** A row for each place, a column for each variant. */
function placeTable(
  study: Study,
  { places }: ScaleResults,
  runs: readonly RunResult[],
  variants: readonly Variant[],
  score: (run: RunResult) => number,
): string {
  const isEven = new Set(seedCounts(runs, places, variants)).size === 1;
  return table(
    ['task', ...variants.map(({ name }) => name)],
    places.map((place) => [
      placeName(place),
      ...variants.map(({ name }) => {
        const cell = runsIn(runs, name, place);
        if (cell.length === 0) return '–';
        const words = estimateWords(estimate([cell.map(score)], meanOf), returnDigits(study));
        return isEven ? words : `${words}, ${counted(cell.length, 'seed')}`;
      }),
    ]),
  );
}

function seedWords(
  runs: readonly RunResult[],
  places: readonly Place[],
  variants: readonly Variant[],
): string {
  const [count, ...others] = new Set(seedCounts(runs, places, variants));
  return count === undefined || others.length > 0
    ? 'How many seeds stands with each.'
    : `${counted(count, 'seed')} each.`;
}

function seedCounts(
  runs: readonly RunResult[],
  places: readonly Place[],
  variants: readonly Variant[],
): number[] {
  return places.flatMap((place) =>
    variants.map(({ name }) => runsIn(runs, name, place).length).filter((count) => count > 0),
  );
}

function sharedWords(study: Study): string {
  const without = Object.entries(study.variants).filter(([, { usesData }]) => !usesData);
  if (without.length === 0 || without.length === Object.keys(study.variants).length) return '';
  const names = without.map(([name]) => name).join(', ');
  return ` Runs without data (${names}) are made once a task and stand beside all of its data.`;
}

function overTasks(study: Study, results: ScaleResults, variants: readonly Variant[]): Part {
  const { runs, places, scale } = results;
  const heading = '### Over all tasks';
  const common = places.filter((place) => variants.every(({ name }) => runsIn(runs, name, place).length > 0));
  if (common.length === 0)
    return { text: [heading, 'There is no task yet in which every variant has a run: nothing to sum up.'] };
  const [low, high] = study.scoreRange;
  const score = (run: RunResult): number => ((lastMean(run) as number) - low) / (high - low);
  const scored = variants.map((variant) => ({ ...variant, ...strataOf(runs, variant.name, common, score) }));
  const sums = scored.map(({ name, color, strata }) => ({
    name,
    color,
    iqm: estimate(strata, interquartileMeanOf),
    mean: estimate(strata, meanOf),
    median: estimate(strata, medianOf),
    profile: performanceProfile(strata, profileThresholds),
  }));
  const [first, ...others] = scored;
  const improvements = others.map(({ name, color, strata, stratumOf }) => ({
    name,
    color,
    estimate: probabilityOfImprovement({
      x: first?.strata ?? [],
      y: strata,
      pairs: common.map((_, place) => [first?.stratumOf[place] as number, stratumOf[place] as number]),
    }),
  }));
  const range = `return ${low === 0 ? `/ ${grouped(high)}` : `from ${low} to ${high}`}`;
  const over = `${counted(common.length, common.some(({ data }) => data !== undefined) ? 'pair' : 'task')}${common.some(({ data }) => data !== undefined) ? ' of task and data' : ''}`;
  const part =
    common.length < places.length
      ? ` Of ${places.length} only these count, in which every variant has a run: ${common.map(placeName).join('; ')}.`
      : '';
  const figures: Record<string, string> = {
    [`${scale}/interquartile-mean`]: estimatesSvg({
      title: 'Interquartile mean',
      subtitle: `normalised score over ${over}; 95% stratified bootstrap interval`,
      xLabel: 'normalised score',
      rows: sums.map(({ name, color, iqm }) => ({ name, color, estimate: iqm })),
    }),
    [`${scale}/performance-profile`]: profilesSvg({
      title: 'Performance profile',
      subtitle: 'share of runs whose score is above τ; 95% interval at each τ',
      thresholds: profileThresholds,
      profiles: sums.map(({ name, color, profile }) => ({ name, color, shares: profile })),
    }),
  };
  if (improvements.length > 0)
    figures[`${scale}/improvement`] = estimatesSvg({
      title: `P(${first?.name} > other)`,
      subtitle: 'probability that a run ends above a run of the other, averaged over tasks',
      xLabel: 'probability of improvement',
      rows: improvements,
      reference: 0.5,
      xRange: [0, 1],
    });
  return {
    text: [
      heading,
      `Normalised scores (${range}) of the last evaluations over ${over}: interquartile mean over runs and tasks, mean and median over tasks, with 95% stratified bootstrap intervals; and the probability that a run of ${first?.name} ends above one of the variant (Agarwal et al. 2021).${part}`,
      table(
        ['variant', 'runs', 'interquartile mean', 'mean', 'median', `P(${first?.name} > variant)`],
        sums.map(({ name, iqm, mean, median: middle }, row) => {
          const improvement = improvements[row - 1]?.estimate;
          return [
            name,
            String(scored[row]?.strata.flat().length),
            ...[iqm, mean, middle].map((value) => estimateWords(value, 2)),
            improvement === undefined ? '' : estimateWords(improvement, 2),
          ];
        }),
      ),
      gallery(Object.keys(figures), 2),
    ],
    figures,
  };
}

/** A variant's scores by stratum, and the stratum of each place; runs without data are one stratum for a task. */
function strataOf(
  runs: readonly RunResult[],
  variant: string,
  places: readonly Place[],
  score: (run: RunResult) => number,
): { strata: number[][]; stratumOf: number[] } {
  const cells = places.map((place) => runsIn(runs, variant, place));
  const keys = cells.map((cell) => cell.map(({ id }) => id).join(' '));
  const distinct = [...new Set(keys)];
  return {
    strata: distinct.map((key) => (cells[keys.indexOf(key)] as RunResult[]).map(score)),
    stratumOf: keys.map((key) => distinct.indexOf(key)),
  };
}

function learningCurves({ runs, places, scale }: ScaleResults, variants: readonly Variant[]): Part {
  const figures = Object.fromEntries(
    places.flatMap((place) => {
      const groups = variants.flatMap((variant) => {
        const cell = runsIn(runs, variant.name, place);
        return cell.length === 0 ? [] : [{ ...variant, runs: cell }];
      });
      if (groups.length === 0) return [];
      const name = [place.task, ...(place.data === undefined ? [] : [place.data])].map(slug).join('_');
      const axis = runs.some(isOnline) ? 'envFrames' : 'updates';
      return [[`${scale}/${name}`, learningCurvesSvg({ title: placeName(place), axis, groups, width: 560 })]];
    }),
  );
  return { text: ['### Learning curves', gallery(Object.keys(figures), 2)], figures };
}

function untilThresholds(study: Study, { runs, places }: ScaleResults, variants: readonly Variant[]): Part {
  if (study.thresholds.length === 0) return { text: [] };
  const tables = study.thresholds.flatMap((threshold) => [
    `A mean return of ${grouped(threshold)}:`,
    table(
      ['task', ...variants.map(({ name }) => name)],
      places.map((place) => [
        placeName(place),
        ...variants.map(({ name }) => reachedWords(runsIn(runs, name, place), threshold)),
      ]),
    ),
  ]);
  return {
    text: [
      '### How long it takes',
      'Env frames and minutes of computing until the first evaluation of at least that mean return: the median over seeds, a seed that never got there counting as endless, and how many got there. Minutes hold for the machines above.',
      ...tables,
    ],
  };
}

function reachedWords(runs: readonly RunResult[], threshold: number): string {
  if (runs.length === 0) return '–';
  const reached = runs.map((run) => firstReaching(run, threshold));
  const share = `${reached.filter((line) => line !== undefined).length} of ${runs.length}`;
  const frames = median(reached.map((line) => line?.envFrames ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(frames)) return `not reached (${share})`;
  const isTimed = reached.every((line) => line === undefined || line.seconds !== undefined);
  const seconds = median(reached.map((line) => line?.seconds ?? Number.POSITIVE_INFINITY));
  const time = isTimed ? `, ${minuteWords(seconds)}` : '';
  return `${grouped(frames)} frames${time} (${share})`;
}

/** Runs that count nowhere above, each kind with its own table. */
function otherRuns(study: Study, results: ScaleResults): Part[] {
  const { older, foreign, runs } = results;
  const all = Object.keys(study.variants).map((name, place) => ({ name, color: variantColour(place) }));
  const parts = older.flatMap((group): Part[] => {
    const [first] = group;
    if (first === undefined) return [];
    const variants = all.filter(({ name }) => group.some((run) => run.variant === name));
    return [
      {
        text: [
          `${counted(group.length, 'run')} of an earlier ${differingParts(first, runs)} (${fingerprintText(latestVersion(first))}), last evaluations:`,
          placeTable(study, results, group, variants, (run) => lastMean(run) as number),
        ],
      },
    ];
  });
  if (foreign.length > 0)
    parts.push({
      text: [
        `${counted(foreign.length, 'run')} whose settings are not those of \`study.json\` now: ${foreign.map(({ id }) => `\`${id}\``).join(', ')}.`,
      ],
    });
  if (parts.length === 0) return [];
  return [{ text: ['### Apart from all of the above', 'These count nowhere above.'] }, ...parts];
}

function differingParts(run: RunResult, current: readonly RunResult[]): string {
  const names = ['learner', 'engine', 'environment', 'renderer'] as const;
  const [theirs, ours] = [latestVersion(run), latestVersion(newestOf(current))];
  return names.filter((name) => theirs[name] !== ours[name]).join(' and ');
}

/** @param runs at least one */
function newestOf(runs: readonly RunResult[]): RunResult {
  return runs.reduce((newest, run) =>
    Date.parse(run.finished) > Date.parse(newest.finished) ? run : newest,
  );
}

/** How many of the runs an earlier version of the program made than the one whose fingerprint is shown. */
function verifiedRows(runs: readonly RunResult[]): string[][] {
  const shown = latestVersion(newestOf(runs));
  const count = runs.filter((run) => !sameFingerprint(run.fingerprint, shown)).length;
  if (count === 0) return [];
  return [
    [
      'verified',
      `${counted(count, 'run')} made by an earlier version, which begins such runs bit for bit the same`,
    ],
  ];
}

function isOnline({ config }: RunResult): boolean {
  return learnsOnline(config);
}

/** Three digits of what a score spans. */
function returnDigits({ scoreRange: [low, high] }: Study): number {
  return Math.max(0, Math.min(6, 3 - Math.ceil(Math.log10(high - low))));
}

/** Each different text with how many there are of it, in the order they first came. */
function tallied(texts: readonly string[], withCount = true): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => (withCount ? `${text} (${counted(count, 'run')})` : text));
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}

/** Figures side by side; each leads to its SVG. */
function gallery(names: readonly string[], columns: number): string {
  const cells = names.map((name) => {
    const path = `${FIGURES_FOLDER}/${name}`;
    return `[![${name.split('/').at(-1)?.replaceAll('_', ', ')}](${path}.png)](${path}.svg)`;
  });
  const width = Math.min(columns, cells.length);
  const rows = Array.from({ length: Math.ceil(cells.length / width) }, (_, row) =>
    Array.from({ length: width }, (_, column) => cells[row * width + column] ?? ''),
  );
  return table(
    Array.from({ length: width }, () => ''),
    rows,
  );
}
