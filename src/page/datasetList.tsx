/** All datasets that the folders hold. */
import { formatBytes, grouped } from '../words.js';
import { datasetAddress } from './address.js';
import { go, overview } from './state.js';
import { VirtualList } from './virtualList.js';
import { countedInGroups, short } from './words.js';

export function DatasetList() {
  const datasets = overview.value?.datasets;
  if (datasets === undefined) return <p class="hint">Looking through the folders …</p>;
  if (datasets.length === 0)
    return (
      <p class="hint">
        There is no dataset in these folders. Record one with <code>rlpd collect</code>, or bring one in with{' '}
        <code>rlpd convert</code>.
      </p>
    );
  return (
    <main class="whole">
      <VirtualList
        label="Datasets"
        count={datasets.length}
        rowHeight={58}
        keyOf={(index) => datasets[index]?.id ?? ''}
        isSelected={() => false}
        onOpen={(index) => {
          const dataset = datasets[index];
          if (dataset !== undefined) go(datasetAddress(dataset.id));
        }}
        row={(index) => {
          const dataset = datasets[index];
          if (dataset === undefined) return null;
          const { id, task, episodes, steps, bytes, meanReturn, images, problem } = dataset;
          const facts = [
            task ?? 'unknown task',
            countedInGroups(episodes, 'episode'),
            `${grouped(steps)} steps`,
            formatBytes(bytes),
            images.join(', ') || 'no images',
          ];
          return (
            <span class="entry">
              <span class="name">
                <bdi>{id}</bdi>
              </span>
              <span class="figure">{meanReturn === null ? '' : short(meanReturn)}</span>
              <span class="facts">{problem ?? facts.join(' · ')}</span>
              <span class="facts figure">{meanReturn === null ? '' : 'mean return'}</span>
            </span>
          );
        }}
      />
    </main>
  );
}
