/**
 * `node dist/test/fleet/soak.js [kills|ordered|speed|updates|cluster|network …] [--kills N] [--seed N]`: what takes too
 * long for the tests, or needs more than they may ask for; without a word, all but `network`, which needs root and
 * iproute2, and nftables where the kernel has no netem.
 *
 * `kills`: small runs whose actors, learner and server are killed at random moments, until there were N kills (100): each
 * run ends with every episode once. `ordered`: the final weights of 1 actor, 3 actors, and 3 actors with 10 kills are
 * equal. `speed`: env frames a second of 1, 2 and 4 actors beside `collect`, and the transport's share of an episode.
 * `updates`: the learner's updates a second beside those of `train`. Both in alternation, as medians. `cluster`: of three
 * servers that keep everything together one is killed. `network`: actors behind a network with delay and loss, cut off
 * for 60 s. Ends with exit code 1 where something was not as it has to be.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { jetstream } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { openDataset } from '../../datasets/reader.js';
import { EnvironmentWorker } from '../../envs/worker.js';
import { ActorSide } from '../../src/fleet/actorSide.js';
import { EmbeddedServer, findNatsServer } from '../../src/fleet/embeddedServer.js';
import { LearnerSide } from '../../src/fleet/learnerSide.js';
import { PROTOCOL } from '../../src/fleet/messages.js';
import { EPISODES } from '../../src/fleet/names.js';
import { maxSteps, pack, recordManifest, unpack } from '../../src/fleet/record.js';
import { Generator } from '../../src/random/generator.js';
import { collect } from '../../src/training/collect.js';
import { kebabCase, type RunSettings } from '../../src/training/config.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { behaviours } from '../../src/training/experts.js';
import { resolveConfig } from '../../src/training/resolveConfig.js';
import { rollout } from '../../src/training/rollout.js';
import { readMetrics } from '../../src/training/runFolder.js';
import { PACKAGE_VERSION } from '../../src/training/version.js';
import { fleetSettings, weightsHash } from './smallFleet.js';

const program = fileURLToPath(new URL('../../scripts/rlpd.js', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const random = new Generator(Number(values.seed));
const folder = await mkdtemp(join(tmpdir(), 'rlpd-soak-'));
const living = new Set<ChildProcess>();
let failures = 0;
function say(text: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

function require(isSo: boolean, what: string): void {
  if (!isSo) failures++;
  say(`${isSo ? 'good' : 'WRONG'}: ${what}`);
}

interface Place {
  /** What runs a command somewhere else, such as in another network namespace. */
  readonly prefix: readonly string[];
}
const here: Place = { prefix: [] };

/** `rlpd WORDS` in a process of its own, started anew whenever it was killed, until it ends by itself. */
class Kept {
  readonly #words: () => readonly string[];
  readonly #place: Place;
  readonly #log: string[] = [];
  #child: ChildProcess | undefined;
  #isWanted = true;
  kills = 0;
  readonly end: Promise<void>;

  constructor(words: () => readonly string[], place: Place = here) {
    this.#words = words;
    this.#place = place;
    this.end = this.#keep();
  }

  get said(): string {
    return this.#log.join('');
  }

  kill(): boolean {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) return false;
    this.kills++;
    return this.#child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#child?.kill('SIGKILL');
    await this.end;
  }

  async #keep(): Promise<void> {
    while (this.#isWanted) {
      const [first = '', ...rest] = [...this.#place.prefix, process.execPath, program, ...this.#words()];
      const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
      this.#child = child;
      living.add(child);
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (bytes: Buffer) => this.#log.push(bytes.toString()));
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      living.delete(child);
      // As a service manager does, where the server happens to be away at the start.
      const isAway = code === 2 && /No NATS server can be reached[^\n]*\n?$/.test(this.said);
      if (isAway) {
        await wait(200);
        continue;
      }
      if (signal !== 'SIGKILL' && code !== 0 && this.#isWanted)
        throw new Error(
          `rlpd ${this.#words().join(' ')} ended with ${code ?? signal}: ${this.said.slice(-2000)}`,
        );
      if (signal === null) return;
    }
  }
}

