/** `rlpd study run|verify|status|report|list`: comparisons of many runs that resume, share out and draw themselves. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { didYouMean, InputError } from '../src/errors.js';
import { adoptStudy, isStudy, shippedStudies, studyNames } from '../src/study/shippedStudies.js';
import type { StandingSummary } from '../src/study/standing.js';
import { readStudy, type ScaleName, STUDY_FILE, type Study, scaleNames } from '../src/study/study.js';
import type { FinishedRun } from '../src/study/twins.js';
import { counted } from '../src/words.js';
import { note, printResult } from './console.js';
import { duration } from './duration.js';
import { addServerFlags, optionalAddress, type ServerFlags } from './fleetFlags.js';
import { examples, wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';
import { manyTimes } from './strictUsage.js';
import { StudyDisplay } from './studyProgress.js';

interface Common {
  readonly results: string;
  readonly runs: string;
  readonly json?: boolean;
}

interface OneScale extends Common {
  readonly scale: ScaleName;
  readonly only?: readonly string[];
}

interface RunFlags extends OneScale, ServerFlags {
  readonly jobs: number;
  readonly budget?: number;
  readonly refresh?: boolean;
  readonly data: string;
}

interface VerifyFlags extends OneScale {
  readonly data: string;
}

/** Where things lie unless flags say otherwise. */
const places = { results: 'results', runs: 'runs/studies', data: 'data' };

export const studyCommand = new Command('study');

const runCommand = addServerFlags(withScale(studyCommand.command('run')));
// Workers are as many as they are.
for (const option of runCommand.options) if (option.long === '--nats') option.conflicts('jobs');

examples(
  runCommand
    .description(
      'play the runs that a study still misses, each in a process of its own or, with --nats, by the workers there (rlpd worker); what a study beside it has played is taken over',
    )
    .argument('<study>', 'name of a study, or its folder')
    .addOption(new Option('--jobs <number>', 'runs at once').argParser(wholeNumber(1, 1024)).default(1))
    .addOption(
      new Option(
        '--budget <time>',
        'stop after this long, such as 2h or 30min, with a checkpoint of each run',
      ).argParser(seconds),
    )
    .option(
      '--refresh',
      'play runs again whose result another version of the program made (default: they keep it)',
    )
    .option('--data <folder>', 'where datasets are recorded and found', places.data),
  [
    'rlpd study run pixels --scale small --jobs 2',
    'rlpd study run pixels --only walker-walk --budget 2h',
    'rlpd study run pixels --nats nats://127.0.0.1:4222',
  ],
).action(async (name: string, flags: RunFlags) => {
  const study = await ownStudy(name, flags.results);
  requireScale(study, flags.scale);
  // Only now: of what plays, neither help nor a standing needs anything.
  const { runStudy } = await import('../src/study/runStudy.js');
  const stop = stopOnSignals(
    flags.nats === undefined
      ? 'every run ends with a checkpoint'
      : 'what was asked for goes on at the workers, and the same command gathers it',
  );
  const display = new StudyDisplay();
  const workers = await openWorkers(flags, (text) => display.say(text)).catch((error) => {
    stop.dispose();
    throw error;
  });
  try {
    const outcome = await runStudy({
      study,
      scale: flags.scale,
      only: flags.only,
      jobs: workers === undefined ? flags.jobs : Number.POSITIVE_INFINITY,
      play: workers?.play,
      onAnyMachine: workers !== undefined,
      budgetSeconds: flags.budget,
      refresh: flags.refresh,
      runs: flags.runs,
      data: flags.data,
      signal: stop.signal,
      onEvent: (event) => display.show(event),
    });
    display.stop();
    const { finished, stopped, failed, taken, missing, ofOtherVersions } = outcome;
    const lines = [
      `${counted(finished, 'run')} finished, ${stopped} ${workers === undefined ? 'stopped' : 'left to workers'}, ${failed.length} failed${taken > 0 ? `, ${taken} left to another process` : ''}; ${missing} missing.`,
      ...failed.map(({ id, reason }) => `${id}: ${reason}`),
      ...(ofOtherVersions > 0
        ? [
            `${counted(ofOtherVersions, 'run')} kept a result that another version of the program made: "rlpd study verify ${name}" sees whether ${ofOtherVersions === 1 ? 'it is' : 'they are'} this one’s too, --refresh plays ${ofOtherVersions === 1 ? 'it' : 'them'} again.`,
          ]
        : []),
      ...(missing > 0
        ? [
            `Go on with: rlpd study run ${name} --scale ${flags.scale}${given(flags, ['only', 'results', 'runs', 'data'])}${flags.nats === undefined ? '' : ' --nats …'}`,
          ]
        : []),
      `Draw what there is with: rlpd study report ${name}${given(flags, ['results'])}`,
    ];
    printResult(flags.json, { study: study.name, scale: flags.scale, ...outcome }, lines.join('\n'));
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    display.stop();
    await workers?.close();
    stop.dispose();
  }
});

