/** The shaping function that every reward of the suite is made of (Tassa et al. 2018, "DeepMind Control Suite", section 2). */

export type Sigmoid = 'gaussian' | 'linear' | 'quadratic' | 'long_tail';

export interface ToleranceOptions {
  /** Inclusive interval where the value is 1; default [0, 0]. */
  readonly bounds?: readonly [low: number, high: number];
  /** Distance from the interval at which the value has fallen to `valueAtMargin`; 0 makes an indicator. */
  readonly margin?: number;
  readonly sigmoid?: Sigmoid;
  /** Default 0.1. */
  readonly valueAtMargin?: number;
}

/**
 * 1 inside `bounds`; outside, s(d) of the distance d to the interval in units of `margin`, where v = valueAtMargin:
 * gaussian vᵈ² (as exp(d² ln v)), linear max(0, 1 − d(1−v)), quadratic max(0, 1 − d²(1−v)), long_tail 1/(1 + d²(1/v − 1)).
 */
export function tolerance(x: number, options: ToleranceOptions = {}): number {
  const { bounds = [0, 0], margin = 0, sigmoid = 'gaussian', valueAtMargin = 0.1 } = options;
  const [low, high] = bounds;
  if (x >= low && x <= high) return 1;
  if (margin === 0) return 0;
  const distance = (x < low ? low - x : x - high) / margin;
  switch (sigmoid) {
    case 'gaussian':
      return Math.exp(distance * distance * Math.log(valueAtMargin));
    case 'linear':
      return Math.max(0, 1 - distance * (1 - valueAtMargin));
    case 'quadratic':
      return Math.max(0, 1 - distance * distance * (1 - valueAtMargin));
    case 'long_tail':
      return 1 / (1 + distance * distance * (1 / valueAtMargin - 1));
  }
}