function flagsOf(settings: Readonly<Partial<Record<keyof RunSettings, unknown>>>): string[] {
  return Object.entries(settings).flatMap(([key, value]) => [`--${kebabCase(key)}`, String(value)]);
}

interface FleetOptions {
  readonly name: string;
  readonly url: string;
  readonly actors: number;
  readonly settings: Readonly<Partial<RunSettings>>;
  readonly planSeconds?: number;
  readonly place?: Place;
}

/** A learner and its actors, each in a process of its own. */
function startFleet({ name, url, actors, settings, planSeconds = 2, place = here }: FleetOptions) {
  const run = join(folder, name);
  const common = ['--nats', url, '--run', name];
  const learner = new Kept(() => {
    const words = ['learner', '--out', run, ...common, '--plan-timeout', String(planSeconds)];
    const first = [...words, '--in-flight', '3', ...flagsOf(settings)];
    return existsSync(join(run, 'config.json')) ? [...words, '--resume'] : first;
  });
  const playing = Array.from({ length: actors }, () => new Kept(() => ['actor', ...common], place));
  // An actor that was killed at the very end would wait for the run to go on.
  const isLearnt = learner.end.then(() => Promise.all(playing.map((actor) => actor.stop())));
  const finished = Promise.all([isLearnt, ...playing.map(({ end }) => end)]);
  return { run, learner, playing, finished };
}

/** Every episode that was committed is in the replay and in the metrics, once, by its number. */
async function requireEpisodes(run: string, what: string): Promise<void> {
  const episodes = (await readMetrics(run)).flatMap((line) =>
    line.kind === 'episode' ? [line.plan ?? -1] : [],
  );
  const replay = (await openDataset(join(run, 'replay'))).length;
  const isWhole = episodes.length === replay && episodes.every((plan, i) => plan === i) && replay > 0;
  require(isWhole, `${what}: ${replay} episodes in the replay, ${episodes.length} in the metrics, each once`);
}

async function kills(): Promise<void> {
  const wanted = Number(values.kills);
  const killed = { actor: 0, learner: 0, server: 0 };
  const sum = () => killed.actor + killed.learner + killed.server;
  for (let round = 0; sum() < wanted; round++) {
    const store = join(folder, `store-${round}`);
    let server = await ServerProcess.start(store);
    const { run, learner, playing, finished } = startFleet({
      name: `kills-${round}`,
      url: server.url,
      actors: 2,
      settings: { ...fleetSettings, envFrames: 30_000, checkpointInterval: 4000 },
    });
    let isOver = false;
    const over = finished.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    while (!isOver && sum() < wanted) {
      await Promise.race([wait(1000 + random.integer(4000)), over]);
      if (isOver) break;
      const dice = random.integer(6);
      if (dice === 0) {
        await server.kill();
        await wait(random.integer(500));
        server = await ServerProcess.start(store, server.port);
        killed.server++;
      } else if (dice === 1) {
        if (learner.kill()) killed.learner++;
      } else if (playing[dice % 2]?.kill()) killed.actor++;
    }
    await over;
    await server.kill();
    await requireEpisodes(run, `run ${round} after ${sum()} kills in all`);
    await rm(run, { recursive: true, force: true });
  }
  say(`kills: ${killed.actor} of actors, ${killed.learner} of learners, ${killed.server} of servers`);
}

/** A nats-server that can be killed, which `EmbeddedServer` has no reason to be. */
class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  static async start(store: string, port?: number, flags: readonly string[] = []): Promise<ServerProcess> {
    const own = port ?? (await freePort());
    const words = ['-a', '127.0.0.1', '-p', String(own), '-js', '-sd', store, ...flags];
    const child = spawn(findNatsServer() ?? 'nats-server', words, { stdio: 'ignore' });
    living.add(child);
    return new ServerProcess(own, child);
  }

  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit');
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await exit;
    }
    living.delete(this.#child);
  }
}

