/** What of the server each side uses, opened once. An actor alone creates nothing. */
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type ObjectStore, Objm } from '@nats-io/obj';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { InputError } from '../errors.js';
import {
  EPISODE_SUBJECTS,
  EPISODES,
  FILES,
  JOB_STATES,
  JOB_SUBJECTS,
  JOBS,
  jobConsumer,
  jobSubjects,
  LEASES,
  laneConsumer,
  PLAN_SUBJECTS,
  PLANS,
  POLICIES,
  RUNS,
  subjects,
  WORKERS,
} from './names.js';
import { passes } from './persistence.js';

export interface Server {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly policies: ObjectStore;
  readonly runs: KV;
  /** Its entries go LEASE_SECONDS after they were written last. */
  readonly leases: KV;
}

/** What studies and workers use. */
export interface JobServer {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Its entries go KEPT_DAYS after they were written last, as files do. */
  readonly states: KV;
  readonly files: ObjectStore;
  /** Its entries go LEASE_SECONDS after they were written last. */
  readonly workers: KV;
}

export const LEASE_SECONDS = 30;
export const KEPT_DAYS = 30;
export const DAY_MS = 24 * 60 * 60 * 1000;
/** Of all runs' episodes that no checkpoint covers yet. */
const EPISODES_BYTES = 2 * 2 ** 30;

/** @throws InputError where the server has no JetStream */
export async function createServer(connection: NatsConnection): Promise<Server> {
  const { js, jsm } = await openJetStream(connection);
  const num_replicas = replicasOn(connection);
  await ensureStream(jsm, {
    name: EPISODES,
    subjects: EPISODE_SUBJECTS,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    // A full stream refuses, and whoever has an episode waits.
    discard: DiscardPolicy.New,
    max_bytes: EPISODES_BYTES,
    allow_direct: true,
    num_replicas,
  });
  await ensureStream(jsm, {
    name: PLANS,
    subjects: PLAN_SUBJECTS,
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
    allow_direct: true,
    num_replicas,
  });
  const kvm = new Kvm(js);
  const kept = { storage: StorageType.File, replicas: num_replicas } as const;
  const runs = await kvm.create(RUNS, { ...kept, history: 1, allow_direct: true });
  const leases = await kvm.create(LEASES, {
    ...kept,
    history: 1,
    allow_direct: true,
    ttl: LEASE_SECONDS * 1000,
  });
  const policies = await new Objm(js).create(POLICIES, kept);
  return { connection, js, jsm, policies, runs, leases };
}

/** @throws InputError where the server has no JetStream */
export async function openJobs(connection: NatsConnection): Promise<JobServer> {
  const { js, jsm } = await openJetStream(connection);
  const replicas = replicasOn(connection);
  await ensureStream(jsm, {
    name: JOBS,
    subjects: JOB_SUBJECTS,
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
    num_replicas: replicas,
  });
  const kvm = new Kvm(js);
  const kept = { storage: StorageType.File, replicas } as const;
  const ttl = KEPT_DAYS * DAY_MS;
  return {
    connection,
    js,
    jsm,
    // Each change follows from what was read, which then has to be the newest.
    states: await kvm.create(JOB_STATES, { ...kept, history: 1, ttl, allow_direct: false }),
    files: await new Objm(js).create(FILES, { ...kept, ttl: nanos(ttl) }),
    workers: await kvm.create(WORKERS, {
      ...kept,
      history: 1,
      ttl: LEASE_SECONDS * 1000,
      allow_direct: false,
    }),
  };
}

/** On a cluster all is kept by three of its servers, so that one of them may go. */
function replicasOn({ info }: NatsConnection): number {
  return info?.cluster !== undefined && (info.connect_urls?.length ?? 0) >= 3 ? 3 : 1;
}

/** Undefined where no learner was ever here. */
export async function openServer(connection: NatsConnection): Promise<Server | undefined> {
  const { js, jsm } = await openJetStream(connection);
  const kvm = new Kvm(js);
  const isThere = (name: string): Promise<boolean> =>
    jsm.streams.info(name).then(
      () => true,
      (error: Error) => {
        if (error.name === 'StreamNotFoundError') return false;
        throw error;
      },
    );
  const streams = [EPISODES, PLANS, `KV_${RUNS}`, `KV_${LEASES}`, `OBJ_${POLICIES}`];
  for (const name of streams) if (!(await isThere(name))) return undefined;
  return {
    connection,
    js,
    jsm,
    policies: await new Objm(js).open(POLICIES),
    runs: await kvm.open(RUNS, { allow_direct: true }),
    leases: await kvm.open(LEASES, { allow_direct: true }),
  };
}

/** Makes the consumer that hands a lane's plans out. */
export async function ensureLane(
  jsm: JetStreamManager,
  run: string,
  lane: string,
  planSeconds: number,
): Promise<void> {
  await jsm.consumers.add(PLANS, {
    durable_name: laneConsumer(run, lane),
    filter_subject: subjects(run).plans(lane),
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(planSeconds * 1000),
    deliver_policy: DeliverPolicy.All,
    max_deliver: -1,
  });
}

/** Makes the consumer that hands a version's jobs out. */
export async function ensureJobs(jsm: JetStreamManager, version: string, jobSeconds: number): Promise<void> {
  await jsm.consumers.add(JOBS, {
    durable_name: jobConsumer(version),
    filter_subject: jobSubjects.jobs(version),
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(jobSeconds * 1000),
    deliver_policy: DeliverPolicy.All,
    max_deliver: -1,
  });
}

async function openJetStream(
  connection: NatsConnection,
): Promise<{ js: JetStreamClient; jsm: JetStreamManager }> {
  // A server says so when it greets; while it is away there is none that does.
  if (connection.info !== undefined && connection.info.jetstream !== true)
    throw new InputError(
      `The NATS server at ${connection.getServer()} cannot keep anything: start it with JetStream (nats-server -js -sd FOLDER).`,
    );
  const js = jetstream(connection);
  return { js, jsm: await js.jetstreamManager() };
}

type StreamSettings = Parameters<JetStreamManager['streams']['add']>[0];

async function ensureStream(
  jsm: JetStreamManager,
  settings: StreamSettings & { name: string },
): Promise<void> {
  try {
    await jsm.streams.info(settings.name);
  } catch (error) {
    if ((error as Error).name !== 'StreamNotFoundError') throw error;
    await jsm.streams.add(settings).catch((refusal: Error) => {
      if (passes(refusal)) throw refusal;
      throw new InputError(
        `The NATS server does not make the stream ${settings.name}: ${refusal.message}. Give its JetStream more room (max_file_store)${settings.max_bytes === undefined ? '' : `: ${settings.name} may take up to ${settings.max_bytes / 2 ** 30} GiB`}.`,
      );
    });
  }
}
