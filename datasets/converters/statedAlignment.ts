/** What a source's own attributes say of which action led to which observation. */
import type { Alignment } from './openOptions.js';
import type { Remarks } from './remarks.js';

const NAMES = /align|convention/i;
const LED = /\bled\b|lead|previous|prior|preced|arriv/i;
const CHOSEN = /chosen|next|follow|taken (at|on)|on seeing|after/i;

/** @returns null where none says it, or none that is understood, which is remarked upon */
export function statedAlignment(
  attributes: readonly Readonly<Record<string, unknown>>[],
  remarks: Remarks,
): Alignment | null {
  for (const [name, value] of attributes.flatMap((own) => Object.entries(own))) {
    if (!NAMES.test(name) || typeof value !== 'string') continue;
    const alignment = LED.test(value) ? 'led' : CHOSEN.test(value) ? 'chosen' : null;
    remarks.add(
      alignment === null
        ? `The attribute ${name} says "${value}", which is not understood: say --alignment chosen or --alignment led.`
        : `The attribute ${name} says "${value}": read as --alignment ${alignment}.`,
    );
    return alignment;
  }
  return null;
}
