/** Results of an earlier version of the program, begun again. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { fingerprint } from '../../src/study/fingerprint.js';
import { type PlayRun, playRun } from '../../src/study/playRun.js';
import { type Provenance, readProvenance, readResults, writeProvenance } from '../../src/study/results.js';
import { runStudy } from '../../src/study/runStudy.js';
import { scaleResults } from '../../src/study/scaleResults.js';
import { studyStanding, summarise } from '../../src/study/standing.js';
import { type Study, studyRuns } from '../../src/study/study.js';
import { verifyStudy } from '../../src/study/verifyStudy.js';
import { isOfVersion, latestVersion } from '../../src/study/versions.js';
import { temporaryFolder } from '../training/smallRun.js';
import { playAtOnce, tinyDefinition, tinyStudy } from './tinyStudy.js';

let clean = async (): Promise<void> => {};
after(() => clean());
let root: string;
let study: Study;
/** Made by this version of the program; the tests say that an earlier one did. */
let made: Map<string, Provenance>;

const folders = () => ({ runs: join(root, 'runs'), data: join(root, 'data') });

before(async () => {
  root = await temporaryFolder({
    after: (fn) => {
      clean = fn;
    },
  });
  study = await tinyStudy(join(root, 'results/tiny'), { variants: { RLPD: tinyDefinition.variants.RLPD } });
  // The run of seed 0 learns: it is the one that is begun again.
  const play: PlayRun = (plan, ...rest) => (plan.config.seed === 0 ? playRun : playAtOnce)(plan, ...rest);
  await runStudy({ study, scale: 'small', play, ...folders() });
  made = new Map();
  for (const { id } of studyRuns(study, 'small')) {
    const provenance = await readProvenance(join(study.folder, id));
    assert.ok(provenance !== undefined);
    made.set(id, provenance);
  }
});

/** @returns the ids, in the order of the seeds */
async function sayEarlier(changes: Partial<Provenance> = {}): Promise<[string, string]> {
  for (const [id, provenance] of made)
    await writeProvenance(join(study.folder, id), {
      ...provenance,
      fingerprint: { ...provenance.fingerprint, learner: 'earlier' },
      ...changes,
    });
  const [first, second] = made.keys();
  assert.ok(first !== undefined && second !== undefined);
  return [first, second];
}

async function otherVersions(): Promise<number> {
  return (await summarise(study, 'small', await studyStanding(study, 'small', folders()))).ofOtherVersions;
}

test('one run that begins the same, bit for bit, makes all results like it this version’s, and they count with those of it', async () => {
  const [first, second] = await sayEarlier();
  assert.equal(await otherVersions(), 2);
  const begun: string[] = [];
  let steps = 0;
  const play: PlayRun = async (plan, ...rest) => {
    begun.push(plan.folder);
    const [signal, onEvent] = rest;
    return playRun(plan, signal, (event) => {
      if (event.kind === 'progress') steps = event.progress.agentSteps;
      onEvent(event);
    });
  };
  const verifications = await verifyStudy({ study, scale: 'small', play, ...folders() });
  assert.deepEqual(verifications, [{ run: first, verified: [first, second], refused: [] }]);
  assert.equal(begun.length, 1);
  assert.ok(steps > 0 && steps < 80, `${steps} of 80 agent steps`);
  assert.equal(await otherVersions(), 0);
  const current = await fingerprint();
  for (const result of await readResults(study)) {
    assert.equal(result.fingerprint.learner, 'earlier');
    assert.ok(isOfVersion(result, current));
    assert.deepEqual(latestVersion(result), current);
  }
  // One that this version made itself stands beside them.
  const own = made.get(second);
  assert.ok(own !== undefined);
  await writeProvenance(join(study.folder, second), own);
  const { runs, older } = scaleResults(study, 'small', await readResults(study));
  assert.deepEqual([runs.map(({ id }) => id), older.length], [[first, second], 0]);
  assert.deepEqual(await verifyStudy({ study, scale: 'small', ...folders() }), []);
});

test('one whose numbers are others in the last place stays an earlier version’s, and is told where', async (context) => {
  const ids = await sayEarlier();
  const path = join(study.folder, ids[0], 'metrics.jsonl');
  const text = await readFile(path, 'utf8');
  context.after(() => writeFile(path, text));
  const lines = text.trim().split('\n');
  const place = lines.findIndex((line) => line.includes('"kind":"train"'));
  const line = JSON.parse(lines[place] ?? '') as { criticLoss: number };
  lines[place] = JSON.stringify({ ...line, criticLoss: line.criticLoss * (1 + Number.EPSILON) });
  assert.notEqual(lines.join('\n'), text.trim());
  await writeFile(path, `${lines.join('\n')}\n`);
  const [verification] = await verifyStudy({ study, scale: 'small', play: playRun, ...folders() });
  assert.deepEqual([verification?.verified, verification?.refused.map(({ id }) => id)], [[], ids]);
  assert.match(
    verification?.refused[0]?.reason ?? '',
    /^the train at \d+ env frames and \d+ updates has other/,
  );
  assert.equal(await otherVersions(), 2);
});

test('what another machine computed, or of other data, is refused without being played', async () => {
  const never: PlayRun = () => assert.fail('it was played');
  const machine = { processor: 'another', cores: 1, node: '20' };
  const refusals: [Partial<Provenance>, RegExp][] = [
    [{ machine }, /another machine \(another, 1 cores\)/],
    [{ dataset: { sha256: 'ab', episodes: 2, returnMean: 0 } }, /its data, recorded anew, are others/],
  ];
  for (const [changes, reason] of refusals) {
    await sayEarlier(changes);
    const [verification] = await verifyStudy({ study, scale: 'small', play: never, ...folders() });
    assert.deepEqual([verification?.verified.length, verification?.refused.length], [0, 2]);
    assert.match(verification?.refused[0]?.reason ?? '', reason);
  }
});
