import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { drqv2Encoder } from '../../encoders/drqv2.js';
import type { Encoder } from '../../encoders/encoder.js';
import { encoderNames, findEncoder, registerEncoder } from '../../encoders/registry.js';
import { rlpdEncoder } from '../../encoders/rlpd.js';
import { selectBackend } from '../../src/backend/select.js';
import { createEncoderNetwork } from '../../src/nn/encoderLayers.js';
import { differentiate } from '../../src/nn/gradients.js';
import { ParameterGroup } from '../../src/nn/parameters.js';
import { Generator } from '../../src/random/generator.js';

before(async () => {
  await selectBackend({ backend: 'cpu' });
});

function build(encoder: Encoder, side: number, channels = 9) {
  const group = new ParameterGroup('critic', new Generator(1));
  return { group, network: createEncoderNetwork(encoder, group, [side, side, channels]) };
}

describe('encoders', () => {
  it("have the papers' feature and parameter counts", () => {
    for (const [encoder, side, features, parameters] of [
      [rlpdEncoder, 64, 2304, 9 * (9 * 32 + 32 * 64 + 64 * 128 + 128 * 256) + 480],
      [rlpdEncoder, 84, 4096, 9 * (9 * 32 + 32 * 64 + 64 * 128 + 128 * 256) + 480],
      [drqv2Encoder, 64, 20_000, 9 * (9 * 32 + 3 * 32 * 32) + 128],
    ] as const) {
      const { group, network } = build(encoder, side);
      assert.equal(network.features, features);
      assert.equal(group.size, parameters);
      group.dispose();
    }
  });

  it('say so when the image is too small', () => {
    assert.throws(() => build(rlpdEncoder, 16), /16×16 pixels is too small.* need 31 pixels\.$/);
    assert.throws(() => build(rlpdEncoder, 30), /too small/);
    build(rlpdEncoder, 31).group.dispose();
    assert.throws(() => build(drqv2Encoder, 8), /8×8 pixels is too small.* need 15 pixels\.$/);
    build(drqv2Encoder, 15).group.dispose();
  });

  it('drqv2 sees a mid-grey image as zero', () => {
    const { group, network } = build(drqv2Encoder, 16);
    const features = network.apply(tf.fill([1, 16, 16, 9], 0.5));
    assert.ok(features.dataSync().every((value) => value === 0));
    group.dispose();
  });

  it('a new one joins under its name, once, and gets gradients through every layer it is offered', () => {
    const residual: Encoder = {
      name: 'residual',
      build(nn, [, , channels]) {
        const spec = { kernel: 1, stride: 1, activation: 'tanh', initialiser: 'orthogonal' } as const;
        const first = nn.convolution('first', { ...spec, inputs: channels, outputs: 3 });
        const second = nn.convolution('second', { ...spec, inputs: 3, outputs: 3 });
        return (image) => {
          const x = first(nn.scale(image, 2, -1));
          return nn.flatten(nn.scale(nn.add(x, second(x)), 0.5, 0));
        };
      },
    };
    registerEncoder(residual);
    assert.equal(findEncoder('residual'), residual);
    assert.ok(encoderNames().includes('residual'));
    assert.throws(() => registerEncoder(residual), /already/);

    const { group, network } = build(residual, 4, 2);
    const image = tf.tensor4d(new Generator(2).fillNormal(new Float32Array(32)), [1, 4, 4, 2]);
    const forward = () => ({ loss: tf.sum(network.apply(image)) as tf.Scalar, byProducts: [] });
    const { gradients } = differentiate(group.variables, forward);
    const [filter] = group.variables as [tf.Variable];
    const values = filter.dataSync().slice();
    const at = (value: number): number => {
      filter.assign(tf.tensor(Float32Array.of(value, ...values.subarray(1)), filter.shape));
      return forward().loss.dataSync()[0] ?? Number.NaN;
    };
    const numeric = (at((values[0] ?? 0) + 0.01) - at((values[0] ?? 0) - 0.01)) / 0.02;
    assert.ok(Math.abs((gradients[0]?.dataSync()[0] ?? 0) - numeric) < 1e-2 * Math.abs(numeric));
    group.dispose();
  });
});
