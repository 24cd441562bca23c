/** What can be asked for as things stand, with the key for each; no input of a mapping may take these keys. */
import type { DriveCommand, Standing } from '../serve/protocol.js';

export interface Ask {
  readonly command: DriveCommand;
  readonly words: string;
  /** As `KeyboardEvent.code` has it, and as people say it. */
  readonly code: string;
  readonly key: string;
}

const record: Ask = { command: 'record', words: 'Record', code: 'Enter', key: 'Enter' };
const practise: Ask = { command: 'practise', words: 'Practise', code: 'KeyP', key: 'P' };
const reset: Ask = { command: 'reset', words: 'Reset', code: 'KeyR', key: 'R' };
const success: Ask = { command: 'success', words: 'Success', code: 'KeyM', key: 'M' };
const stop: Ask = { command: 'stop', words: 'Stop', code: 'Enter', key: 'Enter' };
const keep: Ask = { command: 'keep', words: 'Keep', code: 'Enter', key: 'Enter' };
const discard: Ask = { command: 'discard', words: 'Discard', code: 'Backspace', key: '⌫' };

/** Escape ends what the mapping is being taught. */
export const reservedCodes: ReadonlySet<string> = new Set([
  ...[record, practise, reset, success, stop, keep, discard].map(({ code }) => code),
  ...['Escape', 'Tab'],
]);

/** The first is what is most likely wanted. */
export function asksOf({ phase, isRecorded }: Standing, canRecord: boolean): readonly Ask[] {
  if (phase === 'ready') return [...(canRecord ? [record] : []), practise, reset];
  if (phase === 'driving') return isRecorded ? [stop, success, discard] : [reset];
  if (phase === 'ended') return [keep, discard, success];
  return [];
}
