/** The page's own view of the simulation: as large as it can be drawn in time, its camera turned by the pointer. */
import type { CameraOffset, View } from '../../../envs/renderer/view.js';
import type { SuiteEnvironment } from '../../../envs/suiteEnvironment.js';
import { Hand, type PicturePoint } from './hand.js';
import { offsetOf, type Turn, unturned } from './orbit.js';

/** Heights of what is drawn, in pixels, and the milliseconds that a picture is to take at most. */
const heights = [90, 120, 160, 200, 240, 300, 360, 480];
const budgetMs = 24;
const aspect = 4 / 3;
/** Radians for a picture's height of the pointer's way. */
const turning = 2.5;

export class Picture {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #simulated: SuiteEnvironment;
  readonly #camera: string;
  #turn: Turn = unturned;
  #level = 3;
  #drawMs = 0;
  #hand: Hand | undefined;
  #pointer: PicturePoint = { x: 0, y: 0 };
  #isTurning = false;
  #isCurrent = false;

  constructor(canvas: HTMLCanvasElement, simulated: SuiteEnvironment, camera: string) {
    this.#canvas = canvas;
    this.#context = contextOf(canvas);
    this.#simulated = simulated;
    this.#camera = camera;
    canvas.addEventListener('pointerdown', this.#onDown);
    canvas.addEventListener('pointermove', this.#onMove);
    for (const end of ['pointerup', 'pointercancel'] as const) canvas.addEventListener(end, this.#onUp);
    canvas.addEventListener('wheel', this.#onWheel, { passive: false });
  }

  /** The camera as the task has it. */
  lookAsBefore(): void {
    this.#look(unturned);
  }

  /** The simulation has gone on. */
  outdate(): void {
    this.#isCurrent = false;
  }

  /** Whoever pulls does so for the next step. @param seconds that it lasts */
  pull(seconds: number): void {
    this.#hand?.pull(this.#view(), this.#pointer, seconds);
  }

  /** Where there is something new to see. */
  draw(): void {
    if (this.#isCurrent) return;
    this.#isCurrent = true;
    const height = heights[this.#level] as number;
    const width = Math.round(height * aspect);
    const begun = performance.now();
    const { data } = this.#simulated.render({
      width,
      height,
      camera: this.#camera,
      appearance: { camera: this.#offset },
    });
    this.#drawMs = 0.9 * this.#drawMs + 0.1 * (performance.now() - begun);
    paint(this.#context, data, width, height);
    this.#markHand(width, height);
    this.#fitTime();
  }

  #fitTime(): void {
    const next = heights[this.#level + 1];
    const height = heights[this.#level] as number;
    if (this.#drawMs > budgetMs && this.#level > 0) this.#change(this.#level - 1);
    else if (next !== undefined && this.#drawMs * (next / height) ** 2 < 0.7 * budgetMs)
      this.#change(this.#level + 1);
  }

  #change(level: number): void {
    this.#drawMs *= ((heights[level] as number) / (heights[this.#level] as number)) ** 2;
    this.#level = level;
  }

  #look(turn: Turn): void {
    this.#turn = turn;
    this.#isCurrent = false;
  }

  get #offset(): CameraOffset {
    return offsetOf(this.#simulated.view({ camera: this.#camera }), this.#turn);
  }

  #view(): View {
    return this.#simulated.view({ camera: this.#camera, appearance: { camera: this.#offset } });
  }

  #markHand(width: number, height: number): void {
    const held = this.#hand?.where(this.#view());
    if (held === undefined) return;
    const context = this.#context;
    const place = ({ x, y }: PicturePoint): [number, number] => [
      width / 2 + (x * height) / 2,
      height / 2 - (y * height) / 2,
    ];
    context.strokeStyle = '#e4572e';
    context.lineWidth = Math.max(1, height / 120);
    context.beginPath();
    context.moveTo(...place(held));
    context.lineTo(...place(this.#pointer));
    context.stroke();
  }

  readonly #onDown = (event: PointerEvent): void => {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = this.#pointOf(event);
    this.#hand = Hand.take(this.#simulated.simulation, this.#view(), this.#pointer);
    this.#isTurning = this.#hand === undefined;
  };

  readonly #onMove = (event: PointerEvent): void => {
    const before = this.#pointer;
    this.#pointer = this.#pointOf(event);
    if (!this.#isTurning) return;
    const { around, above, distance } = this.#turn;
    this.#look({
      around: around - (turning / 2) * (this.#pointer.x - before.x),
      above: Math.min(1.5, Math.max(-1.5, above - (turning / 2) * (this.#pointer.y - before.y))),
      distance,
    });
  };

  readonly #onUp = (): void => {
    this.#hand?.letGo();
    this.#hand = undefined;
    this.#isTurning = false;
  };

  readonly #onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const distance = this.#turn.distance * Math.exp(event.deltaY / 800);
    this.#look({ ...this.#turn, distance: Math.min(4, Math.max(0.3, distance)) });
  };

  #pointOf({ clientX, clientY }: PointerEvent): PicturePoint {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return {
      x: (2 * (clientX - left - width / 2)) / height,
      y: (-2 * (clientY - top - height / 2)) / height,
    };
  }
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('This browser draws no canvas.');
  return context;
}

/** @param data RGB `[H, W, 3]`, or grey `[H, W, 1]` */
export function paint(
  context: CanvasRenderingContext2D,
  data: Uint8Array,
  width: number,
  height: number,
): void {
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const picture = context.createImageData(width, height);
  const channels = data.length / (width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++)
      picture.data[4 * pixel + channel] = data[channels * pixel + Math.min(channel, channels - 1)] as number;
    picture.data[4 * pixel + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}
