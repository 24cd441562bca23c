/** What a source's own attributes say of which action led to which observation, and of the order of channels. */
import type { Alignment } from './openOptions.js';
import type { Remarks } from './remarks.js';
import { channelOrders } from './treatment.js';

const NAMES = /align|convention|semantic|timing/i;
/** `o`, `obs`, `observation`, `image` … */
const SEEN = String.raw`\b(?:images?|observations?|obs|frames?|pictures?|o)\b`;
const ACTED = String.raw`\ba(?:ctions?)?\b`;
const PREVIOUS = /previous|prior|preced/i;
const CAUSED = new RegExp(
  String.raw`\bled\b|lead|arriv|result|${SEEN}.*\bafter\b.*${ACTED}|${ACTED}.*\bbefore\b.*${SEEN}`,
  'i',
);
const CHOSEN = new RegExp(
  String.raw`chosen|chose|next|follow|taken (at|on)|on seeing|${SEEN}.*\bbefore\b.*${ACTED}|${ACTED}.*\bafter\b.*${SEEN}`,
  'i',
);
/** What an action leads to is then the row after its own. */
const TO_THE_NEXT = new RegExp(String.raw`${SEEN}\s*[[(]?\s*t\s*\+\s*1`, 'i');
const OF_THE_ROW_BEFORE = new RegExp(String.raw`${ACTED}\s*[[(]?\s*t\s*[-−]\s*1`, 'i');

function readAs(text: string): Alignment | null {
  if (TO_THE_NEXT.test(text)) return 'chosen';
  const isCaused = CAUSED.test(text);
  const isChosen = CHOSEN.test(text);
  // Where "action[t-1] led to image[t]", t may count the rows of both or be the one row that holds them.
  if (OF_THE_ROW_BEFORE.test(text)) return isCaused || isChosen ? null : 'led';
  const isLed = isCaused || PREVIOUS.test(text);
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
    if (alignment !== null) return alignment;
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
