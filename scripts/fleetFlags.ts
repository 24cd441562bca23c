/** Flags of the commands that work through a NATS server. */
import type { Command } from 'commander';
import { InputError } from '../src/errors.js';
import type { ServerAddress } from '../src/fleet/connect.js';

export interface ServerFlags {
  readonly nats?: string;
  readonly credentials?: string;
  readonly tlsCa?: string;
}

export function addServerFlags(command: Command): Command {
  return command
    .option(
      '--nats <url>',
      'the NATS server: nats://HOST:PORT on this machine, tls://HOST:PORT elsewhere; several with commas between',
    )
    .option(
      '--credentials <file>',
      'who this is to the server: a .creds file, or one with the seed of an nkey',
    )
    .option('--tls-ca <file>', "PEM file of the authority behind the server's certificate");
}

/** Of a command that does nothing without a server. */
export function requireServer(command: Command): Command {
  for (const option of command.options) if (option.long === '--nats') option.makeOptionMandatory();
  return command;
}

/** Undefined where there is no server. @throws InputError where it is said who this is, and not to whom */
export function optionalAddress(flags: ServerFlags): ServerAddress | undefined {
  const { nats, credentials, tlsCa } = flags;
  if (nats !== undefined) return serverAddress(nats, flags);
  const alone = credentials !== undefined ? '--credentials' : tlsCa !== undefined ? '--tls-ca' : undefined;
  if (alone !== undefined)
    throw new InputError(`${alone} is for a NATS server: say by --nats where that is, or leave it out.`);
  return undefined;
}

export function serverAddress(url: string, { credentials, tlsCa }: ServerFlags): ServerAddress {
  return { url, credentials, certificateAuthority: tlsCa };
}
