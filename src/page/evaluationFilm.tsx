/** The first episode of an evaluation, played beside the run's curve. */
import { useSignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { type DatasetDetails, datasetDetailsSchema, type Evaluations } from '../serve/protocol.js';
import { addressOf, datasetAddress } from './address.js';
import { CameraImage } from './cameraImage.js';
import { endWords } from './episodeWords.js';
import { evaluationWords } from './evaluationChoice.js';
import { type LoadedEpisode, loadEpisode } from './loadEpisode.js';
import { USUAL_SECONDS, usePlaying } from './playing.js';
import { ask } from './server.js';
import { short } from './words.js';

export interface EvaluationFilmProps {
  /** The dataset of the run's evaluations. */
  readonly dataset: string;
  /** All of them, in their order. */
  readonly evaluations: Evaluations;
  readonly shown: Evaluations[number];
  readonly onChoose: (episode: number) => void;
}

export function EvaluationFilm({ dataset, evaluations, shown, onChoose }: EvaluationFilmProps) {
  const [film, setFilm] = useState<{ readonly details: DatasetDetails; readonly loaded: LoadedEpisode }>();
  const [problem, setProblem] = useState<string>();
  const [isPlaying, setPlaying] = useState(false);
  const step = useSignal(0);
  const { episode } = shown;
  useEffect(() => {
    let isWanted = true;
    const load = async (): Promise<void> => {
      const details = await ask(datasetDetailsSchema, 'dataset', [['dataset', dataset]]);
      const loaded = await loadEpisode(details, episode);
      if (!isWanted) return;
      step.value = 0;
      setFilm({ details, loaded });
      setProblem(undefined);
    };
    load().catch((error: Error) => setProblem(error.message));
    return () => {
      isWanted = false;
    };
  }, [dataset, episode]);

  const steps = film?.loaded.values.rewards.length ?? 0;
  const secondsPerStep = film?.details.secondsPerStep ?? USUAL_SECONDS;
  // Over and over: an episode may take a second. Its end is shown for as long.
  const turn = steps + 1 + Math.round(1 / secondsPerStep);
  usePlaying(isPlaying && film !== undefined, secondsPerStep, (by) => {
    step.value = (step.value + by) % turn;
  });
  const place = evaluations.indexOf(shown);
  const neighbour = (by: 1 | -1, label: string, sign: string) => {
    const other = evaluations[place + by];
    return (
      <button
        type="button"
        title={label}
        aria-label={label}
        disabled={other === undefined}
        onClick={() => other !== undefined && onChoose(other.episode)}
      >
        {sign}
      </button>
    );
  };
  const values = film?.loaded.values;
  return (
    <figure class="evaluation" aria-label="Film of an evaluation">
      <figcaption aria-live="polite">
        {place === evaluations.length - 1 ? 'latest evaluation' : 'evaluation'}{' '}
        <small>{evaluationWords(shown)}</small>
      </figcaption>
      {problem !== undefined && <p class="problem">{problem}</p>}
      <div class="cameras">
        {film?.details.images.map((image, i) => (
          <CameraImage
            key={image.name}
            image={image}
            pixels={film.loaded.pixels[i]}
            step={Math.min(step.value, steps)}
          >
            {values !== undefined && step.value >= steps && <span class="badge end">{endWords(values)}</span>}
          </CameraImage>
        ))}
      </div>
      <div class="player">
        <button
          type="button"
          class="primary"
          disabled={film === undefined}
          onClick={() => setPlaying(!isPlaying)}
        >
          {isPlaying ? 'Stop' : 'Play'}
        </button>
        {neighbour(-1, 'Evaluation before', '‹')}
        {neighbour(1, 'Next evaluation', '›')}
        <span>
          its first episode, return {short(values?.rewards.reduce((sum, reward) => sum + reward, 0) ?? 0)},{' '}
          <a href={addressOf({ ...datasetAddress(dataset), episode })}>step by step</a>
        </span>
      </div>
    </figure>
  );
}
