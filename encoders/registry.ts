/** The encoders a run may name (`--encoder`), and how another joins them. */
import { drqv2Encoder } from './drqv2.js';
import type { Encoder } from './encoder.js';
import { rlpdEncoder } from './rlpd.js';
import { rlpdSmallEncoder } from './rlpdSmall.js';

const encoders = new Map<string, Encoder>(
  [rlpdEncoder, rlpdSmallEncoder, drqv2Encoder].map((encoder) => [encoder.name, encoder]),
);

/** Adds an encoder under its name. @throws Error when the name is taken. */
export function registerEncoder(encoder: Encoder): void {
  if (encoders.has(encoder.name)) throw new Error(`There already is an encoder named "${encoder.name}".`);
  encoders.set(encoder.name, encoder);
}

/** The encoder of that name, if there is one. */
export function findEncoder(name: string): Encoder | undefined {
  return encoders.get(name);
}

export function encoderNames(): string[] {
  return [...encoders.keys()];
}
