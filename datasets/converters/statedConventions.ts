/** What a source's own attributes say of which action led to which observation, and of the order of channels. */
import type { Alignment } from './openOptions.js';
import type { Remarks } from './remarks.js';
import { channelOrders } from './treatment.js';

const NAMES = /align|convention|semantic|timing/i;
/** `o`, `obs`, `observation`, `image` … */
const SEEN = String.raw`\b(?:images?|observations?|obs|frames?|pictures?|o)\b`;
const ACTED = String.raw`\ba(?:ctions?)?\b`;
const LED = new RegExp(
  String.raw`\bled\b|lead|previous|prior|preced|arriv|result|${ACTED}\s*\[\s*t\s*-\s*1|${SEEN}.*\bafter\b.*${ACTED}|${ACTED}.*\bbefore\b.*${SEEN}`,
  'i',
);
const CHOSEN = new RegExp(
  String.raw`chosen|chose|next|follow|taken (at|on)|on seeing|${SEEN}.*\bbefore\b.*${ACTED}|${ACTED}.*\bafter\b.*${SEEN}`,
  'i',
);
/** What an action leads to is then the row after its own. */
const TO_THE_NEXT = new RegExp(String.raw`${SEEN}\s*[[(]?\s*t\s*\+\s*1`, 'i');

function readAs(text: string): Alignment | null {
  if (TO_THE_NEXT.test(text)) return 'chosen';
  const [isLed, isChosen] = [LED.test(text), CHOSEN.test(text)];
  return isLed === isChosen ? null : isLed ? 'led' : 'chosen';
}

/** @returns null where none says it, or none that is understood, which is remarked upon */
export function statedAlignment(
  attributes: readonly Readonly<Record<string, unknown>>[],
  remarks: Remarks,
): Alignment | null {
  for (const [name, value] of attributes.flatMap((own) => Object.entries(own))) {
    if (!NAMES.test(name) || typeof value !== 'string') continue;
    const alignment = readAs(value);
    remarks.add(
      alignment === null
        ? `The attribute ${name} says "${value}", which is not understood: say --alignment chosen or --alignment led.`
        : `The attribute ${name} says "${value}": read as --alignment ${alignment}.`,
    );
    return alignment;
  }
  return null;
}

/** @returns what an image array's own attributes say of the order of its channels, where they say it */
export function statedChannelOrder(
  attributes: Readonly<Record<string, unknown>>,
): (typeof channelOrders)[number] | undefined {
  for (const [name, value] of Object.entries(attributes)) {
    if (!/colou?r|channel|order|format|mode|encoding/i.test(name) || typeof value !== 'string') continue;
    const order = channelOrders.find((order) => value.trim().toLowerCase().replace(/8$/, '') === order);
    if (order !== undefined) return order;
  }
  return undefined;
}
