/** `train`: puts a run together from its settings, or from its last checkpoint, and runs it. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DatasetHeader, MANIFEST_FILE } from '../../datasets/manifest.js';
import { type Dataset, openDataset } from '../../datasets/reader.js';
import { DatasetWriter } from '../../datasets/writer.js';
import type { EnvironmentSpec, ObservationSpace } from '../../envs/environment.js';
import { isRemote } from '../../envs/remote/protocol.js';
import { lastingTask } from '../../envs/suite/registry.js';
import { isTaskModule, locateTask } from '../../envs/taskModule.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { RlpdAgent } from '../agent/agent.js';
import { selectBackend } from '../backend/select.js';
import type { Detector } from '../classifier/detector.js';
import { InputError } from '../errors.js';
import { Generator } from '../random/generator.js';
import { PriorInterventions } from '../replay/priorInterventions.js';
import type { ReplayLayout } from '../replay/replayBuffer.js';
import { SymmetricSampler } from '../replay/symmetricSampler.js';
import { parseByteSize } from './byteSize.js';
import {
  DamagedCheckpointError,
  discardAfter,
  readCheckpointAt,
  readLatestCheckpoint,
  type SavedCheckpoint,
} from './checkpoint.js';
import { agentSettings, backendOptions, learnsOnline, type RunConfig, type RunSettings } from './config.js';
import { parseDatasets } from './datasetWeights.js';
import { EnvironmentExperience, type TakeOver, type TrainingEnvironment } from './environmentExperience.js';
import { environmentOptions, recordingHeader, replayLayout } from './environmentOptions.js';
import { EvaluationFilms } from './evaluationFilms.js';
import type { ExperienceSource } from './experience.js';
import { MetricsWriter, requireMetrics } from './metrics.js';
import { createPriorBuffer, requireDisk } from './priorBuffer.js';
import { loadInto, openPriorData, priorShares, rowsOf } from './priorData.js';
import { recallInterventions, refill } from './refill.js';
import { estimateMemory, type MemoryEstimate } from './replayMemory.js';
import { openDetector, settledReward, withDetectedSuccess } from './rewardClassifier.js';
import { describeData, findData } from './runData.js';
import {
  createRun,
  forgetFailure,
  keepFailure,
  lockRun,
  readConfig,
  readMetrics,
  reopenRun,
  requireNoRun,
  runPaths,
  saveConfig,
} from './runFolder.js';
import { stepOf } from './runPosition.js';
import { type Progress, TrainingRun } from './trainingRun.js';
import { PACKAGE_VERSION } from './version.js';

export interface TrainOptions {
  /** The run's folder. */
  readonly run: string;
  /** Settings of a new run; with `resume` the run's own hold, and `changes` on top of them. */
  readonly config?: RunConfig | undefined;
  /** Go on from the last checkpoint, or from the start where there is none. */
  readonly resume?: boolean | undefined;
  /** With `resume`, an older checkpoint to go back to, by its step; what came after it is dropped. */
  readonly from?: number | undefined;
  /** Settings to change on resuming, of those that may change; `dataset`, `distractionBackgrounds` for data that moved. */
  readonly changes?: Readonly<Partial<RunSettings>> | undefined;
  /** With `resume`: datasets may be others than those that the run learnt from so far. */
  readonly acceptChangedData?: boolean | undefined;
  /** Aborting it ends the run after the update in progress, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every step. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Lines for people: what runs, how much memory it takes. */
  readonly onNote?: ((line: string) => void) | undefined;
  /** Opens what the run learns from in place of an environment of its own; called once the rest is there. */
  readonly openExperience?: ((run: ExperienceSetting) => Promise<ExperienceSource>) | undefined;
  /** A person may take over in the run's own environment: gives it as it is with that person. */
  readonly takeOver?: TakeOver | undefined;
  /** Whether a person may take over where episodes are played elsewhere, in a simulation too. */
  readonly isDriven?: boolean | undefined;
}

/** What a source of experience is made for. */
export interface ExperienceSetting {
  readonly config: RunConfig;
  readonly agent: RlpdAgent;
  readonly spec: EnvironmentSpec;
  readonly observationSpace: ObservationSpace;
  readonly signal: AbortSignal;
}

export interface TrainResult {
  readonly run: string;
  readonly envFrames: number;
  readonly agentSteps: number;
  readonly updates: number;
  readonly evaluations: readonly {
    readonly envFrames: number;
    readonly updates: number;
    readonly episodes: number;
    readonly mean: number;
    readonly ci95: readonly [number, number];
    /** In [0, 1], and its 95% interval, where the task says whether an episode succeeded. */
    readonly successRate?: number;
    readonly successCi95?: readonly [number, number];
  }[];
  /** Mean return of the evaluation whose policy is in `best.safetensors`; null where there is none. */
  readonly bestEvaluationMean: number | null;
  /** One line: the tensor engine that computed. */
  readonly engine: string;
  readonly wallSeconds: number;
  /** Whether the run came to its end, or was stopped on the way. */
  readonly finished: boolean;
}

