/**
 * The one error for input that a user can put right: a flag, a file, a data row.
 * The message is one sentence that says what was wrong, where, what was expected and what to do.
 * Commands print it without a stack and exit with code 2; every other error exits with code 1.
 */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** An error on its way from one thread to another, where a message would lose its class. */
export interface SentError {
  readonly message: string;
  readonly isInputError: boolean;
}

export function sendError(error: unknown): SentError {
  return {
    message: error instanceof Error ? error.message : String(error),
    isInputError: error instanceof InputError,
  };
}

export function receiveError({ message, isInputError }: SentError): Error {
  return isInputError ? new InputError(message) : new Error(message);
}
