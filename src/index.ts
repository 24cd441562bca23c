/** What a program that uses this package needs. */
export type { Episode } from '../datasets/episode.js';
export type { DatasetHeader, Manifest } from '../datasets/manifest.js';
export { Dataset, openDataset } from '../datasets/reader.js';
export { DatasetWriter } from '../datasets/writer.js';
export type { Encoder, EncoderLayers } from '../encoders/encoder.js';
export { encoderNames, registerEncoder } from '../encoders/registry.js';
export type * from '../envs/environment.js';
export { makeEnv, taskNames } from '../envs/makeEnv.js';
export { registerTask } from '../envs/suite/registry.js';
export type { BoundTask, SuiteTask } from '../envs/suite/task.js';
export type { EnvironmentFactory } from '../envs/taskModule.js';
export { EnvironmentWorker } from '../envs/worker.js';
export { type AgentState, RlpdAgent } from './agent/agent.js';
export { type AgentConfig, parseAgentConfig } from './agent/config.js';
export type { BackendOptions, SelectedBackend } from './backend/options.js';
export { selectBackend } from './backend/select.js';
export { InputError } from './errors.js';
export {
  type Curve,
  type CurveChart,
  curveChartSvg,
  type Level as CurveLevel,
  writeChart,
} from './media/chart.js';
export { writeVideo } from './media/video.js';
export { Generator, type GeneratorState } from './random/generator.js';
export type { Batch, BatchObservation, FrameGather } from './replay/batch.js';
export { FrameMemory } from './replay/frameMemory.js';
export { ReplayBuffer, type ReplayLayout } from './replay/replayBuffer.js';
export { type SamplerOptions, SymmetricSampler } from './replay/symmetricSampler.js';
export { type Comparison, type Comparisons, compareRuns, readComparedRun } from './study/compare.js';
export { studyReport } from './study/report.js';
export { type RunResult, readResults } from './study/results.js';
export { type RunStudyOptions, runStudy, type StudyEvent, type StudyOutcome } from './study/runStudy.js';
export { readStudy, type ScaleName, type Study, type StudyRun } from './study/study.js';
export { type Verification, type VerifyStudyOptions, verifyStudy } from './study/verifyStudy.js';
export { type Collected, type CollectOptions, collect } from './training/collect.js';
export type { RunConfig, RunSettings } from './training/config.js';
export { environmentOptions } from './training/environmentOptions.js';
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  evaluateKept,
  type KeptPolicyEvaluation,
  type KeptPolicyOptions,
} from './training/evaluate.js';
export { type Behaviour, behaviours, readBehaviour } from './training/experts.js';
export { type Level, levels } from './training/levels.js';
export { LoadedPolicy, type LoadPolicyOptions, loadPolicy } from './training/loadPolicy.js';
export { type PolicyFile, readPolicy, writePolicy } from './training/policyFile.js';
export { presetSettings, presets } from './training/presets.js';
export { resolveConfig } from './training/resolveConfig.js';
export {
  type AnyEnvironment,
  type Policy,
  type Rollout,
  type RolloutOptions,
  rollout,
} from './training/rollout.js';
export { type TrainOptions, type TrainResult, train } from './training/train.js';
export type { Progress } from './training/trainingRun.js';