examples(
  withScale(studyCommand.command('verify'))
    .description(
      'see whether results of an earlier version of the program are this one’s too: the beginning of a run of each task and variant is played again, some minutes each, and compared bit for bit; data that are not there are recorded first',
    )
    .argument('<study>', 'name of a study, or its folder')
    .option('--data <folder>', 'where datasets are recorded and found', places.data),
  ['rlpd study verify pixels', 'rlpd study verify pixels --only walker-walk'],
).action(async (name: string, flags: VerifyFlags) => {
  const study = await findStudy(name, flags.results);
  requireScale(study, flags.scale);
  if (isNotOurs(study, name, flags.results))
    throw new InputError(
      `The study ${name} comes with the program, whose results are not yours to mark: "rlpd study run ${name}" makes one of your own in ${join(flags.results, name)}.`,
    );
  const { verifyStudy } = await import('../src/study/verifyStudy.js');
  const stop = stopOnSignals('what was not compared to the end stays as it was');
  try {
    const { scale, only, runs, data } = flags;
    const verifications = await verifyStudy({
      ...{ study, scale, only, runs, data },
      signal: stop.signal,
      onNote: note,
    });
    const verified = verifications.flatMap((verification) => verification.verified);
    const refused = verifications.flatMap((verification) => verification.refused);
    const lines = [
      verifications.length === 0 && !stop.signal.aborted
        ? 'There is nothing to verify: no result among the runs that were asked for is of another version.'
        : `${counted(verified.length, 'result')} ${verified.length === 1 ? 'is' : 'are'} this version’s too; ${refused.length} not.`,
      ...refused.map(({ id, reason }) => `${id}: ${reason}.`),
    ];
    const finished = !stop.signal.aborted;
    printResult(flags.json, { study: study.name, scale, finished, verifications }, lines.join('\n'));
    if (refused.length > 0) process.exitCode = 1;
  } finally {
    stop.dispose();
  }
});

examples(
  withScale(studyCommand.command('status'))
    .description('what a study has, what it misses, and how many hours that takes')
    .argument('<study>', 'name of a study, or its folder'),
  ['rlpd study status pixels', 'rlpd study status pixels --scale paper --json'],
).action(async (name: string, flags: OneScale) => {
  const study = await findStudy(name, flags.results);
  requireScale(study, flags.scale);
  const { studyStanding, summarise } = await import('../src/study/standing.js');
  const standings = await studyStanding(study, flags.scale, flags);
  const summary = await summarise(study, flags.scale, standings);
  const quiet = new Set(['finished', 'elsewhere', 'missing']);
  const rows = standings.filter(({ state }) => !quiet.has(state));
  const lines = [
    study.question,
    ...rows.map(
      ({ run, state, done, reason }) =>
        `  ${run.id}: ${state}, ${Math.round(done * 100)}% done${reason === undefined ? '' : ` (${reason})`}`,
    ),
    describe(summary),
  ];
  const runs = standings.map(({ run, ...rest }) => ({ id: run.id, ...rest }));
  printResult(flags.json, { study: study.name, scale: flags.scale, ...summary, runs }, lines.join('\n'));
});

examples(
  withFolders(studyCommand.command('list')).description('the studies there are and how far they are'),
  ['rlpd study list'],
).action(async (flags: Common) => {
  const { finishedRuns } = await import('../src/study/twins.js');
  const own = await studyNames(flags.results);
  const shipped = (await studyNames(shippedStudies)).filter((name) => !own.includes(name));
  const studies = [];
  for (const [names, results] of [
    [own, flags.results],
    [shipped, shippedStudies],
  ] as const) {
    const played = names.length === 0 ? [] : await finishedRuns(results);
    for (const name of names)
      studies.push({
        name,
        isShipped: results === shippedStudies,
        ...(await standingOf(join(results, name), flags.runs, played)),
      });
  }
  const lines = studies.flatMap((study) => [
    `${study.name}${study.isShipped ? ' (comes with the program)' : ''}: ${'problem' in study ? study.problem : study.question}`,
    ...('problem' in study
      ? []
      : study.scales.map((scale) => `  ${scale.scale.padEnd(6)} ${describe(scale)}`)),
  ]);
  printResult(flags.json, { studies }, lines.join('\n'));
});

