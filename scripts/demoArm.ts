/**
 * `npm run demo:arm`: what prior data are for. A scripted expert shows an arm 20 times how a cube is lifted;
 * behaviour cloning learns from that alone, the same agent without it on its own, RLPD and IBRL from both, each online
 * learner with the same budget: from two cameras, the joints and a reward that is 1 on success and else 0. Ends with a
 * table of success rates, a learning curve, a film of each and a one-page report.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { selectBackend } from '../src/backend/select.js';
import { collect } from '../src/training/collect.js';
import type { RunSettings } from '../src/training/config.js';
import { environmentOptions } from '../src/training/environmentOptions.js';
import { behaviours } from '../src/training/experts.js';
import { grouped } from '../src/words.js';
import { note, printResult } from './console.js';
import { armChart, armReport, armTable, type Learner } from './demo/armReport.js';
import { type ArmDemoSize, nativeSize, webAssemblySize } from './demo/armSizes.js';
import { type DemoFlags, runDemo } from './demo/demoCommand.js';
import { writeReport } from './demo/reportParts.js';
import { configure, fileName, runStage, Stopped, score } from './demo/stages.js';

const task = 'arm-lift';
const goal = 'A cube, each time elsewhere, is to be lifted off the table.';
const demonstrations = 20;

await runDemo({
  name: 'demo:arm',
  description: `learn ${task} from two cameras, with ${demonstrations} demonstrations and a sparse reward`,
  folder: 'runs/demo-arm',
  play: demo,
});

/** How each of them differs from the others. */
interface Plan {
  readonly name: string;
  readonly preset: string;
  readonly settings: Partial<RunSettings>;
  readonly minutes: number;
}

/** What it learns from, in words, `envFrames` of them its own. */
function learntFrom({ preset }: Plan, envFrames: number): string {
  return [
    ...(preset === 'online-only' ? [] : [`${demonstrations} demonstrations`]),
    ...(preset === 'bc' ? [] : [`${grouped(envFrames)} env frames of its own`]),
  ].join(' and ');
}

function plansOf(size: ArmDemoSize): readonly Plan[] {
  const online = {
    envFrames: size.envFrames,
    evaluationInterval: size.envFrames / 4,
    evaluationEpisodes: size.evaluationEpisodes,
  };
  const pretrainUpdates = size.clonedFirst;
  return [
    {
      name: 'behaviour cloning',
      preset: 'bc',
      settings: { pretrainUpdates: size.cloningUpdates, evaluationEpisodes: size.evaluationEpisodes },
      minutes: size.minutes.cloning,
    },
    {
      name: 'online only',
      preset: 'online-only',
      settings: online,
      minutes: size.minutes.online,
    },
    {
      name: 'RLPD',
      preset: 'rlpd',
      settings: online,
      minutes: size.minutes.online,
    },
    {
      name: 'IBRL',
      preset: 'ibrl',
      settings: { ...online, pretrainUpdates },
      minutes: size.minutes.online,
    },
  ];
}

async function demo({ out, seed, backend, json }: DemoFlags, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const engine = await selectBackend({ backend });
  note(engine.note);
  const size = engine.backend === 'wasm' ? webAssemblySize : nativeSize;
  const base = { task, seed, backend: engine.backend, precision: engine.precision, threads: engine.threads };
  const plans = plansOf(size);
  const dataset = join(out, 'data');
  const runOf = ({ name }: Plan): string => join(out, fileName(name));
  for (const folder of [dataset, ...plans.map(runOf)]) await rm(folder, { recursive: true, force: true });
  const configOf = ({ preset, settings }: Plan) =>
    configure(
      preset,
      { ...base, ...size.learner, ...(preset !== 'online-only' && { dataset: [dataset] }) },
      settings,
    );

  const stages = plans.length + 1;
  note(`\n1/${stages}  The task's scripted expert shows how it is done, ${demonstrations} times`);
  const [first] = plans;
  if (first === undefined) throw new Error('The demo has no learner.');
  const data = await collect({
    task,
    folder: dataset,
    behaviours: await behaviours(task, 'demonstration', demonstrations),
    mode: 'sample',
    environment: environmentOptions(configOf(first)),
    seed,
    keepSuccesses: true,
    engine: { backend: engine.backend, precision: 'float32', device: 'cpu' },
    details: { level: 'demonstration' },
    signal,
  });
  if (signal.aborted) throw new Stopped();
  note(`${data.episodes} demonstrations, ${data.steps} actions`);

  const trained = [];
  for (const [number, plan] of plans.entries()) {
    note(`\n${number + 2}/${stages}  ${plan.name} learns from ${learntFrom(plan, size.envFrames)}`);
    const config = configOf(plan);
    trained.push({ plan, config, training: await runStage(runOf(plan), config, plan.minutes, signal) });
  }

  note('\nScoring the policy of the best evaluation of each, on seeds that no evaluation has seen');
  const learners: Learner[] = [];
  for (const { plan, config, training } of trained) {
    const { name } = plan;
    const contestant = await score({
      name,
      config,
      run: runOf(plan),
      out,
      episodes: size.finalEpisodes,
      signal,
    });
    learners.push({ contestant, config, training, from: learntFrom(plan, training.envFrames) });
  }

  const wallSeconds = (performance.now() - started) / 1000;
  const facts = {
    goal,
    learners,
    data,
    engine: engine.note,
    isNative: engine.backend !== 'wasm',
    wallSeconds,
  };
  const chart = armChart(facts);
  const ending = await writeReport({
    out,
    chart,
    report: armReport(facts, chart),
    table: armTable(learners),
    wallSeconds,
  });
  const result = {
    task,
    out,
    engine: engine.backend,
    contestants: learners.map(({ contestant, training }) => ({
      name: contestant.name,
      successRate: contestant.successRate ?? null,
      successCi95: contestant.successCi95 ?? null,
      envFrames: training.envFrames,
      updates: training.updates,
    })),
    wallSeconds,
  };
  printResult(json, result, ending);
}
