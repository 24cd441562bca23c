/** How a client and a server come to know each other: hellos, in a version of the protocol that both speak. */
import type { Connection } from './connection.js';
import {
  type Address,
  type Facts,
  packRequest,
  parseHello,
  protocolVersion,
  RefusedError,
} from './protocol.js';

/** Holds the token that the server was started with. */
export const tokenVariable = 'RLPD_REMOTE_TOKEN';

/** What the server said of itself, and in which version of the protocol. */
export interface Introduction {
  readonly facts: Facts;
  readonly version: number;
}

/** In milliseconds. */
export interface IntroductionTimes {
  /** For connecting once. */
  readonly connectMs: number;
  /** For an answer; resets and first pictures are slow in some environments. */
  readonly answerMs: number;
}

/**
 * Connects and exchanges hellos. A server that refuses this version of the protocol is asked for the first one.
 * @throws ConnectionLost, InputError
 */
export function introduce(connection: Connection, address: Address, times: IntroductionTimes): Introduction {
  const greet = (protocol: number): Introduction => {
    connection.connect(times.connectMs);
    const token = process.env[tokenVariable] ?? null;
    const body = connection.exchange(packRequest({ op: 'hello', protocol, token }), times.answerMs);
    return parseHello(body, addressName(address));
  };
  try {
    return greet(protocolVersion);
  } catch (error) {
    if (!(error instanceof RefusedError) || !/protocol/i.test(error.message)) throw error;
    try {
      return greet(1);
    } catch (again) {
      throw again instanceof RefusedError ? error : again;
    }
  }
}

/** As people write it. */
export function addressName({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