/**
 * Trains an agent, in a folder that holds all of the run: what `rlpd train` does.
 * @throws InputError before anything is computed where settings, data and environment do not fit each other, or
 *   another process has the run
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { run: folder, resume = false } = options;
  if (resume) await readConfig(folder);
  else await requireNoRun(folder);
  const lock = await lockRun(folder);
  try {
    if (!resume) return await trainAlone(options, await lasting(options.config), undefined);
    const checkpoint = await chooseCheckpoint(folder, options.from);
    return await trainAlone(options, await resumedConfig(options, checkpoint), checkpoint);
  } finally {
    await lock.release();
  }
}

/** The settings with the task and the classifier as whoever goes on with the run will find them. */
async function lasting(config: RunConfig | undefined): Promise<RunConfig> {
  if (config === undefined) throw new TypeError('A new run needs a config.');
  return settledReward({ ...config, task: lastingTask(config.task) });
}

/** @throws InputError where the checkpoint, or what was written until then, is damaged */
async function chooseCheckpoint(run: string, from: number | undefined): Promise<SavedCheckpoint | undefined> {
  const { checkpoints } = runPaths(run);
  const checkpoint = await (from === undefined
    ? readLatestCheckpoint(checkpoints)
    : readCheckpointAt(checkpoints, from)
  ).catch((error: Error) => {
    if (!(error instanceof DamagedCheckpointError)) throw error;
    const { message, before } = error;
    const way =
      before === undefined
        ? 'There is no whole one before it: start the run again in another --out'
        : `Go on from the last whole one before it (rlpd train --out ${run} --resume --from ${before})`;
    throw new InputError(`${message} ${way}.`, { cause: error });
  });
  if (checkpoint === undefined) return undefined;
  const { metrics } = checkpoint.content.state;
  await requireMetrics(run, metrics);
  await readMetrics(run, metrics.jsonl);
  return checkpoint;
}

/** The settings of a run that goes on, with its data as it is now. */
async function resumedConfig(
  { run, changes = {}, acceptChangedData = false, onNote }: TrainOptions,
  checkpoint: SavedCheckpoint | undefined,
): Promise<RunConfig> {
  const saved = await readConfig(run);
  const config = await reopenRun(run, changes);
  const { settings, changed } = await findData({
    run,
    saved,
    given: {
      ...(changes.dataset !== undefined && { dataset: config.dataset }),
      ...(changes.distractionBackgrounds !== undefined && {
        distractionBackgrounds: config.distractionBackgrounds,
      }),
    },
    known: checkpoint?.content.state.data,
    acceptChanged: acceptChangedData,
  });
  for (const folder of changed)
    onNote?.(`The data in ${folder} is not that which ${run} learnt from so far, which was accepted.`);
  return { ...config, ...settings };
}

function resumed({ path, content }: SavedCheckpoint, envFrames: number): string {
  const isDone = content.state.counters.envFrames >= envFrames;
  return isDone
    ? `Resuming from ${path}, where it has all of its ${envFrames} env frames already: a greater --env-frames goes on.`
    : `Resuming from ${path}.`;
}

async function trainAlone(
  options: TrainOptions,
  config: RunConfig,
  checkpoint: SavedCheckpoint | undefined,
): Promise<TrainResult> {
  const started = performance.now();
  const { run: folder, resume = false, onNote = () => {} } = options;
  if (resume)
    onNote(
      checkpoint === undefined
        ? `${folder} has no checkpoint yet: starting over.`
        : resumed(checkpoint, config.envFrames),
    );
  const selected = await selectBackend(backendOptions(config));
  onNote(selected.note);
  const random = new Generator(config.seed);
  const foundation = await layFoundation(options, config, random, checkpoint, onNote);
  const run = await assemble(options, config, random, foundation, checkpoint).catch(async (error) => {
    const { experience, evaluationEnvironment, agent, detector } = foundation;
    await Promise.all([experience?.close(false), evaluationEnvironment.close()]);
    agent.dispose();
    detector?.dispose();
    throw error;
  });
  try {
    if (checkpoint !== undefined) await run.resume(checkpoint.content, checkpoint.path);
    await forgetFailure(folder);
    await run.run().catch(async (error) => {
      // A disk that is full takes no reason either: the error itself goes to whoever started the run.
      await keepFailure(folder, error).catch(() => {});
      throw error;
    });
    const { envFrames, agentSteps, updates } = run.counters;
    return {
      run: folder,
      envFrames,
      agentSteps,
      updates,
      evaluations: (await readMetrics(folder)).flatMap((line) =>
        line.kind === 'evaluation'
          ? [
              {
                envFrames: line.envFrames,
                updates: line.updates,
                episodes: line.returns.length,
                mean: line.mean,
                ci95: line.ci95,
                ...(line.successRate !== undefined && { successRate: line.successRate }),
                ...(line.successCi95 !== undefined && { successCi95: line.successCi95 }),
              },
            ]
          : [],
      ),
      bestEvaluationMean: run.bestEvaluationMean,
      engine: selected.note,
      wallSeconds: (performance.now() - started) / 1000,
      finished: options.signal?.aborted !== true,
    };
  } finally {
    await run.close();
    foundation.detector?.dispose();
  }
}

