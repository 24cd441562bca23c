/**
 * `npm run demo`: the whole journey on cartpole-swingup from pixels. A state agent makes a small dataset of mixed
 * quality; behaviour cloning and RLPD learn from its images; a random policy and, of each of the two, the policy of its
 * best evaluation are scored on the same seeds, which no evaluation has seen. Ends with a table, a learning curve, a
 * video of each and a one-page report.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeEnv } from '../envs/makeEnv.js';
import { selectBackend } from '../src/backend/select.js';
import { InputError } from '../src/errors.js';
import { exportPolicy } from '../src/onnx/exportPolicy.js';
import { collect } from '../src/training/collect.js';
import { environmentOptions } from '../src/training/environmentOptions.js';
import type { NamedPolicy } from '../src/training/experts.js';
import { readBestPolicy, readPolicy } from '../src/training/policyFile.js';
import { runPaths } from '../src/training/runFolder.js';
import { writePolicyPage } from '../src/web/policyPage.js';
import { note, printResult } from './console.js';
import { demoChart, demoReport, demoTable } from './demo/cartpoleReport.js';
import { nativeSize, webAssemblySize } from './demo/cartpoleSizes.js';
import { type DemoFlags, runDemo } from './demo/demoCommand.js';
import { writeReport } from './demo/reportParts.js';
import { type Contestant, configure, runStage, Stopped, score } from './demo/stages.js';

/** Where the policy's page goes, from the demo's folder. */
const PAGE_FOLDER = 'page';

const task = 'cartpole-swingup';

await runDemo({
  name: 'demo',
  description: `learn ${task} from pixels, with a small dataset of mixed quality`,
  folder: 'runs/demo',
  play: demo,
});

async function demo({ out, seed, backend, json }: DemoFlags, signal: AbortSignal): Promise<void> {
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
    contestants.push(await score({ name, config, run, out, episodes: size.evaluationEpisodes, signal }));
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
  const ending = await writeReport({
    out,
    chart,
    report: demoReport(facts, chart),
    table: demoTable(contestants),
    wallSeconds,
  });
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
  printResult(json, result, ending);
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

/** The random policy, and the state agent at each of its evaluations. */
async function snapshots(run: string): Promise<(NamedPolicy | undefined)[]> {
  const folder = runPaths(run).policies;
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  const policies = await Promise.all(
    names.map(async (name) => ({ ...(await readPolicy(join(folder, name))), name })),
  );
  return [undefined, ...policies];
}
