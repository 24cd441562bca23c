/**
 * `npm run demo`: the whole journey on cartpole-swingup from pixels. A state agent makes a small dataset of mixed
 * quality; behaviour cloning and RLPD learn from its images; a random policy and, of each of the two, the policy of its
 * best evaluation are scored on the same seeds, which no evaluation has seen. Ends with a table, a learning curve, a
 * video of each and a one-page report.
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { makeEnv } from '../envs/makeEnv.js';
import { selectBackend } from '../src/backend/select.js';
import { InputError } from '../src/errors.js';
import { acquireLock } from '../src/files/lock.js';
import { makeFolder } from '../src/files/makeFolder.js';
import { writeChart } from '../src/media/chart.js';
import { writeVideo } from '../src/media/video.js';
import { exportPolicy } from '../src/onnx/exportPolicy.js';
import { collect } from '../src/training/collect.js';
import { backendOptions, type RunConfig, type RunSettings } from '../src/training/config.js';
import { environmentOptions } from '../src/training/environmentOptions.js';
import { EVALUATION_SEED, evaluateKept } from '../src/training/evaluate.js';
import type { NamedPolicy } from '../src/training/experts.js';
import { readBestPolicy, readPolicy } from '../src/training/policyFile.js';
import { resolveConfig } from '../src/training/resolveConfig.js';
import { runPaths } from '../src/training/runFolder.js';
import { type TrainResult, train } from '../src/training/train.js';
import { writePolicyPage } from '../src/web/policyPage.js';
import { note, printResult } from './console.js';
import { type Contestant, demoChart, demoReport, demoTable } from './demo/report.js';
import { nativeSize, webAssemblySize } from './demo/sizes.js';
import { duration } from './duration.js';
import { reportFailure } from './failure.js';
import { ProgressDisplay } from './progress.js';
import { wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';
import { beStrict } from './strictUsage.js';

/** Where the policy's page goes, from the demo's folder. */
const PAGE_FOLDER = 'page';

const task = 'cartpole-swingup';
/** Side of the pictures people look at; the policies see `imageSize`. */
const filmSize = 256;

interface Flags {
  readonly out: string;
  readonly seed: number;
  readonly backend: 'auto' | 'torch' | 'tensorflow' | 'wasm';
  readonly json?: boolean;
}

/** Thrown where Ctrl-C was pressed. */
class Stopped extends Error {}

const demoCommand = new Command('demo')
  .description(`learn ${task} from pixels, with a small dataset of mixed quality`)
  .option('--out <folder>', 'where the runs, pictures and the report go', 'runs/demo')
  .addOption(
    new Option('--seed <number>', 'seed of everything random').default(0).argParser(wholeNumber(0, 1e9)),
  )
  .addOption(
    new Option('--backend <name>', 'tensor engine')
      .choices(['auto', 'torch', 'tensorflow', 'wasm'])
      .default('auto'),
  )
  .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr')
  .action(async (flags: Flags) => {
    await makeFolder(flags.out);
    // What an earlier demo left is cleared away: not while one is at work.
    const lock = await acquireLock(join(flags.out, 'lock.json'), `The demo in ${flags.out}`);
    const stop = stopOnSignals('the demo');
    try {
      await demo(flags, stop.signal);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      note(`Stopped. What there is so far is in ${flags.out}.`);
      process.exitCode = 130;
    } finally {
      await lock.release();
      stop.dispose();
    }
  });
beStrict(demoCommand);

await demoCommand.parseAsync().catch((error: unknown) => {
  process.exitCode = reportFailure(error);
});

