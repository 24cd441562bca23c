/**
 * Derivatives of the few plain tfjs ops that stand between the layers and a loss. tfjs-core leaves its own rules
 * out of the bundle that Node loads; importing this module registers the ones this project differentiates through.
 */
import * as tf from '@tensorflow/tfjs-core';

type Saved = readonly tf.Tensor[];
type Rule = Omit<tf.GradConfig, 'kernelName'>;

const rules: Record<string, Rule> = {
  Identity: { gradFunc: (dy) => ({ x: () => one(dy) }) },
  Reshape: reshapeRule('x'),
  ExpandDims: reshapeRule('input'),

  Add: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return { a: () => sumTo(one(dy), a.shape), b: () => sumTo(one(dy), b.shape) };
    },
  },
  Sub: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return { a: () => sumTo(one(dy), a.shape), b: () => sumTo(tf.neg(one(dy)), b.shape) };
    },
  },
  Multiply: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return {
        a: () => sumTo(tf.mul(one(dy), b), a.shape),
        b: () => sumTo(tf.mul(one(dy), a), b.shape),
      };
    },
  },
  RealDiv: {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor];
      return {
        a: () => sumTo(tf.div(one(dy), b), a.shape),
        b: () => sumTo(tf.neg(tf.div(tf.mul(one(dy), a), tf.square(b))), b.shape),
      };
    },
  },

  Neg: { gradFunc: (dy) => ({ x: () => tf.neg(one(dy)) }) },
  Square: fromInput((dy, x) => tf.mul(dy, tf.mul(x, 2))),
  Relu: fromInput((dy, x) => tf.mul(dy, tf.step(x))),
  Softplus: fromInput((dy, x) => tf.mul(dy, tf.sigmoid(x))),
  Exp: fromOutput((dy, y) => tf.mul(dy, y)),
  Tanh: fromOutput((dy, y) => tf.mul(dy, tf.sub(1, tf.square(y)))),
  ClipByValue: {
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const [x] = saved as [tf.Tensor];
      const { clipValueMin, clipValueMax } = attrs as unknown as tf.ClipByValueAttrs;
      const inside = () => tf.logicalAnd(tf.greaterEqual(x, clipValueMin), tf.lessEqual(x, clipValueMax));
      return { x: () => tf.where(inside(), one(dy), tf.zerosLike(one(dy))) };
    },
  },

  Sum: {
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const [x] = saved as [tf.Tensor];
      return { x: () => spread(one(dy), x.shape, attrs.axis as number | number[]) };
    },
  },
  Mean: {
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const [x] = saved as [tf.Tensor];
      const axes = tf.util.parseAxisParam(attrs.axis as number | number[], x.shape);
      const count = axes.reduce((product, axis) => product * (x.shape[axis] ?? 1), 1);
      return { x: () => spread(tf.div(one(dy), count), x.shape, axes) };
    },
  },

  /** Where several are the least, each has its share. */
  Min: {
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor];
      const axes = tf.util.parseAxisParam(attrs.axis as number | number[], x.shape);
      const kept = x.shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
      const isLeast = () => tf.cast(tf.equal(x, tf.reshape(y, kept)), 'float32');
      const shared = (least: tf.Tensor) => tf.div(tf.reshape(one(dy), kept), tf.sum(least, axes, true));
      return {
        x: () => {
          const least = isLeast();
          return tf.mul(least, shared(least));
        },
      };
    },
  },

  Concat: {
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) => {
      const axis = tf.util.parseAxisParam(attrs.axis as number, saved[0]?.shape ?? [])[0] ?? 0;
      const sizes = saved.map((tensor) => tensor.shape[axis] ?? 0);
      const parts = tf.split(one(dy), sizes, axis);
      return Object.fromEntries(parts.map((part, i) => [i, () => part]));
    },
  },
  SplitV: {
    gradFunc: (dy, _saved, attrs) => ({ x: () => tf.concat(dy as tf.Tensor[], attrs.axis as number) }),
  },
};

for (const [kernelName, rule] of Object.entries(rules)) tf.registerGradient({ kernelName, ...rule });

function one(dy: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(dy) ? (dy[0] as tf.Tensor) : dy;
}

function fromInput(derivative: (dy: tf.Tensor, x: tf.Tensor) => tf.Tensor): Rule {
  return {
    inputsToSave: ['x'],
    gradFunc: (dy, saved: Saved) => ({ x: () => derivative(one(dy), saved[0] as tf.Tensor) }),
  };
}

function fromOutput(derivative: (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor): Rule {
  return {
    outputsToSave: [true],
    gradFunc: (dy, saved: Saved) => ({ x: () => derivative(one(dy), saved[0] as tf.Tensor) }),
  };
}

function reshapeRule(input: string): Rule {
  return {
    inputsToSave: [input],
    gradFunc: (dy, saved: Saved) => ({ [input]: () => tf.reshape(one(dy), saved[0]?.shape ?? []) }),
  };
}

/** Sums a broadcast result's gradient over the axes that the broadcast added or stretched. */
function sumTo(dy: tf.Tensor, shape: readonly number[]): tf.Tensor {
  if (tf.util.arraysEqual(dy.shape, [...shape])) return dy;
  const added = dy.rank - shape.length;
  const axes = dy.shape.flatMap((extent, axis) =>
    axis < added || extent !== shape[axis - added] ? [axis] : [],
  );
  return tf.reshape(tf.sum(dy, axes), [...shape]);
}

/** The reverse of a reduction: dy repeated along the axes that were reduced. */
function spread(dy: tf.Tensor, shape: readonly number[], axis: number | number[]): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, [...shape]);
  const kept = shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
  return tf.mul(tf.reshape(dy, kept), tf.ones([...shape]));
}
