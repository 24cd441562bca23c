/** What the page asks the server for. Each answer is parsed by the schema that the server builds it by. */
import type * as z from 'zod/mini';

/** Asks once. @throws Error with the server's own sentence where it refuses */
export async function ask<T>(schema: z.ZodMiniType<T>, path: string, query: Query): Promise<T> {
  return schema.parse(await (await get(path, query)).json());
}

/** Asks for a change. @throws Error with the server's own sentence where it refuses */
export async function send<T>(
  schema: z.ZodMiniType<T>,
  method: 'POST' | 'PUT',
  path: string,
  request: object,
): Promise<T> {
  const response = await fetch(urlOf(path, []), {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(await response.text());
  return schema.parse(await response.json());
}

/** `[T+1, H, W, C]` uint8. */
export async function askBytes(path: string, query: Query): Promise<Uint8Array> {
  return new Uint8Array(await (await get(path, query)).arrayBuffer());
}

export type Query = readonly (readonly [name: string, value: string])[];

export function urlOf(path: string, query: Query): string {
  const words = new URLSearchParams(query.map(([name, value]) => [name, value])).toString();
  return `/api/${path}${words === '' ? '' : `?${words}`}`;
}

async function get(path: string, query: Query): Promise<Response> {
  const response = await fetch(urlOf(path, query));
  if (!response.ok) throw new Error(await response.text());
  return response;
}

export interface Listener<T> {
  readonly onValue: (value: T) => void;
  /** What is wrong, or null where all is well (again). */
  readonly onProblem: (problem: string | null) => void;
}

/**
 * Goes on asking: each event of that name is a new value. The browser connects again by itself.
 * @returns what ends it
 */
export function listen<T>(
  schema: z.ZodMiniType<T>,
  path: string,
  query: Query,
  event: string,
  { onValue, onProblem }: Listener<T>,
): () => void {
  const source = new EventSource(urlOf(path, query));
  source.addEventListener(event, ({ data }: MessageEvent<string>) => {
    onProblem(null);
    onValue(schema.parse(JSON.parse(data)));
  });
  source.addEventListener('problem', ({ data }: MessageEvent<string>) => onProblem(data));
  source.addEventListener('error', () => onProblem('The server does not answer. Is "rlpd serve" running?'));
  return () => source.close();
}