async function demo({ out, seed, backend, json }: Flags, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const engine = await selectBackend({ backend });
  note(engine.note);
  const size = engine.backend === 'wasm' ? webAssemblySize : nativeSize;
  const base = { task, seed, backend: engine.backend, precision: engine.precision, threads: engine.threads };
  const folders = {
    stateAgent: join(out, 'state-agent'),
    data: join(out, 'data'),
    behaviourCloning: join(out, 'behaviour-cloning'),
    rlpd: join(out, 'rlpd'),
  };
  for (const folder of Object.values(folders)) await rm(folder, { recursive: true, force: true });

  note('\n1/4  A state agent learns the task; its snapshots will make the data');
  const stateConfig = configure('online-state', { ...base, obs: 'state', snapshots: true }, size.stateAgent);
  await runStage(folders.stateAgent, stateConfig, size.minutes.stateAgent, signal);

  note('\n2/4  The random policy and every snapshot record episodes, as images');
  const behaviours = await snapshots(folders.stateAgent);
  const episodeReturns: number[] = [];
  const learner = { ...base, ...size.learner, dataset: [folders.data] };
  const cloning = configure('bc', learner, size.behaviourCloning);
  const data = await collect({
    task,
    folder: folders.data,
    behaviours: behaviours.flatMap((behaviour) =>
      new Array<NamedPolicy | undefined>(size.episodesPerPolicy).fill(behaviour),
    ),
    mode: 'sample',
    environment: environmentOptions(cloning),
    seed,
    engine: { backend: engine.backend, precision: 'float32', device: 'cpu' },
    details: { level: 'mixed: random and every snapshot of one state agent' },
    signal,
    onEpisode: (_done, _total, episodeReturn) => episodeReturns.push(episodeReturn),
  });
  if (signal.aborted) throw new Stopped();
  note(
    `${data.episodes} episodes, ${data.steps} agent steps, mean return ${data.returnMean?.toFixed(0)} (${data.returnMin?.toFixed(0)} to ${data.returnMax?.toFixed(0)})`,
  );

  note('\n3/4  Behaviour cloning learns from the images');
  const { updates: cloningUpdates } = await runStage(
    folders.behaviourCloning,
    cloning,
    size.minutes.behaviourCloning,
    signal,
  );

  note('\n4/4  RLPD learns from the images and from its own experience, half and half');
  const rlpd = configure('rlpd', learner, size.rlpd);
  const training = await runStage(folders.rlpd, rlpd, size.minutes.rlpd, signal);

  note('\nScoring the policy of the best evaluation of each, on seeds that no evaluation has seen');
  const contestants: Contestant[] = [];
  for (const { name, config, run } of [
    { name: 'random', config: rlpd, run: undefined },
    { name: 'behaviour cloning', config: cloning, run: folders.behaviourCloning },
    { name: 'RLPD', config: rlpd, run: folders.rlpd },
  ]) {
    const video = `${name.toLowerCase().replace(' ', '-')}.mp4`;
    const film = join(out, video);
    const scored = await score({ config, run, film, episodes: size.evaluationEpisodes, signal });
    contestants.push({ name, video, ...scored });
  }

  const page = await policyPage(folders.rlpd, join(out, PAGE_FOLDER));
  const wallSeconds = (performance.now() - started) / 1000;
  const facts = {
    contestants,
    training,
    rlpd,
    cloningUpdates,
    stateConfig,
    data,
    episodeReturns,
    behaviours,
    engine: engine.note,
    isNative: engine.backend !== 'wasm',
    wallSeconds,
    page,
  };
  const chart = demoChart(facts);
  await writeChart(join(out, 'learning-curve.png'), chart);
  await writeFile(join(out, 'report.html'), demoReport(facts, chart));
  const result = {
    task,
    out,
    engine: engine.backend,
    contestants: contestants.map(({ name, mean, ci95, returns, envFrames }) => ({
      name,
      mean,
      ci95,
      returns,
      envFrames,
    })),
    evaluations: training.evaluations,
    envFrames: training.envFrames,
    updates: training.updates,
    wallSeconds,
  };
  printResult(
    json,
    result,
    `\n${demoTable(contestants)}\n\n${duration(wallSeconds)} in all. The report: ${join(out, 'report.html')}; the curve: ${join(out, 'learning-curve.png')}`,
  );
}

/** A page of the run's best policy; undefined where a package is missing that it takes, which is said. */
async function policyPage(run: string, folder: string): Promise<string | undefined> {
  const policy = await readBestPolicy(run);
  const environment = await makeEnv(task, environmentOptions(policy.config));
  try {
    const model = exportPolicy(policy, environment);
    await writePolicyPage({ folder, policy, model, task, environment });
    return `${PAGE_FOLDER}/index.html`;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    note(`Without a page for the browser: ${error.message}`);
    return undefined;
  } finally {
    environment.close();
  }
}

/**
 * The mode of the policy that the run's evaluations liked best, or uniform actions without a run. Episodes start from
 * other seeds than those evaluations: their best is partly luck. The first is filmed.
 */
async function score(options: {
  readonly config: RunConfig;
  readonly run: string | undefined;
  readonly film: string;
  readonly episodes: number;
  readonly signal: AbortSignal;
}): Promise<Omit<Contestant, 'name' | 'video'>> {
  const { config, run, film, episodes, signal } = options;
  const behaviour = run === undefined ? undefined : { ...(await readBestPolicy(run)), name: run };
  const scored = await evaluateKept({
    task,
    environment: environmentOptions(config),
    behaviour,
    engine: backendOptions(config),
    episodes,
    seed: EVALUATION_SEED + 1_000,
    filmSize,
    signal,
  });
  if (scored === undefined) throw new Stopped();
  const { actionRepeat, controlTimestep } = scored.spec;
  await writeVideo(film, scored.film, { fps: 1 / (controlTimestep * actionRepeat) });
  return { ...scored.evaluation, envFrames: behaviour?.envFrames ?? 0 };
}

function configure(preset: string, base: RunSettings, more: Partial<RunSettings>): RunConfig {
  return resolveConfig({ preset, flags: { ...base, ...more } });
}

/** Trains until the end or for so many minutes, whichever is first. */
async function runStage(
  run: string,
  config: RunConfig,
  minutes: number,
  signal: AbortSignal,
): Promise<TrainResult> {
  const display = new ProgressDisplay();
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  const timer = setTimeout(abort, minutes * 60_000);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const result = await train({
      run,
      config,
      signal: stop.signal,
      onProgress: (progress) => display.update(progress),
    });
    display.stop();
    if (signal.aborted) throw new Stopped();
    if (!result.finished) note(`Stopped after ${minutes} minutes, for the demo to end in time.`);
    return result;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    display.stop();
  }
}

/** The random policy, and the state agent at each of its evaluations. */
async function snapshots(run: string): Promise<(NamedPolicy | undefined)[]> {
  const folder = runPaths(run).policies;
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  const policies = await Promise.all(
    names.map(async (name) => ({ ...(await readPolicy(join(folder, name))), name })),
  );
  return [undefined, ...policies];
}