/** As the system chooses it. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function ordered(): Promise<void> {
  const hashes: string[] = [];
  for (const [actors, deaths] of [
    [1, 0],
    [3, 0],
    [3, 10],
  ] as const) {
    const server = await EmbeddedServer.start(join(folder, `ordered-${actors}-${deaths}`));
    const { run, learner, playing, finished } = startFleet({
      name: `ordered-${actors}-${deaths}`,
      url: server.url,
      actors,
      settings: { ...fleetSettings, envFrames: 30_000 },
      planSeconds: 1,
    });
    let [isOver, killed] = [false, 0];
    const over = finished.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    while (!isOver && killed < deaths) {
      await Promise.race([wait(300 + random.integer(1200)), over]);
      const victims = [learner, ...playing, ...playing];
      if (!isOver && victims[random.integer(victims.length)]?.kill()) killed++;
    }
    await over;
    await server.close();
    hashes.push(await weightsHash(run));
    say(`${actors} actors, ${killed} kills: weights ${hashes.at(-1)?.slice(0, 16)}`);
  }
  require(new Set(hashes).size ===
    1, 'ordered: 1 actor, 3 actors, 3 actors with 10 kills lead to the same weights');
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** A run of the pixels that people train on, with few updates: what episodes cost. */
const pixelSettings = {
  task: 'cartpole-swingup',
  obs: 'pixels',
  offlineMode: 'none',
  backend: 'auto',
  randomSteps: 1_000_000,
  evaluationInterval: 1_000_000_000,
  evaluationEpisodes: 1,
  checkpointInterval: 1_000_000_000,
} as const;

async function speed(): Promise<void> {
  for (const task of ['cartpole-swingup', 'walker-walk']) await transport(task);
  await framesPerSecond();
}

/** Env frames a second of actors and of `collect`, both by chance, in alternation. */
async function framesPerSecond(): Promise<void> {
  const rates = new Map<string, number[]>();
  const add = (name: string, rate: number) => rates.set(name, [...(rates.get(name) ?? []), rate]);
  for (let round = 0; round < 3; round++) {
    for (const workers of [1, 2]) {
      const started = performance.now();
      const episodes = 8;
      await collect({
        task: 'cartpole-swingup',
        folder: join(folder, `collect-${round}-${workers}`),
        behaviours: await behaviours('cartpole-swingup', 'random', episodes),
        mode: 'sample',
        environment: { actionRepeat: 8 },
        seed: round,
        details: {},
        workers,
      });
      add(`collect, ${workers} threads`, (1000 * episodes) / ((performance.now() - started) / 1000));
    }
    for (const actors of [1, 2, 4]) {
      const server = await EmbeddedServer.start(join(folder, `speed-${round}-${actors}`));
      const { run, finished } = startFleet({
        name: `speed-${round}-${actors}`,
        url: server.url,
        actors,
        settings: { ...pixelSettings, envFrames: 16_000, actionRepeat: 8 },
      });
      await finished;
      await server.close();
      // Whoever has yet to start plays nothing: from the fourth episode on.
      const lines = (await readMetrics(run)).filter(({ kind }) => kind === 'episode');
      const [first, last] = [lines[3], lines.at(-1)];
      if (first !== undefined && last !== undefined)
        add(
          `${actors} actors`,
          (last.envFrames - first.envFrames) / ((last.seconds ?? 0) - (first.seconds ?? 0)),
        );
    }
  }
  for (const [name, list] of rates)
    say(
      `env frames/s, ${name}: median ${median(list).toFixed(0)} of ${list.map((rate) => rate.toFixed(0)).join(', ')}`,
    );
}

