/**
 * What people say of a dataset's episodes: good or bad, whether it succeeded and from where on, where it is to be cut.
 * Episodes are named by their ids. The page shows and changes labels, too: this file has nothing of Node's.
 */
import * as z from 'zod/mini';

export const LABELS_FILE = 'labels.json';
const count = z.int().check(z.gte(0));

export const episodeLabelSchema = z.strictObject({
  quality: z.optional(z.enum(['good', 'bad'])),
  /** In place of what the record says. */
  success: z.optional(z.boolean()),
  /** The first observation that shows success; all after it do as well, none before it. */
  successFrom: z.optional(count),
  /** First and last observation to be kept. */
  cut: z.optional(
    z.tuple([count, count]).check(z.refine(([first, last]) => first < last, 'a first step before the last')),
  ),
});
export type EpisodeLabel = z.infer<typeof episodeLabelSchema>;

/** The file: JSON, `labels.json` in the dataset's folder, of which it is no part. */
export const labelsSchema = z.strictObject({
  format: z.literal('rlpd-pixels-labels'),
  version: z.literal(1),
  /** By episode id. */
  episodes: z.record(z.string(), episodeLabelSchema),
});
export type Labels = z.infer<typeof labelsSchema>['episodes'];

/** What is wrong with the label of an episode of `steps` steps, as a clause; null where nothing is. */
export function labelFault({ cut, success, successFrom }: EpisodeLabel, steps: number): string | null {
  if (cut !== undefined && cut[1] > steps) return `it is cut at step ${cut[1]}, and has ${steps}`;
  if (successFrom === undefined) return null;
  if (successFrom > steps) return `success is to begin at step ${successFrom}, and it has ${steps}`;
  return success === false ? 'it has not succeeded, and success begins within it' : null;
}

/** Whether an episode counts as a success, by its label or else its record; undefined where neither says. */
export function labelledSuccess(
  label: EpisodeLabel | undefined,
  recorded: boolean | null | undefined,
): boolean | undefined {
  return label?.success ?? (label?.successFrom === undefined ? undefined : true) ?? recorded ?? undefined;
}

/** Good, bad, or nothing of the kind. */
export function qualityOf(label: EpisodeLabel | undefined): 'good' | 'bad' | 'none' {
  return label?.quality ?? 'none';
}

/** Without what is undefined, in a fixed order: the same marks are the same bytes. */
export function plainLabel({ quality, success, successFrom, cut }: EpisodeLabel): EpisodeLabel {
  return {
    ...(quality !== undefined && { quality }),
    ...(success !== undefined && { success }),
    ...(successFrom !== undefined && { successFrom }),
    ...(cut !== undefined && { cut }),
  };
}