/** What a run needs beside its files: made, and checked against each other, before anything is written. */
interface Foundation {
  readonly experience: ExperienceSource | undefined;
  readonly evaluationEnvironment: TrainingEnvironment;
  readonly agent: RlpdAgent;
  /** What sees success, where that is the reward. */
  readonly detector: Detector | undefined;
  readonly datasets: readonly Dataset[];
  readonly layout: ReplayLayout;
  readonly capacities: ReplayRows;
  readonly memory: MemoryEstimate;
}

async function layFoundation(
  options: TrainOptions,
  config: RunConfig,
  random: Generator,
  checkpoint: SavedCheckpoint | undefined,
  onNote: (line: string) => void,
): Promise<Foundation> {
  const { run: folder, openExperience, takeOver, signal = new AbortController().signal } = options;
  if (takeOver !== undefined && !learnsOnline(config))
    throw new InputError(
      'A run that learns from data alone has nothing to drive: leave out --drive, or give it --env-frames.',
    );
  const task = locateTask(config.task, folder);
  const detector = await openDetector(config);
  const create = async (name: string): Promise<TrainingEnvironment> => {
    const own = await EnvironmentWorker.create(task, environmentOptions(config, random.child(name).bits32()));
    try {
      return withDetectedSuccess(own, detector, config.rewardThreshold);
    } catch (error) {
      await own.close();
      throw error;
    }
  };
  const evaluationEnvironment = await create('evaluation').catch((error) => {
    detector?.dispose();
    throw error;
  });
  let agent: RlpdAgent | undefined;
  try {
    const { spec, observationSpace } = evaluationEnvironment;
    const layout = replayLayout(observationSpace, spec);
    const datasets = await openPriorData(
      parseDatasets(config.dataset).map(({ folder }) => folder),
      spec,
      layout,
      onNote,
    );
    // Nobody stands beside a simulation of the suite, unless at a page, or did before.
    const canBeTakenOver =
      isRemote(config.task) ||
      isTaskModule(config.task) ||
      takeOver !== undefined ||
      options.isDriven === true ||
      checkpoint?.content.state.interventions !== undefined;
    const capacities = replayRows(config, spec, datasets, canBeTakenOver);
    const memory = estimateMemory(layout, capacities, {
      batchRows: config.batchSize * config.utdRatio,
      returnSteps: config.returnSteps,
      datasetMemory: parseByteSize(config.datasetMemory ?? ''),
    });
    onNote(memory.note);
    if (memory.spill !== undefined) await requireDisk(folder, memory.spill.fileBytes);
    agent = RlpdAgent.create({
      config: agentSettings(config),
      observationSpace,
      actionSize: spec.actionSize,
      seed: config.seed,
    });
    const openOwn = async () => {
      const environment = await create('environment');
      const driven = takeOver?.(environment, task).catch(async (error) => {
        await environment.close();
        throw error;
      });
      return new EnvironmentExperience((await driven) ?? environment);
    };
    const open = openExperience ?? openOwn;
    const setting = { config, agent, spec, observationSpace, signal };
    const experience = learnsOnline(config) ? await open(setting) : undefined;
    return { experience, evaluationEnvironment, agent, detector, datasets, layout, capacities, memory };
  } catch (error) {
    agent?.dispose();
    detector?.dispose();
    await evaluationEnvironment.close();
    throw error;
  }
}

