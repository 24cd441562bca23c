/** One episode: every camera at a step, what plays and steps through it, and its numbers as plots. */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { EpisodeLabel } from '../../datasets/editing/labels.js';
import type { DatasetDetails } from '../serve/protocol.js';
import type { DatasetAddress } from './address.js';
import { CameraImage } from './cameraImage.js';
import { EpisodePlots } from './episodePlots.js';
import { endWords, stepWords } from './episodeWords.js';
import { LabelBar } from './labelBar.js';
import { keptSpan, labelChange } from './labelEditing.js';
import { type LoadedEpisode, loadEpisode } from './loadEpisode.js';
import { stepAfterKey } from './playerKeys.js';
import { USUAL_SECONDS, usePlaying } from './playing.js';
import { Select } from './select.js';
import { follow } from './state.js';

const speeds = { '0.25': '¼ ×', '0.5': '½ ×', '1': '1 ×', '2': '2 ×', '4': '4 ×', '16': '16 ×' } as const;
type Speed = keyof typeof speeds;

/** Milliseconds of rest before the address follows: browsers take a few changes a second only. */
const ADDRESS_PAUSE = 250;

export interface EpisodeViewProps {
  readonly address: DatasetAddress;
  readonly number: number;
  readonly dataset: DatasetDetails;
  /** Asks for the next episode of the list, or the one before. */
  readonly onNeighbour: (by: 1 | -1) => void;
  readonly label: EpisodeLabel;
  readonly onLabel: (change: (label: EpisodeLabel) => EpisodeLabel) => void;
  /** Why nothing can be marked; null where it can. */
  readonly readOnly: string | null;
}

export function EpisodeView(props: EpisodeViewProps) {
  const { address, number, dataset, onNeighbour, label, onLabel, readOnly } = props;
  const steps = dataset.episodes[number]?.steps ?? 0;
  const [loaded, setLoaded] = useState<LoadedEpisode>();
  const [problem, setProblem] = useState<string>();
  // A signal holds its new value at once: of keys in quick succession each goes on from the last.
  const current = useSignal(Math.min(address.step, steps));
  const step = current.value;
  const setStep = (next: number): void => {
    current.value = Math.max(0, Math.min(steps, next));
  };
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<Speed>('1');

  useEffect(() => {
    loadEpisode(dataset, number).then(setLoaded, (error: Error) => setProblem(error.message));
  }, [number, dataset]);

  usePlaying(
    isPlaying && loaded !== undefined,
    (dataset.secondsPerStep ?? USUAL_SECONDS) / Number(speed),
    (by) => setStep(current.value + by),
  );
  useEffect(() => {
    if (step >= steps) setPlaying(false);
  }, [step, steps]);
  useEffect(() => {
    if (step === address.step) return;
    const timer = setTimeout(() => follow(address, { ...address, episode: number, step }), ADDRESS_PAUSE);
    return () => clearTimeout(timer);
  }, [step, address]);
  // The back button of the browser, or a link to another step.
  useEffect(() => setStep(address.step), [address.step]);

  const play = (): void => {
    if (!isPlaying && step >= steps) setStep(0);
    setPlaying(!isPlaying);
  };
  useKeys((event) => {
    if (event.key === ' ') play();
    else if (event.key === 'n') onNeighbour(1);
    else if (event.key === 'p') onNeighbour(-1);
    else {
      const next = stepAfterKey(event.key, event.shiftKey, current.value, steps);
      const change = readOnly === null ? labelChange(event.key, current.value, steps) : undefined;
      if (next === undefined && change === undefined) return;
      if (change !== undefined) onLabel(change);
      if (next !== undefined) {
        setPlaying(false);
        setStep(next);
      }
    }
    event.preventDefault();
  });

  if (problem !== undefined) return <p class="hint problem">{problem}</p>;
  const values = loaded?.values;
  return (
    <article>
      <div class="cameras">
        {dataset.images.map((image, place) => (
          <CameraImage key={image.name} image={image} pixels={loaded?.pixels[place]} step={step}>
            {step === 0 && <span class="badge start">start</span>}
            {step === steps && values !== undefined && <span class="badge end">{endWords(values)}</span>}
            {values?.interventions?.[step] === 1 && <span class="badge person">person</span>}
          </CameraImage>
        ))}
      </div>
      <div class="player">
        <button type="button" class="primary" onClick={play} disabled={loaded === undefined}>
          {isPlaying ? 'Stop' : 'Play'}
        </button>
        <input
          type="range"
          min={0}
          max={steps}
          value={step}
          aria-label="Step"
          onInput={(event) => {
            setPlaying(false);
            setStep(event.currentTarget.valueAsNumber);
          }}
        />
        <Select label="Speed" value={speed} options={speeds} onChange={setSpeed} />
        <button type="button" onClick={() => onNeighbour(-1)} title="Previous episode (p)">
          ‹ <span class="wide">Previous</span>
        </button>
        <button type="button" onClick={() => onNeighbour(1)} title="Next episode (n)">
          <span class="wide">Next</span> ›
        </button>
      </div>
      <p role="status" class="stand">
        {values === undefined ? 'Loading …' : stepWords(values, dataset.actionSize, step)}
      </p>
      <LabelBar
        label={label}
        step={step}
        steps={steps}
        onChange={onLabel}
        onStep={(next) => {
          setPlaying(false);
          setStep(next);
        }}
        readOnly={readOnly}
      />
      {values?.instruction != null && <p class="instruction">“{values.instruction}”</p>}
      {values !== undefined && (
        <EpisodePlots
          values={values}
          dataset={dataset}
          step={step}
          kept={keptSpan(label, steps)}
          onStep={(next) => {
            setPlaying(false);
            setStep(Math.round(next));
          }}
        />
      )}
      <p class="keys">
        Space plays · ← → a step, with Shift ten · Home, End · n, p the next and the previous episode
        {readOnly === null &&
          ' · g good · b bad · s success · f no success · d success from here · [ ] the first and the last step that are kept'}
      </p>
    </article>
  );
}

/** Keys that no control with the focus has a use for itself. */
function useKeys(onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  // At once, so that no key is lost between one episode and the next.
  useLayoutEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      if (!isUsed(event) && !event.ctrlKey && !event.metaKey && !event.altKey) latest.current(event);
    };
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);
}

/** A text or a choice takes every key, a button or a handle none that writes a letter. */
function isUsed({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  if (target.matches('input[type=text], input[type=search], select')) return true;
  return target.matches('input, button, summary, a') && (key.length > 1 || key === ' ');
}
