/** Marks of an episode, and the handles between which it is kept. */
import type { EpisodeLabel } from '../../datasets/editing/labels.js';
import { keptSpan, labelChange, labelWords, withEnd } from './labelEditing.js';

export interface LabelBarProps {
  readonly label: EpisodeLabel;
  readonly step: number;
  /** T: observations are 0 to T. */
  readonly steps: number;
  readonly onChange: (change: (label: EpisodeLabel) => EpisodeLabel) => void;
  /** Told where a handle has been moved to, so that its picture is seen. */
  readonly onStep: (step: number) => void;
  /** Why nothing can be marked. */
  readonly readOnly: string | null;
}

export function LabelBar({ label, step, steps, onChange, onStep, readOnly }: LabelBarProps) {
  if (readOnly !== null) return <p class="keys">{readOnly}</p>;
  const marks = [
    ['Good', 'g', label.quality === 'good'],
    ['Bad', 'b', label.quality === 'bad'],
    ['Success', 's', label.success === true],
    ['No success', 'f', label.success === false],
    ['Success from here', 'd', label.successFrom === step],
  ] as const;
  const [first, last] = keptSpan(label, steps);
  const words = labelWords(label);
  const handle = (end: 'first' | 'last', name: string, value: number) => (
    <input
      type="range"
      min={0}
      max={steps}
      value={value}
      aria-label={name}
      onInput={(event) => {
        const wanted = event.currentTarget.valueAsNumber;
        const move = (before: EpisodeLabel) => withEnd(before, end, wanted, steps);
        const at = keptSpan(move(label), steps)[end === 'first' ? 0 : 1];
        // A handle that was drawn past the other one stays there unless it is told.
        event.currentTarget.valueAsNumber = at;
        onChange(move);
        onStep(at);
      }}
    />
  );
  return (
    <section class="labels" aria-label="Marks">
      <div class="marks">
        {marks.map(([name, key, isSet]) => (
          <button
            key={key}
            type="button"
            aria-pressed={isSet}
            title={`${name} (${key})`}
            onClick={() => onChange(labelChange(key, step, steps) ?? ((before) => before))}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="ends">
        {handle('first', 'First step that is kept', first)}
        {handle('last', 'Last step that is kept', last)}
        <i
          style={{ left: `${(100 * first) / steps}%`, right: `${100 - (100 * last) / steps}%` }}
          aria-hidden="true"
        />
      </div>
      <p class="keys" role="status">
        {words.length === 0 ? 'Not marked; kept whole.' : `Marked: ${words.join(' · ')}.`}
      </p>
    </section>
  );
}