/** Opens the run's files and fills its replay. */
async function assemble(
  options: TrainOptions,
  config: RunConfig,
  random: Generator,
  foundation: Foundation,
  checkpoint: SavedCheckpoint | undefined,
): Promise<TrainingRun> {
  const { run: folder, resume = false } = options;
  const { experience, evaluationEnvironment, agent, datasets, layout, capacities, memory } = foundation;
  const { spec, observationSpace } = evaluationEnvironment;
  const signal = options.signal ?? new AbortController().signal;
  const paths = runPaths(folder);
  if (resume) await saveConfig(folder, config);
  else await createRun(folder, config);
  await discardAfter(paths.checkpoints, checkpoint?.path);
  const recorder = learnsOnline(config)
    ? await openRecorder(
        paths.replay,
        recordingHeader(observationSpace, spec, madeBy('online replay of a training run')),
        resume ? { episodes: checkpoint?.content.state.replayEpisodes ?? 0 } : undefined,
      )
    : undefined;
  const films = config.films
    ? await EvaluationFilms.open(
        paths.films,
        recordingHeader(observationSpace, spec, madeBy('evaluations of a training run')),
        resumedAt(checkpoint),
      )
    : undefined;
  const isSeeded = config.offlineMode === 'seeded' && learnsOnline(config);
  const offline =
    datasets.length === 0 || isSeeded
      ? undefined
      : createPriorBuffer(layout, capacities.offline + capacities.interventions, memory, folder);
  if (offline !== undefined) await loadInto(offline, datasets, signal);
  const resumed = checkpoint &&
    recorder && { checkpoint: checkpoint.content, replay: await openDataset(paths.replay) };
  const interventions =
    offline !== undefined && capacities.interventions > 0 ? new PriorInterventions(offline) : undefined;
  if (interventions !== undefined && resumed !== undefined)
    await recallInterventions(interventions, layout, resumed, signal);
  const replay = await refill(layout, capacities.online, isSeeded ? datasets : [], resumed, signal);
  const [exploration, sampling] = [random.child('exploration'), random.child('sampling')];
  const sampler = new SymmetricSampler({
    online: replay,
    offline,
    priorShares: priorShares(
      datasets,
      parseDatasets(config.dataset).map(({ weight }) => weight),
    ),
    interventions,
    onlineInterventionsArePrior: isSeeded && config.interventions === 'both',
    offlineShare: learnsOnline(config) ? config.offlineShare : 1,
    batchSize: config.batchSize,
    minibatches: config.utdRatio,
    discount: config.discount,
    returnSteps: config.returnSteps,
    rewardScale: config.rewardScale,
    rewardShift: config.rewardShift,
    seededRows: isSeeded ? rowsOf(datasets) : 0,
    randomShiftPad: config.randomShiftPad,
    generator: sampling,
  });
  return new TrainingRun({
    folder,
    config,
    agent,
    experience,
    evaluationEnvironment,
    replay,
    sampler,
    interventions,
    recorder,
    films,
    metrics: await MetricsWriter.open(folder, checkpoint?.content.state.metrics),
    exploration,
    sampling,
    data: await describeData(folder, config),
    signal,
    report: options.onProgress ?? (() => {}),
  });
}

/** Observations that there will be room for. */
interface ReplayRows {
  /** In the online replay. */
  readonly online: number;
  /** In the prior data, of the datasets. */
  readonly offline: number;
  /** Behind them, of what people do in the run; 0 where nobody can, or it does not go there. */
  readonly interventions: number;
}

function replayRows(
  config: RunConfig,
  spec: EnvironmentSpec,
  datasets: readonly Dataset[],
  canBeTakenOver: boolean,
): ReplayRows {
  const data = rowsOf(datasets);
  const episodeRows = Math.ceil(spec.maxEnvFrames / spec.actionRepeat) + 1;
  if (!learnsOnline(config)) return { online: 2, offline: data, interventions: 0 };
  const steps = Math.ceil(config.envFrames / config.actionRepeat);
  const isSeeded = config.offlineMode === 'seeded';
  const own = steps + Math.ceil(steps / (episodeRows - 1)) + 1;
  const online = config.replayCapacity ?? Math.max(own + (isSeeded ? data : 0), 2 * episodeRows);
  if (online < 2 * episodeRows)
    throw new InputError(
      `--replay-capacity ${online} is too small: an episode of ${spec.task} has ${episodeRows} observations, and the replay must hold two episodes; give ${2 * episodeRows} or more.`,
    );
  const isKept = canBeTakenOver && config.interventions === 'both' && !isSeeded && data > 0;
  return { online, offline: isSeeded ? 0 : data, interventions: isKept ? own : 0 };
}

function madeBy(source: string): DatasetHeader['provenance'] {
  return { source, writer: 'rlpd-pixels', writerVersion: PACKAGE_VERSION, lossy: false };
}

/** Where evaluations come from on: one that is still due at the checkpoint is made again. */
function resumedAt(checkpoint: SavedCheckpoint | undefined): number {
  if (checkpoint === undefined) return 0;
  return stepOf(basename(checkpoint.path)) + (checkpoint.content.state.evaluationDue ? 0 : 1);
}

/** The dataset of the run's own episodes: a new one, or the one a resumed run has, cut to `episodes`. */
async function openRecorder(
  folder: string,
  header: DatasetHeader,
  resumed: { readonly episodes: number } | undefined,
): Promise<DatasetWriter> {
  const isThere =
    resumed !== undefined && (await stat(join(folder, MANIFEST_FILE)).catch(() => null)) !== null;
  return isThere ? DatasetWriter.open(folder, resumed) : DatasetWriter.create(folder, header);
}