/** What an episode takes to be played, and what to be packed, committed and received. */
async function transport(task: string): Promise<void> {
  const server = await EmbeddedServer.start(join(folder, `transport-${task}`));
  const config = resolveConfig({ flags: { ...pixelSettings, actionRepeat: 2 } });
  const environment = await EnvironmentWorker.create(task, environmentOptions(config));
  const { observationSpace, spec } = environment;
  const address = { url: server.url };
  const learner = await LearnerSide.open(
    {
      address,
      run: 'transport',
      spec: {
        protocol: PROTOCOL,
        version: PACKAGE_VERSION,
        owner: randomUUID(),
        place: folder,
        config: {},
        layout: { images: [], stateSize: 1, actionSize: spec.actionSize },
        mode: 'free',
        lanes: ['any'],
        planSeconds: 30,
        isFinished: false,
      },
      isResumed: false,
      replaces: false,
      maxRecordBytes: 2 ** 30,
      keepPolicies: 2,
    },
    () => {},
  );
  await learner.publishPolicy(0, new Uint8Array(10));
  const actor = await ActorSide.open({ address, run: 'transport', lane: 'any', name: 'soak' }, () => {});
  await actor.spec();
  const manifest = recordManifest(observationSpace, spec);
  const play = async (n: number) => {
    const episode = await rollout({
      environment,
      policy: async () => Float32Array.from({ length: spec.actionSize }, () => random.uniform(-1, 1)),
      seed: n,
    });
    if (episode === undefined) throw new Error('It was stopped.');
    return episode;
  };
  const took = new Map<string, number[]>();
  let bytes = 0;
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    took.set(what, [...(took.get(what) ?? []), performance.now() - start]);
    return result;
  };
  const handOver = async (n: number, episode: Awaited<ReturnType<typeof play>>): Promise<void> => {
    const record = await timed('packed', () => pack(episode, n, manifest));
    bytes = record.length;
    await timed('committed', () => actor.commit(n, { policy: 0, envFrames: episode.envFrames }, record));
    await timed('received', () => learner.nextArrival({ n }));
    await timed('unpacked', () => unpack(record, n, manifest, maxSteps(spec)));
  };
  const episodes = 5;
  for (let round = 0; round < 3; round++) {
    await timed('alone', async () => {
      for (let i = 0; i < episodes; i++) await play(i);
    });
    // As an actor does it: one is handed over while the next one is played.
    await timed('handed over', async () => {
      let handing = Promise.resolve();
      for (let i = 0; i < episodes; i++) {
        const n = round * episodes + i;
        await learner.issue({ n, policy: 0, isWarmUp: true, seed: n, noiseSeed: n }, 'any');
        await actor.nextPlan();
        const episode = await play(i);
        await handing;
        handing = handOver(n, episode);
      }
      await handing;
    });
  }
  const of = (what: string): number => median(took.get(what) ?? []);
  const words = ['packed', 'committed', 'received', 'unpacked'].map(
    (what) => `${what} ${of(what).toFixed(0)} ms`,
  );
  say(
    `${task}: an episode of 1,000 env frames at 64 px has ${(bytes / 2 ** 20).toFixed(2)} MiB; ${words.join(', ')}`,
  );
  const share = 1 - of('alone') / of('handed over');
  require(share <=
    0.1, `${task}: ${episodes} episodes take ${of('alone').toFixed(0)} ms, handed over ${of('handed over').toFixed(0)}: a share of ${(100 * share).toFixed(1)}%`);
  await actor.close();
  await learner.close();
  await environment.close();
  await server.close();
}

/** Of `train` and of a learner with one actor, at the same load: both make their updates while one environment plays. */
async function updates(): Promise<void> {
  const rates: Record<'train' | 'learner', number[]> = { train: [], learner: [] };
  const small = {
    ...pixelSettings,
    ...{ envFrames: 3000, randomSteps: 250, logInterval: 100, actionRepeat: 4 },
    ...{ batchSize: 64, ensembleSize: 2, replayCapacity: 3000 },
  } as const;
  for (let round = 0; round < 3; round++) {
    for (const kind of ['train', 'learner'] as const) {
      const name = `${kind}-${round}`;
      const run = join(folder, name);
      if (kind === 'train') await new Kept(() => ['train', '--out', run, ...flagsOf(small)]).end;
      else {
        const server = await EmbeddedServer.start(join(folder, `updates-${round}`));
        await startFleet({ name, url: server.url, actors: 1, settings: small }).finished;
        await server.close();
      }
      const lines = (await readMetrics(run)).filter((line) => line.updates > 0 && line.kind !== 'evaluation');
      const [first, last] = [lines[0], lines.at(-1)];
      if (first !== undefined && last !== undefined)
        rates[kind].push((last.updates - first.updates) / ((last.seconds ?? 0) - (first.seconds ?? 0)));
    }
  }
  const ratio = median(rates.learner) / median(rates.train);
  const words = (list: readonly number[]) =>
    `${median(list).toFixed(1)} of ${list.map((rate) => rate.toFixed(1)).join(', ')}`;
  say(`updates/s: train ${words(rates.train)}; learner ${words(rates.learner)}; ratio ${ratio.toFixed(2)}`);
}

