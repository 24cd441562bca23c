/** What is wrong with metadata, in a clause: a library's own message may take many lines. */
import { z } from 'zod';

/** @param error of a schema, or of JSON that is none */
export function issuesOf(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues
      .map(({ path, message }) => `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`)
      .join('; ');
  return error instanceof Error ? error.message : String(error);
}
