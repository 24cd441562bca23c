/** A policy on its way to actors: the weights that acting reads, as a safetensors file. */
import { z } from 'zod';
import { InputError } from '../errors.js';
import { decodeSafetensors, floatTensors, type SafetensorsFile } from '../files/safetensors.js';

type Tensors = ReadonlyMap<string, { readonly shape: number[]; readonly data: Float32Array }>;

export interface PolicyMessage {
  readonly tensors: Tensors;
  /** What the noise of its actions is multiplied by. */
  readonly explorationNoise: number;
}

const number = z.string().transform(Number).pipe(z.number().min(0));
const metadataSchema = z.object({ version: number, explorationNoise: number });

export function policyFile(tensors: Tensors, version: number, explorationNoise: number): SafetensorsFile {
  return { tensors, metadata: { version: String(version), explorationNoise: String(explorationNoise) } };
}

/** @throws InputError where the bytes are not that policy */
export function readPolicyMessage(bytes: Uint8Array, version: number): PolicyMessage {
  const where = `Policy ${version}`;
  const file = decodeSafetensors(bytes, where);
  const metadata = metadataSchema.safeParse(file.metadata);
  if (!metadata.success || metadata.data.version !== version)
    throw new InputError(`${where} of the server is not the one that its name says.`);
  return { tensors: floatTensors(file), explorationNoise: metadata.data.explorationNoise };
}
