/** Flags made from a schema of settings, and what was given by them. */
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { InputError } from '../src/errors.js';
import { kebabCase } from '../src/training/config.js';
import { finiteNumber } from './settings.js';
import { manyTimes } from './strictUsage.js';

/**
 * One flag for each setting of a schema's shape, with the setting's own name in kebab case, its description and its
 * default. A switch has two: --name and --no-name. Nothing is filled in here: what is not given stays undefined.
 */
export function addSettings(command: Command, shape: Readonly<Record<string, z.ZodType>>): Command {
  for (const [name, schema] of Object.entries(shape)) {
    const { kind, isNullable, mayBeNumber, choices, standard } = inspect(schema);
    const flag = `--${kebabCase(name)}`;
    const preset = standard === undefined || Array.isArray(standard) ? '' : ` (default: ${standard})`;
    const text = `${schema.description ?? ''}${preset}`;
    if (kind === 'boolean') {
      command.addOption(new Option(flag, text));
      command.addOption(new Option(`--no-${kebabCase(name)}`).hideHelp());
      continue;
    }
    const option = new Option(`${flag} <${kind === 'array' ? 'value' : kind}>`, text);
    if (kind === 'array')
      manyTimes(option).argParser((value: string, before: string[] | undefined) => [
        ...(before ?? []),
        ...(schema.meta()?.isList === true ? value.split(',') : [value]),
      ]);
    else if (mayBeNumber) option.argParser((value) => (/^\d+$/.test(value) ? Number(value) : value));
    else if (choices !== undefined) option.choices(choices);
    else if (kind === 'number') option.argParser((value) => toNumber(value, isNullable));
    else if (isNullable) option.argParser((value) => (value === 'null' ? null : value));
    command.addOption(option);
  }
  return command;
}

/** The settings among a command's parsed options that were given. */
export function givenSettings(
  options: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in shape && value !== undefined),
  );
}

/**
 * The settings among a command's parsed options that were given, checked by the schema.
 * @throws InputError naming the flag that is wrong
 */
export function parseSettings<Shape extends z.ZodRawShape>(
  options: Readonly<Record<string, unknown>> | object,
  shape: Shape,
): Partial<z.output<z.ZodObject<Shape>>> {
  const given = givenSettings({ ...options }, shape);
  const parsed = z.object(shape).safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError(`--${kebabCase(String(issue?.path[0]))} is not usable: ${issue?.message}.`);
  }
  const names = Object.entries(parsed.data).filter(([name]) => name in given);
  return Object.fromEntries(names) as Partial<z.output<z.ZodObject<Shape>>>;
}

interface Setting {
  readonly kind: 'boolean' | 'number' | 'string' | 'array';
  readonly isNullable: boolean;
  /** Whether digits alone are a number. */
  readonly mayBeNumber: boolean;
  readonly choices: readonly string[] | undefined;
  /** The default. */
  readonly standard: unknown;
}

function inspect(schema: z.ZodType): Setting {
  if (schema instanceof z.ZodDefault)
    return { ...inspect(schema.unwrap() as z.ZodType), standard: schema.parse(undefined) };
  if (schema instanceof z.ZodNullable) return { ...inspect(schema.unwrap() as z.ZodType), isNullable: true };
  const base = {
    isNullable: false,
    mayBeNumber: schema instanceof z.ZodUnion,
    choices: undefined,
    standard: undefined,
  };
  if (schema instanceof z.ZodBoolean) return { ...base, kind: 'boolean' };
  if (schema instanceof z.ZodNumber) return { ...base, kind: 'number' };
  if (schema instanceof z.ZodArray) return { ...base, kind: 'array' };
  if (schema instanceof z.ZodEnum) return { ...base, kind: 'string', choices: schema.options.map(String) };
  return { ...base, kind: 'string' };
}

function toNumber(text: string, isNullable: boolean): number | null {
  if (isNullable && text === 'null') return null;
  return finiteNumber(text);
}
