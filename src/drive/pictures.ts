/**
 * What is seen of an environment while it is driven: the camera that was chosen, drawn as large as the time allows, and
 * the others as they are observed.
 */
import type { Frame, ImageSpace, Observation } from '../../envs/environment.js';
import { isRemote } from '../../envs/remote/protocol.js';
import { toSharp } from '../media/toSharp.js';
import { type AnyEnvironment, newestFrame } from '../training/rollout.js';
import type { DriverSeat } from './driverSeat.js';
import { PictureSize } from './pictureSize.js';

/** Height of a picture that is drawn of an environment which observes none. */
const UNSEEN = 64;

export class Pictures {
  readonly #environment: AnyEnvironment;
  readonly #seat: DriverSeat;
  readonly #size = new PictureSize();
  /** An environment elsewhere has the pictures that it sends; and not every environment can be drawn. */
  #canDraw: boolean;
  #encoding: Promise<void> | undefined;

  constructor(environment: AnyEnvironment, seat: DriverSeat, task: string) {
    this.#environment = environment;
    this.#seat = seat;
    this.#canDraw = !isRemote(task) || environment.observationSpace.images.length === 0;
  }

  /**
   * Draws and sends what is seen. It is there when it has been drawn; to encode it takes no time of the loop's.
   * @param input number of the person's input that the last step had heard of
   * @param ms that there are to draw
   */
  async show(observation: Observation, input: number, ms: number): Promise<void> {
    // Who cannot take pictures as fast as they come sees fewer.
    if (!this.#seat.isWatched || this.#encoding !== undefined) return;
    const { images } = this.#environment.observationSpace;
    const { camera } = this.#seat.look;
    const chosen = images.find(({ name }) => name === camera) ?? images[0];
    const drawn = this.#canDraw ? await this.#draw(chosen, ms) : undefined;
    const rest = images.filter((image) => image !== chosen);
    const frames: Named[] = [
      ...(drawn === undefined ? [] : [drawn]),
      ...(drawn === undefined && chosen !== undefined ? [observed(observation, chosen)] : []),
      ...rest.map((image) => observed(observation, image)),
    ];
    this.#encoding = Promise.all(frames.map(encode))
      .then(
        (pictures) => this.#seat.show({ input, pictures }),
        (error: Error) => this.#seat.stand({ note: `What is seen cannot be shown: ${error.message}` }),
      )
      .finally(() => {
        this.#encoding = undefined;
      });
  }

  async #draw(chosen: ImageSpace | undefined, ms: number): Promise<Named | undefined> {
    const { name, width, height } = chosen ?? {
      name: this.#environment.spec.camera,
      width: UNSEEN,
      height: UNSEEN,
    };
    const ratio = width / height;
    const side = this.#size.choose(ms, this.#seat.look.size);
    const began = performance.now();
    try {
      const size = { width: Math.max(1, Math.round(side * ratio)), height: side };
      const frame = await this.#environment.render({
        ...size,
        ...(chosen !== undefined && { camera: name }),
      });
      this.#size.took(side * Math.sqrt(ratio), performance.now() - began);
      return { name, frame, isDrawn: true };
    } catch (error) {
      this.#canDraw = false;
      if (chosen === undefined)
        this.#seat.note({ note: `There is nothing to see of this environment: ${(error as Error).message}` });
      return undefined;
    }
  }
}

interface Named {
  readonly name: string;
  readonly frame: Frame;
  readonly isDrawn: boolean;
}

function observed({ images }: Observation, space: ImageSpace): Named {
  const { name, width, height, channels } = space;
  return { name, frame: { width, height, channels, data: newestFrame(images, space) }, isDrawn: false };
}

/** What is observed is shown pixel for pixel; what is drawn to be looked at may lose what nobody sees. */
async function encode({ name, frame, isDrawn }: Named): Promise<{ name: string; bytes: Uint8Array }> {
  const picture = toSharp(withoutDepth(frame));
  const bytes = await (isDrawn
    ? picture.jpeg({ quality: 90, chromaSubsampling: '4:4:4' })
    : picture.png({ compressionLevel: 1 })
  ).toBuffer();
  return { name, bytes };
}

/** A fourth channel is depth, and a second one nobody knows what. */
function withoutDepth({ width, height, channels, data }: Frame): Frame {
  if (channels === 1 || channels === 3) return { width, height, channels, data };
  const kept = channels >= 3 ? 3 : 1;
  const colours = new Uint8Array(width * height * kept);
  for (let pixel = 0; pixel < width * height; pixel++)
    for (let channel = 0; channel < kept; channel++)
      colours[pixel * kept + channel] = data[pixel * channels + channel] as number;
  return { width, height, channels: kept, data: colours };
}
