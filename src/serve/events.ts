/** Answers that go on: server-sent events, one whenever what is shown has changed. */
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { InputError } from '../errors.js';
import type { ComparedRun } from '../study/compare.js';
import type { Overview } from './protocol.js';
import { GrowingRun } from './runAnswers.js';
import { curvesOf } from './runCurves.js';

/** Milliseconds from one look to the next. */
const PAUSE = 1000;

/** `overview` events. */
export function overviewEvents(context: Context, read: () => Promise<Overview>): Response {
  let before = '';
  return whileListening(context, async (stream) => {
    const now = JSON.stringify(await read());
    if (now !== before) await stream.writeSSE({ event: 'overview', data: now });
    before = now;
  });
}

/**
 * `curves` events: all curves of the runs, whenever their metrics have grown.
 * @param runs folders by id
 */
export function curveEvents(
  context: Context,
  runs: ReadonlyMap<string, string>,
  axis: Parameters<typeof curvesOf>[1],
  each: boolean,
): Response {
  const ids = [...runs.keys()];
  const growing = [...runs.values()].map((folder) => new GrowingRun(folder));
  let before: readonly ComparedRun[] = [];
  return whileListening(context, async (stream) => {
    const now = await Promise.all(growing.map((run) => run.read()));
    const isSame = before.length > 0 && now.every((run, i) => run === before[i]);
    before = now;
    if (isSame) return;
    const compared = now.map((run, i) => ({ ...run, id: ids[i] ?? run.folder }));
    await stream.writeSSE({ event: 'curves', data: JSON.stringify(curvesOf(compared, axis, each)) });
  });
}

/** Looks again and again; what is wrong with a file is said in a `problem` event, once, and may be put right. */
function whileListening(context: Context, look: (stream: SSEStreamingApi) => Promise<void>): Response {
  return streamSSE(context, async (stream) => {
    let problem = '';
    while (!stream.aborted) {
      try {
        await look(stream);
        problem = '';
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        if (error.message !== problem) await stream.writeSSE({ event: 'problem', data: error.message });
        problem = error.message;
      }
      await stream.sleep(PAUSE);
    }
  });
}
