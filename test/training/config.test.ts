import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentConfigSchema } from '../../src/agent/config.js';
import { parseByteSize } from '../../src/training/byteSize.js';
import { agentSettings, parseRunConfig } from '../../src/training/config.js';
import { parseDatasets } from '../../src/training/datasetWeights.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';

const base = { task: 'walker-walk', dataset: ['data'] };

test('flags override the file, which overrides the preset, which overrides the defaults', () => {
  const config = resolveConfig({
    preset: 'rlpd-state',
    file: { path: 'x.json', settings: { utdRatio: 5, batchSize: 64 } },
    flags: { ...base, batchSize: 32 },
  });
  assert.deepEqual(
    [config.targetSubset, config.utdRatio, config.batchSize, config.discount],
    [2, 5, 32, 0.99],
  );
});

test('a preset’s own run settings are all settings of the learner or the run', () => {
  assert.equal(resolveConfig({ preset: 'online-only', flags: { task: 'walker-walk' } }).offlineMode, 'none');
});

test('a saved config gives the same config', () => {
  const config = resolveConfig({ flags: base });
  assert.deepEqual(parseRunConfig(JSON.parse(JSON.stringify(config))), config);
  assert.deepEqual(Object.keys(agentSettings(config)), Object.keys(agentConfigSchema.shape));
});

test('each wrong setting is one sentence that says where it was given', () => {
  const cases: [Parameters<typeof resolveConfig>[0], RegExp][] = [
    [{ flags: {} }, /--task walker-walk/],
    [{ flags: { ...base, batchSize: 0 } }, /^--batch-size cannot be 0/],
    [
      { flags: base, file: { path: 'c.json', settings: { batchSize: 1.5 } } },
      /"batchSize" in c\.json cannot be 1\.5/,
    ],
    [
      { flags: base, file: { path: 'c.json', settings: { utdRatoi: 3 } } },
      /"utdRatoi" in c\.json is no setting; did you mean "utdRatio"\?/,
    ],
    [{ flags: base, file: { path: 'c.json', settings: [1] } }, /does not hold a JSON object/],
    [{ flags: base, preset: 'best' }, /no preset named "best"/],
    [{ flags: { ...base, ensembleSize: 2, targetSubset: 3 } }, /^--target-subset cannot be 3/],
    [{ flags: { task: 'walker-walk' } }, /give one with --dataset/],
    [{ flags: { ...base, offlineMode: 'none' } }, /would leave it unused/],
    [{ flags: { task: 'walker-walk', offlineMode: 'none', pretrainUpdates: 3 } }, /need a dataset/],
    [{ flags: { task: 'walker-walk', offlineMode: 'none', actorBcWeight: 0.4 } }, /actions of a dataset/],
    [{ flags: { task: 'walker-walk', algorithm: 'bc' } }, /Behaviour cloning learns from a dataset/],
    [{ flags: { ...base, algorithm: 'bc' } }, /--pretrain-updates/],
    [{ flags: { task: 'walker-walk' }, preset: 'ibrl' }, /IBRL clones a dataset/],
    [{ flags: { ...base, algorithm: 'ibrl' } }, /IBRL has no cloned policy.*--pretrain-updates N/],
    [{ flags: { ...base, actorDropout: 1 } }, /^--actor-dropout cannot be 1/],
    [{ flags: { ...base, proposalInverseTemperature: 0 } }, /^--proposal-inverse-temperature cannot be 0/],
    [{ flags: { ...base, datasetMemory: '4 apples' } }, /^--dataset-memory cannot be .*such as 4GB/],
    [{ flags: { ...base, datasetMemory: '4GB', offlineMode: 'seeded' } }, /does not go with it/],
    [{ flags: { ...base, dataset: ['a:0'] } }, /--dataset a:0 gives the weight 0: expected DIR/],
    [{ flags: { ...base, dataset: ['a:-1'] } }, /gives the weight -1/],
    [{ flags: { ...base, dataset: [':0.5'] } }, /a weight without a folder/],
    [{ flags: { ...base, dataset: ['a:0.5', 'b'] } }, /--dataset b has no weight and others have one/],
    [{ flags: { ...base, dataset: ['a:1'], offlineMode: 'seeded' } }, /give them without weights/],
  ];
  for (const [sources, message] of cases)
    assert.throws(() => resolveConfig(sources), { name: 'InputError', message }, `${message}`);
});

test('a number after the last colon is a weight, and any other colon belongs to the folder', () => {
  const cases: [string, string, number | undefined][] = [
    ['data/a', 'data/a', undefined],
    ['data/a:0.7', 'data/a', 0.7],
    ['a:2', 'a', 2],
    ['a:.5', 'a', 0.5],
    ['a:1e-1', 'a', 0.1],
    ['C:\\data', 'C:\\data', undefined],
    ['host:share/12:30', 'host:share/12', 30],
    ['host:share/12:30/', 'host:share/12:30/', undefined],
    ['host:share/12:30:1', 'host:share/12:30', 1],
    ['a:v2', 'a:v2', undefined],
  ];
  for (const [entry, folder, weight] of cases)
    assert.deepEqual(parseDatasets([entry]), [{ folder, weight }], entry);
});

test('sizes are read in decimal and binary units', () => {
  const sizes = ['4GB', '1.5GiB', '500 mb', '2kib', '123', '4G', 'GB', '-1GB', ''];
  assert.deepEqual(sizes.map(parseByteSize), [
    4e9,
    1.5 * 2 ** 30,
    5e8,
    2048,
    123,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
