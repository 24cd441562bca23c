/** The page of `rlpd serve`: runs and datasets, each with an address of its own. */
import { render } from 'preact';
import { DatasetList } from './datasetList.js';
import { DatasetView } from './datasetView.js';
import { DriveView } from './driveView.js';
import { RunsView } from './runsView.js';
import { address, overview, problem, start } from './state.js';

function Page() {
  const at = address.value;
  const here = (view: 'runs' | 'datasets' | 'drive') =>
    at.view.startsWith(view.replace(/s$/, '')) ? 'page' : undefined;
  const counts = overview.value;
  return (
    <>
      <header>
        <nav aria-label="Parts of the page">
          <a href="#/runs" aria-current={here('runs')}>
            Runs {counts && <small>{counts.runs.length}</small>}
          </a>
          <a href="#/datasets" aria-current={here('datasets')}>
            Datasets {counts && <small>{counts.datasets.length}</small>}
          </a>
          {(counts?.drives || at.view === 'drive') && (
            <a href="#/drive" aria-current={here('drive')}>
              Drive
            </a>
          )}
        </nav>
        {problem.value !== null && <p role="alert">{problem.value}</p>}
      </header>
      {at.view === 'runs' && <RunsView address={at} />}
      {at.view === 'datasets' && <DatasetList />}
      {at.view === 'dataset' && <DatasetView key={at.dataset} address={at} />}
      {at.view === 'drive' && <DriveView address={at} />}
    </>
  );
}

start();
render(<Page />, document.body);
