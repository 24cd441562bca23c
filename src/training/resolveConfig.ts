/** A run's settings from all places that may give them: a preset, a file, flags. */
import { knownActionRepeat } from '../../envs/suite/registry.js';
import { InputError } from '../errors.js';
import {
  kebabCase,
  parseRunConfig,
  type RunConfig,
  type RunSettings,
  runConfigShape,
  suggestSetting,
} from './config.js';
import { presetSettings } from './presets.js';

/**
 * Settings of a run from a preset, overridden by a file's, overridden by flags. A flag that is undefined is not given.
 * @throws InputError naming the setting that is wrong, and where it was given
 */
export function resolveConfig(sources: {
  readonly preset?: string | undefined;
  readonly file?: { readonly path: string; readonly settings: unknown } | undefined;
  readonly flags?: Readonly<Partial<RunSettings>> | undefined;
  /** Control steps for each action where nothing else says how many; default: the task's own, where it is known by name. */
  readonly actionRepeat?: number | undefined;
}): RunConfig {
  const { file } = sources;
  const flags = Object.fromEntries(
    Object.entries(sources.flags ?? {}).filter(([, value]) => value !== undefined),
  );
  const fromFile = file === undefined ? {} : fileSettings(file.path, file.settings);
  const fromPreset = sources.preset === undefined ? {} : presetSettings(sources.preset);
  const given: Record<string, unknown> = { ...fromPreset, ...fromFile, ...flags };
  const { actionRepeat = knownActionRepeat(String(given.task)) } = sources;
  return parseRunConfig({ actionRepeat, ...given }, (name) =>
    name in flags ? `--${kebabCase(name)}` : name in fromFile ? `"${name}" in ${file?.path}` : `"${name}"`,
  );
}

function fileSettings(path: string, settings: unknown): Record<string, unknown> {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw new InputError(`${path} does not hold a JSON object of settings.`);
  const given = settings as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!(key in runConfigShape))
      throw new InputError(`"${key}" in ${path} is no setting${suggestSetting(key)}`);
  }
  return given;
}
