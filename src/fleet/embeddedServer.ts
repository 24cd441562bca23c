/** A NATS server that a learner starts for actors on its own machine, on a port that the system chooses. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { InputError } from '../errors.js';
import { makeFolder } from '../files/makeFolder.js';

const portsSchema = z.object({ nats: z.array(z.string()).min(1) });
/** How often the file is looked for in which the server says where it listens. */
const LOOK_MS = 20;
/** Ends the server when this process does, whose end of the pipe is then closed; and ends when the server does. */
const KEEPER =
  'exec 3<&0; "$@" & server=$!; { cat <&3 > /dev/null; kill $server 2> /dev/null; } & wait $server';

/** The program: `NATS_SERVER`, else the first on the path; undefined where there is none. */
export function findNatsServer(): string | undefined {
  const { NATS_SERVER: own, PATH = '' } = process.env;
  if (own !== undefined && own !== '') return own;
  return PATH.split(delimiter)
    .map((folder) => join(folder, 'nats-server'))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export class EmbeddedServer {
  /** nats://127.0.0.1:PORT */
  readonly url: string;
  readonly #keeper: ChildProcess;

  private constructor(url: string, keeper: ChildProcess) {
    this.url = url;
    this.#keeper = keeper;
  }

  /**
   * @param store where it keeps what it is given, from one time to the next
   * @param port  0: one that is free
   * @throws InputError where there is no nats-server
   */
  static async start(store: string, port = 0): Promise<EmbeddedServer> {
    const program = findNatsServer();
    if (program === undefined)
      throw new InputError(
        'Actors need a NATS server, and nats-server is not on the path: install it (Debian: apt-get install nats-server), name it in NATS_SERVER, or say by --nats where one runs.',
      );
    if (!isExecutable(program))
      throw new InputError(
        `NATS_SERVER names ${program}, which is no program that can be run: give the path of nats-server, or leave it out where that is on the path.`,
      );
    const portsFolder = join(store, 'ports');
    await rm(portsFolder, { recursive: true, force: true });
    await makeFolder(portsFolder);
    const flags = ['-a', '127.0.0.1', '-p', String(port === 0 ? -1 : port), '-js', '-sd', store];
    const command = [program, ...flags, '--ports_file_dir', portsFolder];
    const keeper = spawn('sh', ['-c', KEEPER, 'sh', ...command], {
      stdio: ['pipe', 'ignore', 'pipe'],
      // Ctrl-C in a terminal is not for it: it goes last.
      detached: true,
    });
    keeper.stdin?.on('error', () => {});
    let said = '';
    keeper.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    let hasEnded = false;
    keeper.once('exit', () => {
      hasEnded = true;
    });
    for (;;) {
      const url = await readPorts(portsFolder);
      if (url !== undefined) return new EmbeddedServer(url, keeper);
      if (hasEnded)
        throw new InputError(
          `${program} ended at its start${said.trim() === '' ? '' : `: ${said.trim().split('\n').at(-1)}`}: expected nats-server 2.9 or newer, which can write to ${store}.`,
        );
      await wait(LOOK_MS);
    }
  }

  async close(): Promise<void> {
    if (this.#keeper.exitCode !== null || this.#keeper.signalCode !== null) return;
    const exit = once(this.#keeper, 'exit');
    this.#keeper.stdin?.end();
    await exit;
  }
}

/** Undefined as long as the server has not said it. */
async function readPorts(folder: string): Promise<string | undefined> {
  const [name] = (await readdir(folder)).filter((file) => file.endsWith('.ports'));
  if (name === undefined) return undefined;
  try {
    return portsSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8'))).nats[0];
  } catch {
    // It is being written.
    return undefined;
  }
}
