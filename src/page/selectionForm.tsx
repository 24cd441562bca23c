/** The episodes of the list as a new dataset. */
import { useState } from 'preact/hooks';
import { type EditAnswer, type EditRequest, editAnswerSchema } from '../serve/protocol.js';
import { addressOf, datasetAddress } from './address.js';
import { Select } from './select.js';
import { send } from './server.js';
import { overview } from './state.js';
import { countedInGroups } from './words.js';

const shares = { '0': 'none', '0.1': 'a tenth', '0.2': 'a fifth' } as const;

export interface SelectionFormProps {
  readonly dataset: string;
  /** Numbers of the episodes that the list shows. */
  readonly episodes: readonly number[];
}

export function SelectionForm({ dataset, episodes }: SelectionFormProps) {
  const [name, setName] = useState(`${dataset.split('/').at(-1)}-selection`);
  const [sparse, setSparse] = useState(false);
  const [share, setShare] = useState<keyof typeof shares>('0');
  const [isBusy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<EditAnswer | Error>();

  const write = async (): Promise<void> => {
    setBusy(true);
    setOutcome(undefined);
    const inOrder = [...episodes].sort((a, b) => a - b);
    const request: EditRequest = { dataset, name, episodes: inOrder, sparse, holdoutShare: Number(share) };
    setOutcome(await send(editAnswerSchema, 'POST', 'edit', request).catch((error: Error) => error));
    setBusy(false);
  };

  return (
    <details class="write">
      <summary>Write {countedInGroups(episodes.length, 'episode')} as a dataset</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          write();
        }}
      >
        <label>
          Name
          <input type="text" required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          <input
            type="checkbox"
            checked={sparse}
            onChange={(event) => setSparse(event.currentTarget.checked)}
          />
          reward 1 for success at its end, else 0
        </label>
        <Select label="Held out" value={share} options={shares} onChange={setShare} />
        <button type="submit" class="primary" disabled={isBusy || episodes.length === 0}>
          {isBusy ? 'Writing …' : 'Write'}
        </button>
        <p class="keys">
          Those that the list shows now, cut and marked as they are, beside this dataset, which is not
          changed.
        </p>
      </form>
      <div role="status">{outcome !== undefined && <Outcome outcome={outcome} />}</div>
    </details>
  );
}

function Outcome({ outcome }: { readonly outcome: EditAnswer | Error }) {
  if (outcome instanceof Error) return <p class="problem">{outcome.message}</p>;
  const known = new Set(overview.value?.datasets.map(({ id }) => id));
  return (
    <p>
      Written:{' '}
      {outcome.written.map(({ id, name, episodes, steps }, place) => (
        <span key={id}>
          {place > 0 && ', '}
          {known.has(id) ? <a href={addressOf(datasetAddress(id))}>{name}</a> : <code>{id}</code>} (
          {countedInGroups(episodes, 'episode')}, {countedInGroups(steps, 'step')})
        </span>
      ))}
      .
    </p>
  );
}
