/**
 * The way to the NATS server. On this machine itself nothing is asked for; beyond it the connection must be encrypted
 * and say who is there.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
} from '@nats-io/transport-node';
import { InputError } from '../errors.js';

/** A server greets whoever comes. */
const ANSWER_SECONDS = 5;

export interface ServerAddress {
  /** nats://HOST:PORT or tls://HOST:PORT, several separated by commas; with USER:PASSWORD@ or TOKEN@ before the host. */
  readonly url: string;
  /** A .creds file, or one with an nkey's seed. */
  readonly credentials?: string | undefined;
  /** PEM file of the authority that signed the server's certificate, where the system does not know it. */
  readonly certificateAuthority?: string | undefined;
}

/**
 * @param onNote told when the connection is lost and found again
 * @throws InputError where the address asks for less safety than it needs, or no server answers
 */
export async function connectTo(
  address: ServerAddress,
  name: string,
  onNote: (line: string) => void,
): Promise<NatsConnection> {
  const urls = address.url.split(',').map(parseUrl);
  const isEncrypted = urls.some(({ protocol }) => protocol === 'tls:');
  const [{ username, password }] = urls as [URL];
  requireSafety(urls, address);
  const where = urls.map(({ host }) => host).join(', ');
  const authenticator = await readCredentials(address.credentials);
  const ca = await readAuthority(address.certificateAuthority);
  const connection = await connect({
    servers: urls.map(({ host }) => host),
    name,
    timeout: ANSWER_SECONDS * 1000,
    // It comes back, whenever that is.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    ...(isEncrypted && { tls: { ...(ca !== undefined && { ca }), ...identifiedBy(urls) } }),
    ...(authenticator && { authenticator }),
    ...(username !== '' &&
      (password === ''
        ? { token: decodeURIComponent(username) }
        : { user: decodeURIComponent(username), pass: decodeURIComponent(password) })),
  }).catch((error: Error) => {
    throw new InputError(reasonOf(error, where));
  });
  void tell(connection, where, onNote);
  return connection;
}

/**
 * A certificate has to name the server, by its address too where that is a number, which the client would take for
 * "localhost".
 */
function identifiedBy(urls: readonly URL[]): Pick<ConnectionOptions, 'checkServerIdentity'> {
  const numbers = urls
    .map(({ hostname }) => hostname.replace(/^\[|\]$/g, ''))
    .filter((name) => isIP(name) > 0);
  if (numbers.length === 0) return {};
  return {
    checkServerIdentity: (host, certificate) => {
      const names = isIP(host) > 0 || host === 'localhost' ? numbers : [host];
      const problems = names.map((name) => checkServerIdentity(name, certificate));
      return problems.includes(undefined) ? undefined : problems[0];
    },
  };
}

/** Why there is no connection, with what to do. */
function reasonOf(error: Error, where: string): string {
  const code = [error, error.cause].flatMap((each) =>
    each instanceof Error && 'code' in each ? [String(each.code)] : [],
  )[0];
  if (error.name === 'AuthorizationError')
    return `The NATS server at ${where} does not let this one in: ${error.message}. Say who you are by --credentials FILE or a password in --nats.`;
  if (/does not support 'tls'/.test(error.message))
    return `The NATS server at ${where} does not encrypt: give it a certificate (tls in its configuration), or say nats:// where it runs on this machine.`;
  if (/unexpected response|invalid.*INFO/i.test(error.message) || code === 'EPROTO')
    return `What listens at ${where} is no NATS server: say by --nats which port the server has (4222, unless it was told another).`;
  if (error.name === 'TimeoutError')
    return `Nothing at ${where} answered as a NATS server within ${ANSWER_SECONDS} seconds: the port is another program's, or something between lets nothing through; say by --nats where the server is.`;
  if (/CERT|SIGNATURE|ISSUER/.test(code ?? ''))
    return `The certificate of the NATS server at ${where} is not to be believed: ${(error.cause as Error | undefined)?.message ?? error.message}. Name the authority behind it by --tls-ca FILE, and the server by the name that stands in it.`;
  return `No NATS server can be reached at ${where}: ${error.message}. Start one (nats-server -js), or say by --nats where it is.`;
}

/** An address as it may be shown: without its password. */
export function withoutSecrets(url: string): string {
  return url.replaceAll(/\/\/[^/@,]*@/g, '//');
}

function parseUrl(text: string): URL {
  const withScheme = /^[a-z]+:\/\//.test(text) ? text : `nats://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || !['nats:', 'tls:'].includes(url.protocol) || url.host === '')
    throw new InputError(
      `--nats ${text} is no address of a NATS server: expected nats://HOST:PORT or tls://HOST:PORT.`,
    );
  return url;
}

function requireSafety(urls: readonly URL[], { credentials }: ServerAddress): void {
  const far = urls.find(({ hostname }) => !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname));
  if (far === undefined) return;
  const isKnown = credentials !== undefined || urls.every(({ username }) => username !== '');
  if (isKnown && urls.every(({ protocol }) => protocol === 'tls:')) return;
  throw new InputError(
    `${far.hostname} is another machine: give its address as tls://${far.host} and say who you are, by --credentials FILE or tls://USER:PASSWORD@${far.host}, so that nobody between can read or act in the run.`,
  );
}

/** A .creds file holds a token too, a seed stands alone. */
async function readCredentials(path: string | undefined): Promise<Authenticator | undefined> {
  if (path === undefined) return undefined;
  const bytes = await readFile(path).catch((error: Error) => {
    throw new InputError(`--credentials ${path} cannot be read: ${error.message}.`);
  });
  const text = bytes.toString('utf8').trim();
  const authenticator = text.includes('-----BEGIN')
    ? credsAuthenticator(bytes)
    : nkeyAuthenticator(Buffer.from(text));
  try {
    // As the server will ask, which is else too late to say what is wrong.
    authenticator('nonce');
  } catch (error) {
    throw new InputError(
      `--credentials ${path} holds nothing to say who this is by (${(error as Error).message}): expected a .creds file, or the seed of an nkey, which begins with SU.`,
    );
  }
  return authenticator;
}

async function readAuthority(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new InputError(`--tls-ca ${path} cannot be read: ${error.message}.`);
  });
}

async function tell(
  connection: NatsConnection,
  where: string,
  onNote: (line: string) => void,
): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === 'disconnect') onNote(`The connection to the NATS server at ${where} is lost: trying again.`);
    if (type === 'reconnect') onNote(`The NATS server at ${where} is there again.`);
  }
}
