/** What a page is given besides its program: a task, what is seen of it, a policy, and what is said of them; and what it gives. */
import type { EnvironmentOptions } from '../../envs/environment.js';

export interface PageSettings {
  /** The task's name among those of its module. */
  readonly task: string;
  /** What the policy sees. */
  readonly environment: EnvironmentOptions & { readonly actionRepeat: number };
  /** A heading. */
  readonly title: string;
  /** What policy it is, in a sentence. */
  readonly words: string;
  /** Path of the task's model among `modelFiles`. */
  readonly model: string;
}

export interface PageContent {
  readonly settings: PageSettings;
  /** What the task's module exports. */
  readonly taskModule: Readonly<Record<string, unknown>>;
  /** ONNX. */
  readonly policy: Uint8Array;
  /** onnxruntime-web's WebAssembly. */
  readonly runtime: Uint8Array;
  /** The model and all that it names, by their paths from the folder that holds them all. */
  readonly modelFiles: Readonly<Record<string, Uint8Array>>;
}

/** What a page offers to whoever opens its console: `await page.play(0)`. */
export interface PolicyPage {
  /** Plays an episode from a seed as fast as it goes, of so many agent steps at most. */
  play(seed: number, maxSteps?: number): Promise<PlayedEpisode>;
}

export interface PlayedEpisode {
  readonly return: number;
  readonly steps: number;
  /** Agent steps a second, with the policy's images, without the page's own picture. */
  readonly stepsPerSecond: number;
}