examples(
  withFolders(studyCommand.command('report'))
    .description("write a study's page, README.md with its figures, from what it has")
    .argument('<study>', 'name of a study, or its folder'),
  ['rlpd study report pixels'],
).action(async (name: string, flags: Common) => {
  const study = await ownStudy(name, flags.results);
  const { readResults } = await import('../src/study/results.js');
  const results = await readResults(study);
  const { studyReport } = await import('../src/study/report.js');
  const page = await studyReport(study, results);
  printResult(
    flags.json,
    { study: study.name, page, results: results.length },
    `${results.length} result${results.length === 1 ? '' : 's'}: the page is ${page}.`,
  );
});

/** Undefined where runs are played here. */
async function openWorkers(flags: RunFlags, onNote: (text: string) => void) {
  const address = optionalAddress(flags);
  if (address === undefined) return undefined;
  const { StudyWorkers } = await import('../src/fleet/studyWorkers.js');
  return StudyWorkers.open({ address, onNote });
}

/** What is wrong with one study does not hide the others. */
async function standingOf(
  folder: string,
  runs: string,
  others: readonly FinishedRun[],
): Promise<
  | {
      readonly question: string;
      readonly scales: readonly ({ readonly scale: ScaleName } & StandingSummary)[];
    }
  | { readonly problem: string }
> {
  const { studyStanding, summarise } = await import('../src/study/standing.js');
  try {
    const study = await readStudy(folder);
    const scales = [];
    for (const scale of scaleNames)
      if (study.scales[scale] !== undefined)
        scales.push({
          scale,
          ...(await summarise(study, scale, await studyStanding(study, scale, { runs, others }), others)),
        });
    return { question: study.question, scales };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problem: error.message };
  }
}

function describe({
  total,
  finished,
  elsewhere,
  running,
  stopped,
  failed,
  missing,
  hoursLeft,
  ofOtherVersions,
}: StandingSummary): string {
  const rest = Object.entries({
    'played in other studies': elsewhere,
    running,
    stopped,
    failed,
    missing,
  }).flatMap(([what, number]) => (number > 0 ? [`${number} ${what}`] : []));
  const left =
    finished === total
      ? []
      : [hoursLeft === null ? 'time left unknown' : `${duration(hoursLeft * 3600)} left`];
  const others = ofOtherVersions > 0 ? ` (${ofOtherVersions} by another version of the program)` : '';
  return [`${finished} of ${total} runs finished${others}`, ...rest, ...left].join(', ');
}

/** By name among the results, by path, or by name among those that come with the program. */
async function findStudy(name: string, results: string): Promise<Study> {
  for (const folder of [join(results, name), name, join(shippedStudies, name)])
    if (await isStudy(folder)) return readStudy(folder);
  const known = [...(await studyNames(results)), ...(await studyNames(shippedStudies))];
  throw new InputError(
    `There is no study "${name}"${didYouMean(name, known)} Expected ${join(results, name, STUDY_FILE)}, or one that "rlpd study list" names.`,
  );
}

/** Whether it comes with the program, and has no results of one's own. */
function isNotOurs(study: Study, name: string, results: string): boolean {
  return study.folder === join(shippedStudies, name) && join(results) !== join(shippedStudies);
}

/** The same, to write to. */
async function ownStudy(name: string, results: string): Promise<Study> {
  const study = await findStudy(name, results);
  if (!isNotOurs(study, name, results)) return study;
  note(`The study ${name} comes with the program; its results go to ${join(results, name)}.`);
  return readStudy(await adoptStudy(name, results));
}

function requireScale(study: Study, scale: ScaleName): void {
  if (study.scales[scale] === undefined)
    throw new InputError(
      `The study ${study.name} is not written down at the scale ${scale}: it has ${Object.keys(study.scales).join(', ')}.`,
    );
}

function withFolders(command: Command): Command {
  return command
    .option('--results <folder>', 'where studies and their results lie', places.results)
    .option('--runs <folder>', 'where runs in progress lie', places.runs)
    .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr');
}

function withScale(command: Command): Command {
  return withFolders(command)
    .addOption(
      new Option('--scale <name>', 'as published, or for two cores').choices(scaleNames).default('small'),
    )
    .addOption(
      manyTimes(
        new Option(
          '--only <part>',
          'only runs whose name holds this, such as walker-walk or seed-0; may be given several times',
        ),
      ).argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]),
    );
}

/** Flags of these names that are not at their default, as they are given on a command line. */
function given(flags: RunFlags, names: readonly ('only' | keyof typeof places)[]): string {
  return names
    .flatMap((name) => {
      const values = name === 'only' ? (flags.only ?? []) : flags[name] === places[name] ? [] : [flags[name]];
      return values.map((value) => ` --${name} ${value}`);
    })
    .join('');
}

/** "2h", "30min", "90s". */
function seconds(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(h|min|m|s)$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Expected a time such as 2h, 30min or 90s.');
  return Number(number) * (unit === 'h' ? 3600 : unit === 's' ? 1 : 60);
}