async function cluster(): Promise<void> {
  const ports = await Promise.all([1, 2, 3].map(async () => [await freePort(), await freePort()] as const));
  const routes = ports.map(([, route]) => `nats://127.0.0.1:${route}`).join(',');
  const servers = await Promise.all(
    ports.map(([port, route], i) =>
      ServerProcess.start(join(folder, `cluster-${i}`), port, [
        ...['--server_name', `n${i}`, '--cluster_name', 'soak'],
        ...['--cluster', `nats://127.0.0.1:${route}`, '--routes', routes],
      ]),
    ),
  );
  await wait(5000);
  const url = servers.map((server) => server.url).join(',');
  const { run, finished } = startFleet({
    name: 'cluster',
    url,
    actors: 2,
    settings: { ...fleetSettings, envFrames: 40_000 },
  });
  const killing = killAfterEpisodes(run, 3, servers);
  await finished;
  await killing;
  await requireEpisodes(run, 'cluster: one of three servers was killed during the run');
  for (const server of servers) await server.kill();
}

async function killAfterEpisodes(
  run: string,
  episodes: number,
  servers: readonly ServerProcess[],
): Promise<void> {
  for (;;) {
    const text = await readFile(join(run, 'metrics.jsonl'), 'utf8').catch(() => '');
    if (text.split('"kind":"episode"').length > episodes) break;
    await wait(50);
  }
  const connection = await connectNats({ servers: servers[1]?.url ?? '' });
  const { config } = await (await jetstream(connection).jetstreamManager()).streams.info(EPISODES);
  require(config.num_replicas === 3, `cluster: ${config.num_replicas} servers keep the episodes`);
  await connection.close();
  await servers[0]?.kill();
  say('cluster: one of the three servers is killed');
}

