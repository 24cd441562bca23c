/** Which key, button, stick or way of the mouse moves which number of an action, and what an action follows from them. */
import * as z from 'zod/mini';

const sign = z.union([z.literal(1), z.literal(-1)]);

const inputSchema = z.discriminatedUnion('device', [
  /** `code` as `KeyboardEvent.code` has it: a place on the keyboard, whatever is printed there. */
  z.object({ device: z.literal('key'), code: z.string() }),
  z.object({ device: z.literal('button'), index: z.int() }),
  z.object({ device: z.literal('stick'), axis: z.int(), sign }),
  /** Pulled from where it was pressed, to the right or up where `sign` is 1. */
  z.object({ device: z.literal('mouse'), axis: z.enum(['x', 'y']), sign }),
]);
export type Input = z.infer<typeof inputSchema>;

export const mappingSchema = z.object({
  /** Each moves a number of the action towards −1 or 1. */
  bindings: z.array(z.object({ input: inputSchema, dimension: z.int(), sign })),
  /** In (0, 1]: what an input does at the most. */
  strength: z.number().check(z.gt(0), z.maximum(1)),
  /** By number of the action: whether it stays where it was put, as a gripper may. */
  stays: z.array(z.boolean()),
});
export type Mapping = z.infer<typeof mappingSchema>;

/** What is pressed and pulled at a moment. */
export interface Hands {
  /** Codes of the keys that are down. */
  readonly keys: ReadonlySet<string>;
  /** Of the gamepad, in [0, 1] and [−1, 1]; empty without one. */
  readonly buttons: readonly number[];
  readonly axes: readonly number[];
  /** How far the mouse is pulled, in [−1, 1], to the right and up; null where it is not pressed. */
  readonly mouse: { readonly x: number; readonly y: number } | null;
}

/** A stick that nobody touches is seldom quite in the middle. */
const DEAD = 0.12;
/** Actions are told in hundredths: what trembles less is no change. */
const STEPS = 100;

const keyPairs = [
  ['ArrowLeft', 'ArrowRight'],
  ['ArrowDown', 'ArrowUp'],
  ['KeyS', 'KeyW'],
  ['KeyA', 'KeyD'],
  ['KeyQ', 'KeyE'],
  ['KeyF', 'KeyG'],
  ['KeyJ', 'KeyL'],
  ['KeyK', 'KeyI'],
] as const;

/** Of a standard gamepad; its vertical axes are 1 where they are pulled down. */
const padPairs: readonly (readonly [Input, Input])[] = [
  [stick(0, -1), stick(0, 1)],
  [stick(1, 1), stick(1, -1)],
  [stick(3, 1), stick(3, -1)],
  [stick(2, -1), stick(2, 1)],
  [button(4), button(5)],
  [button(6), button(7)],
  [button(14), button(15)],
  [button(13), button(12)],
];

const mousePairs: readonly (readonly [Input, Input])[] = [
  [mouse('x', -1), mouse('x', 1)],
  [mouse('y', -1), mouse('y', 1)],
];

/** Keys, sticks and mouse in their usual order; numbers beyond the eighth are moved by nothing. */
export function usualMapping(actionSize: number): Mapping {
  const pairs = [
    ...keyPairs.map(([less, more], d): [number, Input, Input] => [d, key(less), key(more)]),
    ...padPairs.map(([less, more], d): [number, Input, Input] => [d, less, more]),
    ...mousePairs.map(([less, more], d): [number, Input, Input] => [d, less, more]),
  ];
  return {
    bindings: pairs
      .filter(([dimension]) => dimension < actionSize)
      .flatMap(([dimension, less, more]) => [
        { input: less, dimension, sign: -1 as const },
        { input: more, dimension, sign: 1 as const },
      ]),
    strength: 1,
    stays: new Array<boolean>(actionSize).fill(false),
  };
}

/**
 * @param before `[A]`: the action before, where numbers stay
 * @returns `[A]` in [−1, 1], and whether anything is held
 */
export function actionOf(
  { bindings, strength, stays }: Mapping,
  hands: Hands,
  before: readonly number[],
): { readonly action: number[]; readonly isHeld: boolean } {
  const moved = before.map(() => 0);
  const isMoved = before.map(() => false);
  for (const binding of bindings) {
    const value = strengthOf(binding.input, hands);
    const { dimension } = binding;
    if (value === 0 || dimension >= moved.length) continue;
    moved[dimension] = (moved[dimension] ?? 0) + binding.sign * value;
    isMoved[dimension] = true;
  }
  const action = before.map((last, d) => {
    if (!isMoved[d]) return stays[d] ? last : 0;
    const whole = strength * Math.max(-1, Math.min(1, moved[d] ?? 0));
    return Math.round(STEPS * whole) / STEPS;
  });
  return { action, isHeld: isMoved.includes(true) };
}

/** How much of an input there is, in [0, 1]. */
export function strengthOf(input: Input, { keys, buttons, axes, mouse }: Hands): number {
  switch (input.device) {
    case 'key':
      return keys.has(input.code) ? 1 : 0;
    case 'button':
      return beyondDeadZone(buttons[input.index] ?? 0);
    case 'stick':
      return beyondDeadZone(input.sign * (axes[input.axis] ?? 0));
    case 'mouse':
      return Math.max(0, input.sign * (mouse?.[input.axis] ?? 0));
  }
}

/** The input that a person clearly means, of sticks, buttons and mouse; undefined where there is none. */
export function meantInput(hands: Hands): Input | undefined {
  const candidates: Input[] = [
    ...hands.buttons.map((_, index) => button(index)),
    ...hands.axes.flatMap((_, axis) => [stick(axis, 1), stick(axis, -1)]),
    ...mousePairs.flat(),
  ];
  return candidates.find((input) => strengthOf(input, hands) > 0.6);
}

/** With the input there and nowhere else. */
export function withBinding(mapping: Mapping, input: Input, dimension: number, way: 1 | -1): Mapping {
  return {
    ...mapping,
    bindings: [...withoutInput(mapping, input).bindings, { input, dimension, sign: way }],
  };
}

export function withoutInput(mapping: Mapping, input: Input): Mapping {
  return { ...mapping, bindings: mapping.bindings.filter((one) => nameOf(one.input) !== nameOf(input)) };
}

/** What a person calls it, and no two inputs alike. */
export function nameOf(input: Input): string {
  switch (input.device) {
    case 'key':
      return keyNames[input.code] ?? input.code.replace(/^(Key|Digit)/, '');
    case 'button':
      return `button ${input.index}`;
    case 'stick':
      return `stick ${input.axis} ${input.sign > 0 ? '+' : '−'}`;
    case 'mouse':
      return `mouse ${input.axis === 'x' ? (input.sign > 0 ? '→' : '←') : input.sign > 0 ? '↑' : '↓'}`;
  }
}

const keyNames: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
};

function beyondDeadZone(value: number): number {
  return value <= DEAD ? 0 : Math.min(1, (value - DEAD) / (1 - DEAD));
}

function key(code: string): Input {
  return { device: 'key', code };
}

function button(index: number): Input {
  return { device: 'button', index };
}

function stick(axis: number, way: 1 | -1): Input {
  return { device: 'stick', axis, sign: way };
}

function mouse(axis: 'x' | 'y', way: 1 | -1): Input {
  return { device: 'mouse', axis, sign: way };
}
