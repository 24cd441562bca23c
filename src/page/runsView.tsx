/** Runs: the list beside the curves of those that are chosen. */
import { useMemo, useState } from 'preact/hooks';
import type { RunSummary } from '../serve/protocol.js';
import { addressOf, type RunsAddress } from './address.js';
import { chooseRuns, runShows } from './runChoice.js';
import { RunPanel } from './runPanel.js';
import { progressWords } from './runWords.js';
import { SearchBox } from './searchBox.js';
import { Select } from './select.js';
import { go, address as here, overview, stay } from './state.js';
import { VirtualList } from './virtualList.js';
import { countedInGroups, short } from './words.js';

export function RunsView({ address }: { readonly address: RunsAddress }) {
  const runs = overview.value?.runs;
  const [text, setText] = useState('');
  const [show, setShow] = useState<keyof typeof runShows>('all');
  const shown = useMemo(() => chooseRuns(runs ?? [], show, text), [runs, show, text]);

  if (runs === undefined) return <p class="hint">Looking through the folders …</p>;
  if (runs.length === 0)
    return (
      <p class="hint">
        There is no run in these folders. Start one with <code>rlpd train</code>.
      </p>
    );
  const { chosen } = address;
  const toggle = (id: string): void => {
    // The page's own, which has what was ticked a moment ago.
    const now = here.value.view === 'runs' ? here.value.chosen : chosen;
    stay({
      ...address,
      chosen: now.includes(id) ? now.filter((other) => other !== id) : [...now, id],
      choosing: true,
    });
  };
  // The last that was chosen is kept in sight as the list is sorted anew.
  const lastChosen = shown.findIndex(({ id }) => id === chosen.at(-1));
  const at = (index: number): RunSummary | undefined => shown[index];
  return (
    <main class="split" data-open={chosen.length > 0 && !address.choosing}>
      <section class="side" aria-label="Runs">
        <div class="filters">
          <SearchBox
            hint="Part of a name or task"
            label="Part of a run's name or task"
            value={text}
            onChange={setText}
          />
          <Select label="Show" value={show} options={runShows} onChange={setShow} />
          <span role="status">{countedInGroups(shown.length, 'run')}</span>
          {chosen.length > 0 && (
            <button type="button" onClick={() => stay({ ...address, chosen: [] })}>
              Choose none
            </button>
          )}
          {chosen.length > 0 && (
            <a class="back" href={addressOf({ ...address, choosing: false })}>
              Curves of {countedInGroups(chosen.length, 'run')} →
            </a>
          )}
        </div>
        <VirtualList
          label="Runs"
          count={shown.length}
          rowHeight={66}
          keyOf={(index) => at(index)?.id ?? ''}
          shown={lastChosen < 0 ? undefined : lastChosen}
          isSelected={(index) => chosen.includes(at(index)?.id ?? '')}
          onOpen={(index) => {
            const run = at(index);
            if (run !== undefined) go({ ...address, chosen: [run.id], choosing: false, film: undefined });
          }}
          onTick={(index) => {
            const run = at(index);
            if (run !== undefined) toggle(run.id);
          }}
          row={(index) => {
            const run = at(index);
            return run === undefined ? null : <RunEntry run={run} />;
          }}
        />
      </section>
      <section class="detail" aria-label="Curves">
        <a class="back" href={addressOf({ ...address, choosing: true })}>
          ← Runs
        </a>
        {chosen.length === 0 ? (
          <p class="hint">
            Choose a run to see its curves. Tick several, with their boxes or the space bar, to see them
            together.
          </p>
        ) : (
          <RunPanel key={chosen.join('\n')} address={address} runs={runs} />
        )}
      </section>
    </main>
  );
}

function RunEntry({ run }: { readonly run: RunSummary }) {
  const share = run.total === 0 ? 0 : Math.min(1, run.done / run.total);
  return (
    <span class="entry">
      <span class="name" title={run.id}>
        <bdi>{run.id}</bdi>
      </span>
      <span class="figure">{run.lastReturn === null ? '' : short(run.lastReturn)}</span>
      <span class="facts" title={run.reason ?? undefined}>
        <i class={`state ${run.state}`} />
        {run.state} · {run.task}
      </span>
      <span class="facts figure">{progressWords(run)}</span>
      <span class="bar">
        <span style={{ width: `${100 * share}%` }} />
      </span>
    </span>
  );
}
