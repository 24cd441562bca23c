/** One dataset: its episodes beside the one that is open. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import * as z from 'zod/mini';
import { type EpisodeLabel, labelledSuccess } from '../../datasets/editing/labels.js';
import {
  type DatasetDetails,
  datasetDetailsSchema,
  interventionsSchema,
  type LabelsAnswer,
  labelsAnswerSchema,
} from '../serve/protocol.js';
import type { DatasetAddress } from './address.js';
import { addressOf } from './address.js';
import { chooseEpisodes, episodeOrders, episodeShows } from './episodeChoice.js';
import { EpisodeView } from './episodeView.js';
import { labelWords } from './labelEditing.js';
import { SearchBox } from './searchBox.js';
import { Select } from './select.js';
import { SelectionForm } from './selectionForm.js';
import { ask, send } from './server.js';
import { go, stay } from './state.js';
import { VirtualList } from './virtualList.js';
import { countedInGroups, short } from './words.js';

export function DatasetView({ address }: { readonly address: DatasetAddress }) {
  const { dataset: id, order, show } = address;
  const [dataset, setDataset] = useState<DatasetDetails>();
  const [problem, setProblem] = useState<string>();
  const [text, setText] = useState('');
  const [interventions, setInterventions] = useState<readonly (number | null)[]>();

  useEffect(() => {
    ask(datasetDetailsSchema, 'dataset', [['dataset', id]]).then(setDataset, (error: Error) =>
      setProblem(error.message),
    );
  }, [id]);
  const needsInterventions = show === 'intervention';
  useEffect(() => {
    if (!needsInterventions) return;
    ask(interventionsSchema, 'interventions', [['dataset', id]]).then(setInterventions, (error: Error) =>
      setProblem(error.message),
    );
  }, [id, needsInterventions]);
  const { labels, readOnly, changeLabel } = useLabels(id, setProblem);
  const chosen = useMemo(
    () => chooseEpisodes(dataset?.episodes ?? [], { order, show, text }, interventions, labels),
    [dataset, order, show, text, interventions, labels],
  );

  if (problem !== undefined) return <p class="hint problem">{problem}</p>;
  if (dataset === undefined) return <p class="hint">Opening {id} …</p>;
  const isNarrow = matchMedia('(max-width: 800px)').matches;
  const number = address.episode ?? (isNarrow ? undefined : chosen[0]);
  const episode = number === undefined ? undefined : dataset.episodes[number];
  const open = (next: number): void => go({ ...address, episode: next, step: 0 });
  const neighbour = (by: 1 | -1): void => {
    const next = chosen[chosen.indexOf(number ?? -1) + by];
    if (next !== undefined) stay({ ...address, episode: next, step: 0 });
  };
  return (
    <main class="split" data-open={address.episode !== undefined}>
      <section class="side" aria-label="Episodes">
        <h1>
          {id} <small>{dataset.task}</small>
        </h1>
        <div class="filters">
          <SearchBox
            hint="Part of a name"
            label="Part of an episode's name"
            value={text}
            onChange={setText}
          />
          <Select
            label="Order"
            value={order}
            options={episodeOrders}
            onChange={(value) => stay({ ...address, order: value })}
          />
          <Select
            label="Show"
            value={show}
            options={episodeShows}
            onChange={(value) => stay({ ...address, show: value })}
          />
          <span role="status">
            {needsInterventions && interventions === undefined
              ? 'Reading all episodes for interventions …'
              : countedInGroups(chosen.length, 'episode')}
          </span>
          {readOnly === null && dataset.episodes.length > 0 && (
            <SelectionForm dataset={id} episodes={chosen} />
          )}
        </div>
        <VirtualList
          label="Episodes"
          count={chosen.length}
          rowHeight={44}
          keyOf={(index) => String(chosen[index])}
          isSelected={(index) => chosen[index] === number}
          shown={number === undefined ? undefined : chosen.indexOf(number)}
          onOpen={(index) => {
            const next = chosen[index];
            if (next !== undefined) open(next);
          }}
          row={(index) => {
            const at = chosen[index] ?? 0;
            const entry = dataset.episodes[at];
            if (entry === undefined) return null;
            const label = labels[entry.id];
            const success = labelledSuccess(label, entry.success);
            const isSaid = label?.success !== undefined || label?.successFrom !== undefined;
            const marks = [
              countedInGroups(entry.steps, 'step'),
              ...labelWords(label),
              ...(success === undefined || isSaid ? [] : [success ? 'success' : 'no success']),
              ...((interventions?.[at] ?? 0) > 0 ? [`${interventions?.[at]} by a person`] : []),
            ];
            return (
              <span class="entry">
                <span class="name">
                  <bdi>{entry.id}</bdi>
                </span>
                <span class="figure">{short(entry.return)}</span>
                <span class={`facts ${label?.quality ?? ''}`}>{marks.join(' · ')}</span>
              </span>
            );
          }}
        />
      </section>
      <section class="detail" aria-label="Episode">
        <a class="back" href={addressOf({ ...address, episode: undefined, step: 0 })}>
          ← Episodes
        </a>
        {number === undefined || episode === undefined ? (
          <p class="hint">
            {dataset.episodes.length === 0 ? 'It has no episodes yet.' : 'Choose an episode.'}
          </p>
        ) : (
          <EpisodeView
            key={number}
            address={address}
            number={number}
            dataset={dataset}
            onNeighbour={neighbour}
            label={labels[episode.id] ?? {}}
            onLabel={(change) => changeLabel(episode.id, change)}
            readOnly={readOnly}
          />
        )}
        <details class="manifest">
          <summary>About this dataset</summary>
          <dl>
            {dataset.facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </details>
      </section>
    </main>
  );
}

/** The labels of a dataset, as they are shown at once and kept by the server. */
function useLabels(dataset: string, onProblem: (problem: string) => void) {
  // A signal holds its new value at once: of keys in quick succession each goes on from the last.
  const answer = useSignal<LabelsAnswer>({ labels: {}, readOnly: '' });
  const sending = useRef<Promise<void>>(Promise.resolve());
  const load = async (): Promise<void> => {
    answer.value = await ask(labelsAnswerSchema, 'labels', [['dataset', dataset]]);
  };
  useEffect(() => {
    load().catch((error: Error) => onProblem(error.message));
  }, [dataset]);
  const changeLabel = (episode: string, change: (label: EpisodeLabel) => EpisodeLabel): void => {
    const { labels } = answer.value;
    const label = change(labels[episode] ?? {});
    answer.value = { ...answer.value, labels: { ...labels, [episode]: label } };
    // One after the other, as they were made.
    sending.current = sending.current
      .then(async () => {
        await send(z.object({}), 'PUT', 'label', { dataset, episode, label });
      })
      .catch(async (error: Error) => {
        // What is shown is what is kept.
        await load().catch(() => {});
        answer.value = { ...answer.value, readOnly: error.message };
      });
  };
  return { ...answer.value, changeLabel };
}