/** Actors in a network namespace behind a link of 40 ms with 1% loss, which is cut for 60 s in the middle of the run. */
async function network(): Promise<void> {
  const name = `soak${process.pid}`;
  const [near, far] = [`v${process.pid}a`, `v${process.pid}b`];
  const subnet = `10.${200 + (process.pid % 50)}.${process.pid % 250}`;
  const ip = (...words: readonly string[]) => execFileSync('ip', [...words]);
  ip('netns', 'add', name);
  try {
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
    ip('addr', 'add', `${subnet}.1/24`, 'dev', near);
    ip('link', 'set', near, 'up');
    ip('-n', name, 'addr', 'add', `${subnet}.2/24`, 'dev', far);
    ip('-n', name, 'link', 'set', far, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    const { port: behind, impairment } = await impair(ip, near, far, name);
    const certificates = await makeCertificate(`${subnet}.1`);
    const port = behind.server;
    const configuration = join(folder, 'network.conf');
    await writeFile(
      configuration,
      `port: ${port}\njetstream { store_dir: "${join(folder, 'network-store')}" }\ntls { cert_file: "${certificates.certificate}", key_file: "${certificates.key}" }\nauthorization { user: soak, password: secret }\n`,
    );
    const server = spawn(findNatsServer() ?? 'nats-server', ['-c', configuration], { stdio: 'ignore' });
    living.add(server);
    await wait(1000);
    const run = join(folder, 'network');
    const common = ['--nats', `tls://soak:secret@${subnet}.1:${port}`, '--tls-ca', certificates.certificate];
    const settings = { ...fleetSettings, envFrames: 100_000 };
    const named = [...common, '--run', 'network'];
    const throughLink = named.map((word) => word.replace(`:${port}`, `:${behind.actors}`));
    const learner = new Kept(() => [
      'learner',
      '--out',
      run,
      ...named,
      '--plan-timeout',
      '5',
      ...flagsOf(settings),
    ]);
    const actors = [1, 2].map(
      () => new Kept(() => ['actor', ...throughLink], { prefix: ['ip', 'netns', 'exec', name] }),
    );
    const finished = Promise.all([learner.end, ...actors.map(({ end }) => end)]);
    const isPlayed = Promise.race([finished.then(() => false), wait(1e9, true, { ref: false })]);
    const episodes = async () =>
      (await readFile(join(run, 'metrics.jsonl'), 'utf8').catch(() => '')).split('"kind":"episode"').length -
      1;
    while ((await episodes()) < 5 && (await Promise.race([wait(100, true), isPlayed])));
    ip('link', 'set', near, 'down');
    const before = await episodes();
    say(`network: ${impairment}; cut off after ${before} episodes`);
    await wait(60_000);
    const during = (await episodes()) - before;
    ip('link', 'set', near, 'up');
    say(`network: there again; ${during} episodes came meanwhile`);
    await finished;
    await requireEpisodes(run, `network (${impairment}, cut off for 60 s)`);
    server.kill();
  } finally {
    ip('netns', 'del', name);
    try {
      ip('link', 'del', near);
    } catch {}
  }
}

const DELAY_MS = 40;

/**
 * Makes the link slow and lossy: by netem where the kernel has it, else the loss by a rule of nftables and the delay by a
 * proxy before the server.
 */
async function impair(
  ip: (...words: readonly string[]) => unknown,
  near: string,
  far: string,
  name: string,
): Promise<{ port: { server: number; actors: number }; impairment: string }> {
  const server = await freePort();
  const delayed = `${DELAY_MS} ms each way`;
  try {
    const netem = ['root', 'netem', 'delay', `${DELAY_MS}ms`, 'loss', '1%'];
    execFileSync('tc', ['qdisc', 'add', 'dev', near, ...netem], { stdio: 'pipe' });
    ip('netns', 'exec', name, 'tc', 'qdisc', 'add', 'dev', far, ...netem);
    return { port: { server, actors: server }, impairment: `${delayed}, 1% loss by netem` };
  } catch {
    say('network: the kernel has no netem');
  }
  const actors = await freePort();
  createServer((from) => {
    const to = connect(server, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on('data', (bytes) => setTimeout(() => other.writable && other.write(bytes), DELAY_MS));
      one.on('close', () => setTimeout(() => other.destroy(), DELAY_MS));
      one.on('error', () => {});
    }
  }).listen(actors, '0.0.0.0');
  const chain = 'chain c {\ntype filter hook input priority 0;\nnumgen random mod 100 < 1 drop\n}';
  const rules = `table inet ${name} {\n${chain}\n}\n`;
  execFileSync('ip', ['netns', 'exec', name, 'nft', rules], { stdio: 'pipe' });
  return { port: { server, actors }, impairment: `${delayed} by a proxy, 1% loss by nftables` };
}

async function makeCertificate(address: string): Promise<{ certificate: string; key: string }> {
  const place = join(folder, 'tls');
  await mkdir(place);
  const [certificate, key] = [join(place, 'cert.pem'), join(place, 'key.pem')];
  const subject = ['-subj', '/CN=soak', '-addext', `subjectAltName=IP:${address}`];
  const out = ['-keyout', key, '-out', certificate];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...out],
    { stdio: 'pipe' },
  );
  return { certificate, key };
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  kills,
  ordered,
  speed,
  updates,
  cluster,
  network,
};
const chosen = positionals.length > 0 ? positionals : ['kills', 'ordered', 'speed', 'updates', 'cluster'];
say(
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, nats-server ${execFileSync(
    findNatsServer() ?? 'nats-server',
    ['--version'],
  )
    .toString()
    .trim()}`,
);
try {
  for (const name of chosen) await parts[name]?.();
} finally {
  for (const child of living) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
}
process.exit(failures > 0 ? 1 : 0);
