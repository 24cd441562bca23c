/** The mapping of a task as a person left it, in this browser. */
import { type Mapping, mappingSchema, usualMapping } from './mapping.js';

export function readMapping(task: string, actionSize: number): Mapping {
  const usual = usualMapping(actionSize);
  try {
    const kept = mappingSchema.safeParse(JSON.parse(localStorage.getItem(nameFor(task)) ?? ''));
    // Of a task of that name that has changed since, or of another version of the page.
    return kept.success && kept.data.stays.length === actionSize ? kept.data : usual;
  } catch {
    return usual;
  }
}

export function keepMapping(task: string, mapping: Mapping): void {
  localStorage.setItem(nameFor(task), JSON.stringify(mapping));
}

function nameFor(task: string): string {
  return `rlpd drive ${task}`;
}
