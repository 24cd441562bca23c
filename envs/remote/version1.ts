/**
 * What servers of version 1 of the protocol say, in the words of version 2. They have one picture at most, and name
 * neither it nor their actions' box.
 */
import { z } from 'zod';
import { bytes, outcome, pictureShape, positive, size } from './fields.js';

/** What its one picture is called, which has no name of its own. */
export const VERSION_1_IMAGE = 'remote';

const observed = { state: bytes.nullable(), pixels: bytes.nullable() };

export const version1 = {
  hello: z
    .object({
      protocol: z.literal(1),
      name: z.string().min(1),
      renderer: z.string(),
      actionSize: size.min(1),
      stateSize: size,
      pixels: pictureShape.nullable(),
      renders: z.boolean(),
      maxSteps: positive.nullable(),
      timestep: z.number().positive(),
    })
    .transform(({ protocol: _, pixels, ...rest }) => ({
      ...rest,
      images: pixels === null ? [] : [{ key: VERSION_1_IMAGE, shape: pixels }],
      actionLow: null,
      actionHigh: null,
    })),
  reset: z.object(observed).transform(withImages),
  step: z.object({ ...observed, ...outcome }).transform(withImages),
};

function withImages<T extends { readonly pixels: Uint8Array | null }>({ pixels, ...rest }: T) {
  return { ...rest, images: pixels === null ? {} : { [VERSION_1_IMAGE]: pixels } };
}
