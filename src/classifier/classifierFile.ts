/** A success detector in one safetensors file: its weights, and beside them what they look at and how well they did. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InputError } from '../errors.js';
import { decodeSafetensors, floatTensors, readMetadata, writeSafetensors } from '../files/safetensors.js';
import { sha256Of } from '../files/sha256.js';
import { Generator } from '../random/generator.js';
import { ClassifierNetwork, classifierShapeSchema } from './network.js';

/** The key of the file's metadata that holds the rest as JSON: safetensors metadata is text alone. */
const METADATA_KEY = 'rlpd-pixels-classifier';

const share = z.number().min(0).max(1).nullable();
/** On episodes that it did not learn from. */
const scoreSchema = z.object({
  threshold: z.number(),
  episodes: z.int(),
  /** Of those it calls successes, how many are; null where it calls none so. */
  precision: share,
  /** Of the successes, how many it finds; null where there are none. */
  recall: share,
  /** Successes that it saw before they were there. */
  early: z.int(),
});
export type ClassifierScore = z.infer<typeof scoreSchema>;

const metadataSchema = z.object({
  version: z.literal(1, { error: 'only version 1 is read here' }),
  shape: classifierShapeSchema,
  score: scoreSchema,
});

/** Whole or not at all. @returns the file's SHA-256 */
export async function writeClassifier(
  path: string,
  network: ClassifierNetwork,
  score: ClassifierScore,
): Promise<string> {
  const metadata = JSON.stringify({ version: 1, shape: network.shape, score });
  return writeSafetensors(path, {
    tensors: await network.weights(),
    metadata: { [METADATA_KEY]: metadata },
  });
}

export interface ReadClassifier {
  /** On the tensor backend in use. */
  readonly network: ClassifierNetwork;
  readonly score: ClassifierScore;
}

/** @throws InputError where the file is no classifier of this program */
export async function readClassifier(path: string): Promise<ReadClassifier> {
  const file = decodeSafetensors(await readBytes(path), path);
  const { shape, score } = readMetadata(file, {
    path,
    key: METADATA_KEY,
    schema: metadataSchema,
    what: 'classifier',
    absent: 'holds no classifier: expected one that "rlpd classifier train" wrote',
  });
  const network = new ClassifierNetwork(shape, new Generator(0));
  try {
    network.restore(floatTensors(file), path);
  } catch (error) {
    network.dispose();
    throw error;
  }
  return { network, score };
}

/** SHA-256 of the file. @throws InputError where there is none */
export async function classifierHash(path: string): Promise<string> {
  return sha256Of(await readBytes(path));
}

function readBytes(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EISDIR')
      throw new InputError(
        `${path} is not a file: expected a classifier that "rlpd classifier train" wrote.`,
      );
    throw error;
  });
}
