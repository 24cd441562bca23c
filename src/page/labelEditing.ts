/** What a key or a button makes of an episode's label. */
import { type EpisodeLabel, plainLabel, qualityOf } from '../../datasets/editing/labels.js';

/** Marks it so, or takes that mark away. */
function toggleQuality(label: EpisodeLabel, quality: 'good' | 'bad'): EpisodeLabel {
  return plainLabel({ ...label, quality: label.quality === quality ? undefined : quality });
}

/** Success does not begin within an episode that has none. */
function toggleSuccess(label: EpisodeLabel, success: boolean): EpisodeLabel {
  const isTakenAway = label.success === success;
  return plainLabel({
    ...label,
    success: isTakenAway ? undefined : success,
    successFrom: success || isTakenAway ? label.successFrom : undefined,
  });
}

/** From that step on, or no longer where it was that one. */
function toggleSuccessFrom(label: EpisodeLabel, step: number): EpisodeLabel {
  const isTakenAway = label.successFrom === step;
  return plainLabel({
    ...label,
    success: isTakenAway ? undefined : true,
    successFrom: isTakenAway ? undefined : step,
  });
}

/** First and last step that are kept. */
export function keptSpan(label: EpisodeLabel, steps: number): readonly [first: number, last: number] {
  return label.cut ?? [0, steps];
}

/** The end that is moved never passes the other one. @param steps T: observations are 0 to T */
export function withEnd(
  label: EpisodeLabel,
  end: 'first' | 'last',
  step: number,
  steps: number,
): EpisodeLabel {
  const [first, last] = keptSpan(label, steps);
  const cut: [number, number] =
    end === 'first'
      ? [Math.max(0, Math.min(step, last - 1)), last]
      : [first, Math.min(steps, Math.max(step, first + 1))];
  const isWhole = cut[0] === 0 && cut[1] === steps;
  return plainLabel({ ...label, cut: isWhole ? undefined : cut });
}

/** "good", "success from step 12", "steps 3 to 20 kept". */
export function labelWords(label: EpisodeLabel | undefined): string[] {
  if (label === undefined) return [];
  const { success, successFrom, cut } = label;
  return [
    ...(qualityOf(label) === 'none' ? [] : [qualityOf(label)]),
    ...(successFrom !== undefined
      ? [`success from step ${successFrom}`]
      : success !== undefined
        ? [success ? 'success' : 'no success']
        : []),
    ...(cut === undefined ? [] : [`steps ${cut[0]} to ${cut[1]} kept`]),
  ];
}

/** What a key does to the label at that step; undefined where it is no such key. */
export function labelChange(
  key: string,
  step: number,
  steps: number,
): ((label: EpisodeLabel) => EpisodeLabel) | undefined {
  const changes: Readonly<Record<string, (label: EpisodeLabel) => EpisodeLabel>> = {
    g: (label) => toggleQuality(label, 'good'),
    b: (label) => toggleQuality(label, 'bad'),
    s: (label) => toggleSuccess(label, true),
    f: (label) => toggleSuccess(label, false),
    d: (label) => toggleSuccessFrom(label, step),
    '[': (label) => withEnd(label, 'first', step, steps),
    ']': (label) => withEnd(label, 'last', step, steps),
  };
  return Object.hasOwn(changes, key) ? changes[key] : undefined;
}
