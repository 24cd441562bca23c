/** `rlpd act`: a policy acts at a control rate, as on a robot. */
import { Command, Option } from 'commander';
import { taskLabel } from '../envs/taskModule.js';
import type { Acted } from '../src/training/act.js';
import { type RunConfig, runConfigShape } from '../src/training/config.js';
import {
  distractionOptions,
  distractionShape,
  environmentOptions,
} from '../src/training/environmentOptions.js';
import { counted } from '../src/words.js';
import { addPolicyFlags, choosePolicy, type PolicyFlags } from './chosenPolicy.js';
import { note, printResult, rangeWords } from './console.js';
import { addSettings, parseSettings } from './settingFlags.js';
import { controlRate, examples, positiveNumber, wholeNumber } from './settings.js';
import { stopOnSignals } from './signals.js';

interface Flags extends PolicyFlags, Partial<Pick<RunConfig, keyof typeof distractionShape>> {
  readonly controlHz?: number;
  readonly maxActionChange?: readonly number[];
  readonly episodes: number;
  readonly maxSteps?: number;
  readonly seed: number;
  readonly record?: string;
  readonly backend?: 'auto' | 'torch' | 'tensorflow' | 'wasm' | 'cpu';
  readonly json?: boolean;
}

const { backend } = runConfigShape;

export const actCommand = examples(
  addSettings(
    addPolicyFlags(new Command('act'))
      .addOption(
        new Option(
          '--control-hz <number>',
          "control steps a second, of which an action lasts as many as the policy's action repeat (default: the environment's own)",
        ).argParser(controlRate),
      )
      .addOption(
        new Option(
          '--max-action-change <limits>',
          'the most that an action may differ from the one before it, of 2 from end to end of its range: one number, or one for each dimension, as 0.1,0.1,0.5',
        ).argParser((text) => text.split(',').map(positiveNumber)),
      )
      .addOption(new Option('--episodes <number>', 'episodes').default(1).argParser(wholeNumber(1)))
      .addOption(
        new Option(
          '--max-steps <number>',
          'actions after which an episode is cut off (default: where the environment ends it)',
        ).argParser(wholeNumber(1)),
      )
      .addOption(
        new Option('--seed <number>', 'episode i starts from seed + i')
          .default(0)
          .argParser(wholeNumber(0, 0xffffffff)),
      )
      .option('--record <folder>', 'keep the episodes as a dataset; the same command adds to it')
      .option('--json', 'print the result as one JSON object on the last line; all else goes to stderr'),
    { ...distractionShape, backend },
  ),
  [
    'rlpd act --run runs/cube --task remote:127.0.0.1:5555 --record data/cube-trials --episodes 10',
    'rlpd act --policy runs/cube/best.safetensors --control-hz 10 --max-action-change 0.1 --max-steps 200',
  ],
)
  .addHelpText('after', '\nAny key stops it within a step, and so do Ctrl-C, SIGTERM and SIGHUP.')
  .action(async (flags: Flags) => {
    const { policy, task, taskName, otherTask } = await choosePolicy(flags);
    if (otherTask !== undefined) note(otherTask);
    const config = { ...policy.config, ...parseSettings(flags, distractionShape), task };
    const { EnvironmentWorker } = await import('../envs/worker.js');
    const { selectBackend } = await import('../src/backend/select.js');
    const { act } = await import('../src/training/act.js');
    const { policyAgent } = await import('../src/training/policyFile.js');
    const { recordingOptions } = await import('../src/training/recording.js');
    const { episodes, maxSteps, seed, controlHz, maxActionChange, record } = flags;
    const distraction = distractionOptions(config);
    const environment = await EnvironmentWorker.create(
      task,
      record === undefined
        ? environmentOptions(config)
        : recordingOptions({
            task,
            behaviours: [{ ...policy, config }],
            environment: distraction === undefined ? {} : { distraction },
          }),
    );
    const stop = stopOnSignals('no further action leaves, and what was recorded is kept', process.stdin);
    try {
      const engine = { backend: flags.backend ?? config.backend, precision: 'float32', threads: 1 } as const;
      note((await selectBackend({ ...engine, device: 'cpu' })).note);
      const agent = policyAgent(policy, environment, 0);
      let periodMs = 0;
      const acted = await act({
        ...{ environment, episodes, maxSteps, seed, controlHz, maxActionChange },
        policy: (observation) => agent.act(observation, 'mean'),
        ...(record !== undefined && { record: { folder: record, behaviour: policy } }),
        signal: stop.signal,
        onBegin: (rate) => {
          ({ periodMs } = rate);
          note(
            `An action every ${milliseconds(periodMs)}${process.stdin.isTTY ? '; any key stops it' : ''}.`,
          );
        },
        onMissed: (step, latencyMs) =>
          note(
            `Step ${step} was answered after ${milliseconds(latencyMs)}, and the next was due after ${milliseconds(periodMs)}: a missed deadline. Further ones of this episode are counted.`,
          ),
        onEpisode: ({ length, return: earned, invalid }) =>
          note(
            `${counted(length, 'agent step')}, return ${earned.toFixed(1)}${invalid === undefined ? '' : `; it broke off: ${invalid}`}.`,
          ),
      });
      agent.dispose();
      printResult(
        flags.json,
        { task: taskName, policyTask: policy.config.task, ...acted, record: record ?? null },
        actedWords(taskLabel(task), acted, record),
      );
    } finally {
      stop.dispose();
      await environment.close();
    }
  });

function actedWords(task: string, acted: Acted, record: string | undefined): string {
  const { episodes, steps, returns, succeeded, interventions, missedDeadlines, latencyMs, heldBack } = acted;
  const mean = returns.length === 0 ? null : returns.reduce((sum, one) => sum + one, 0) / returns.length;
  const range = rangeWords(mean, Math.min(...returns), Math.max(...returns), returns.length);
  const success = succeeded === null ? '' : `, ${succeeded} of ${episodes} succeeded`;
  const done = `${task}, ${counted(episodes, 'episode')}, ${counted(steps, 'agent step')}${range}${success}.`;
  return [
    acted.finished ? done : `Stopped: ${done}`,
    ...(latencyMs === null
      ? []
      : [
          `${missedDeadlines} of ${counted(acted.steps, 'deadline')} missed, an action every ${milliseconds(acted.periodMs)}: answered after ${milliseconds(latencyMs.p50)} in the median, ${milliseconds(latencyMs.p95)} in 95 of 100 steps, ${milliseconds(latencyMs.p99)} in 99, ${milliseconds(latencyMs.max)} at most.`,
        ]),
    ...(heldBack > 0 ? [`${counted(heldBack, 'action')} held back by --max-action-change.`] : []),
    ...((interventions ?? 0) > 0
      ? [`A person took over in ${counted(interventions ?? 0, 'agent step')}.`]
      : []),
    ...(record === undefined || acted.recorded === 0
      ? []
      : [`The dataset in ${record} has ${counted(acted.recorded, 'episode')}.`]),
  ].join('\n');
}

function milliseconds(time: number): string {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}
