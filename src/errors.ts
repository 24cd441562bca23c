/**
 * The one error for input that a user can put right: a flag, a file, a data row.
 * The message is one sentence that says what was wrong, where, what was expected and what to do.
 * Commands print it without a stack and exit with code 2; every other error exits with code 1.
 */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(message: string, options?: ErrorOptions) {
    super(endOnce(message), options);
  }
}

/**
 * The end of a sentence about an unknown name: the nearest there is, where one is near, else a full stop.
 * @param known the names there are
 */
export function didYouMean(unknown: string, known: readonly string[]): string {
  const wanted = unknown.toLowerCase();
  const [nearest] = known
    .map((name) => ({ name, distance: editDistance(name.toLowerCase(), wanted) }))
    .sort((a, b) => a.distance - b.distance);
  const isNear = nearest !== undefined && nearest.distance <= Math.min(3, Math.ceil(unknown.length / 3));
  return isNear ? `; did you mean "${nearest.name}"?` : '.';
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/**
 * A message that quotes another one which ends a sentence already, with one mark at the end of each: "a: b.." is
 * "a: b.". A path that ends in ".." stays as it is.
 */
export function endOnce(message: string): string {
  return message.replace(/(?<=[\p{L}\p{N})"'\]}…’”])([.!?])\.(?=\s|\)|$)/gu, '$1');
}

/** What was thrown, as a clause without its full stop: an error's message, or what was thrown in place of an error. */
export function thrownWords(thrown: unknown): string {
  if (thrown instanceof Error)
    return thrown.message === '' ? `${thrown.name} without a message` : thrown.message.replace(/\.$/, '');
  if (typeof thrown === 'string' && thrown !== '')
    return `${thrown.replace(/\.$/, '')} (a text was thrown, no Error)`;
  return `${shown(thrown)} was thrown, which is no Error and does not say why`;
}

function shown(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return thrown === '' ? 'an empty text' : String(thrown);
  try {
    return JSON.stringify(thrown).slice(0, 200);
  } catch {
    // With a circle in it, or a number that JSON has no word for.
    return Object.prototype.toString.call(thrown);
  }
}

/** An error on its way from one thread to another, where a message would lose its class. */
export interface SentError {
  readonly message: string;
  readonly isInputError: boolean;
}

export function sendError(error: unknown): SentError {
  return {
    message: error instanceof Error ? error.message : thrownWords(error),
    isInputError: error instanceof InputError,
  };
}

export function receiveError({ message, isInputError }: SentError): Error {
  return isInputError ? new InputError(message) : new Error(message);
}
