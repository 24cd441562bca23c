/** What is pressed and pulled: keys wherever the focus is not in a field, the mouse on the picture, and a gamepad. */
import type { Hands } from './mapping.js';

/** Of the picture's height, how far the mouse is pulled for all that it can do. */
const FULL_PULL = 1 / 3;

export class HeldInputs {
  readonly #keys = new Set<string>();
  readonly #onKey: (code: string) => boolean;
  #mouse: Hands['mouse'] = null;

  /** @param onKey told each key as it goes down; whether somebody has a use for it */
  constructor(onKey: (code: string) => boolean) {
    this.#onKey = onKey;
  }

  /** The state at this moment; a gamepad has to be asked. */
  read(): Hands {
    const pad = navigator.getGamepads().find((one) => one?.connected);
    return {
      keys: this.#keys,
      buttons: pad?.buttons.map(({ value }) => value) ?? [],
      axes: pad?.axes ?? [],
      mouse: this.#mouse,
    };
  }

  /** Begins to listen. @returns what ends it */
  listen(): () => void {
    const down = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isUsedThere(event)) return;
      if (event.repeat ? this.#keys.has(event.code) : this.#onKey(event.code)) event.preventDefault();
      this.#keys.add(event.code);
    };
    const up = (event: KeyboardEvent): void => void this.#keys.delete(event.code);
    // Who looks elsewhere has let go, and no browser says of which keys.
    const letGo = (): void => {
      this.#keys.clear();
      this.#mouse = null;
    };
    addEventListener('keydown', down);
    addEventListener('keyup', up);
    addEventListener('blur', letGo);
    document.addEventListener('visibilitychange', letGo);
    return () => {
      removeEventListener('keydown', down);
      removeEventListener('keyup', up);
      removeEventListener('blur', letGo);
      document.removeEventListener('visibilitychange', letGo);
    };
  }

  /** Pulls from where the pointer was pressed, until it is let go. */
  pull(event: PointerEvent, picture: HTMLElement): void {
    if (event.button !== 0) return;
    picture.setPointerCapture(event.pointerId);
    const { clientX, clientY } = event;
    const full = FULL_PULL * picture.clientHeight;
    const within = (pulled: number): number => Math.max(-1, Math.min(1, pulled / full));
    const move = (to: PointerEvent): void => {
      this.#mouse = { x: within(to.clientX - clientX), y: within(clientY - to.clientY) };
    };
    const end = (): void => {
      this.#mouse = null;
      picture.removeEventListener('pointermove', move);
      picture.removeEventListener('pointerup', end);
      picture.removeEventListener('pointercancel', end);
    };
    this.#mouse = { x: 0, y: 0 };
    picture.addEventListener('pointermove', move);
    picture.addEventListener('pointerup', end);
    picture.addEventListener('pointercancel', end);
  }
}

/** Fields have a use for every key, buttons and links for those that press them. */
function isUsedThere({ target, code }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  if (target.matches('input, select, textarea')) return true;
  return target.matches('button, a, summary') && (code === 'Enter' || code === 'Space');
}
