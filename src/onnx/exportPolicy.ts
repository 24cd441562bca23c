/**
 * A policy as an ONNX graph: images as they are (uint8, `[B, H, W, C·K]`) and the state in, the policy's mode out, in the
 * environment's own units. Scaling, layout and the action's box are inside; what a program has to do around it (which
 * cameras, how frames are stacked, how long an action lasts) is in the file's metadata.
 */
import type { EncoderLayers, Shaped } from '../../encoders/encoder.js';
import { findEncoder } from '../../encoders/registry.js';
import type { EnvironmentSpec, ImageSpace, ObservationSpace } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import { layerNormEpsilon } from '../nn/layerNorm.js';
import { type PolicyFile, policySpace } from '../training/policyFile.js';
import { OnnxGraph, type WeightTensor } from './graph.js';

/** Names of a graph's values. */
export const stateInput = 'state';
const actionOutput = 'action';
/** The same in [−1, 1]. */
export const normalizedOutput = 'normalized_action';

export interface PolicyEnvironment {
  readonly observationSpace: ObservationSpace;
  readonly spec: EnvironmentSpec;
}

/**
 * @param environment the one that the policy acts in, or one that shows the same
 * @throws InputError for a policy that no such graph can be
 */
export function exportPolicy(policy: PolicyFile, environment: PolicyEnvironment): Uint8Array {
  const { config } = policy;
  if (config.algorithm === 'ibrl')
    throw new InputError(
      'An IBRL policy chooses between two actions by its critics, which an ONNX file of a policy does not hold: export one of --algorithm rlpd, bc, iql or drqv2.',
    );
  const { images, state } = policySpace(policy, environment.observationSpace);
  const { actionSize, actionBox } = environment.spec;
  const network = new PolicyNetwork(policy);
  const parts = images.map((image) => network.image(image, images.length));
  const hasState = state !== undefined;
  if (hasState) parts.push(network.state(environment.spec.stateSize, images.length > 0));
  const { graph } = network;
  const [first = ''] = parts;
  const input = parts.length === 1 ? first : graph.apply('Concat', parts, { axis: 1 });
  const normalized = network.head(input, actionSize);
  graph.output(normalizedOutput, normalized, [actionSize]);
  graph.output(actionOutput, inUnits(graph, normalized, actionBox), [actionSize]);
  const describe = ({ name, height, width, channels, frameStack }: ImageSpace) => ({
    name,
    height,
    width,
    channels,
    frameStack,
  });
  return graph.encode(
    `${config.algorithm} policy of ${config.task}`,
    `Trained for ${policy.envFrames} env frames. Inputs: images as uint8 [batch, height, width, channels × frames], rows from the top, frames side by side along the channels, the oldest first.`,
    {
      'rlpd-pixels': JSON.stringify({
        version: 1,
        task: config.task,
        images: images.map(describe),
        stateSize: hasState ? environment.spec.stateSize : 0,
        actionSize,
        actionBox,
        actionRepeat: config.actionRepeat,
        controlTimestep: environment.spec.controlTimestep,
        envFrames: policy.envFrames,
      }),
    },
  );
}

/** low + (a + 1)/2·(high − low), dimension by dimension; as it is where the box is not known. */
function inUnits(graph: OnnxGraph, normalized: string, box: EnvironmentSpec['actionBox']): string {
  if (box === null) return normalized;
  const size = box.low.length;
  const each = (value: (low: number, high: number) => number): WeightTensor => ({
    shape: [size],
    data: Float32Array.from(box.low, (low, i) => value(low, box.high[i] as number)),
  });
  const half = graph.weight(
    'action_half_width',
    each((low, high) => (high - low) / 2),
  );
  const middle = graph.weight(
    'action_middle',
    each((low, high) => (high + low) / 2),
  );
  return graph.apply('Add', [graph.apply('Mul', [normalized, half]), middle]);
}

/** A value of the graph, its shape as this program has it: channels last. */
interface Value extends Shaped {
  readonly name: string;
}

/** Layers whose weights are a policy's, by the names that they have in its file. */
class PolicyNetwork {
  readonly graph = new OnnxGraph();
  readonly #policy: PolicyFile;
  /** Weights that several layers share are kept once. */
  readonly #known = new Set<string>();

  constructor(policy: PolicyFile) {
    this.#policy = policy;
  }

  /** An image's encoder and trunk: `[B, trunkWidth]`. */
  image(image: ImageSpace, count: number): string {
    const { name, height, width, channels, frameStack } = image;
    const { config } = this.#policy;
    const encoder = findEncoder(config.encoder);
    if (encoder === undefined) throw new InputError(`There is no encoder named "${config.encoder}".`);
    const { graph } = this;
    const depth = channels * frameStack;
    const bytes = graph.input(name, 'uint8', [height, width, depth]);
    const scaled = graph.apply('Mul', [graph.apply('Cast', [bytes], { to: 1 }), graph.scalar(1 / 255)]);
    const isOwn = count > 1 && !config.sharedEncoder;
    const network = encoder.build(this.#layers(isOwn ? `encoder/${name}` : 'encoder'), [
      height,
      width,
      depth,
    ]);
    const features = network({ name: scaled, shape: [1, height, width, depth] });
    return this.#trunk(count > 1 ? `trunk/${name}` : 'trunk', features.name);
  }

  /** @param isBeside whether there are images, so that it goes through a trunk */
  state(size: number, isBeside: boolean): string {
    const state = this.graph.input(stateInput, 'float', [size]);
    return isBeside ? this.#trunk('stateTrunk', state) : state;
  }

  /** Hidden layers and the head that gives the mode, `[B, A]` in [−1, 1]. */
  head(input: string, actionSize: number): string {
    const { graph } = this;
    let hidden = input;
    for (let i = 1; i <= this.#policy.config.hiddenLayers; i++)
      hidden = graph.apply('Relu', [this.#dense(`policy/hidden${i}`, hidden)]);
    if (this.#find('policy/output/weight') !== undefined)
      return graph.apply('Tanh', [this.#dense('policy/output', hidden)]);
    // Of the two heads the first is the mean.
    const [weight, bias] = [this.#required('policy/heads/weight'), this.#required('policy/heads/bias')];
    const [, inputs = 0] = weight.shape;
    const mean = graph.apply('Gemm', [
      hidden,
      graph.weight('policy/mean/weight', {
        shape: [inputs, actionSize],
        data: weight.data.slice(0, inputs * actionSize),
      }),
      graph.weight('policy/mean/bias', { shape: [actionSize], data: bias.data.slice(0, actionSize) }),
    ]);
    return graph.apply('Tanh', [mean]);
  }

  #trunk(name: string, features: string): string {
    const norm = this.graph.apply(
      'LayerNormalization',
      [this.#dense(name, features), this.#flat(`${name}/norm/gain`), this.#flat(`${name}/norm/offset`)],
      { axis: -1, epsilon: { float: layerNormEpsilon } },
    );
    return this.graph.apply('Tanh', [norm]);
  }

  #dense(name: string, input: string): string {
    const weight = this.#required(`${name}/weight`);
    const [, inputs = 0, outputs = 0] = weight.shape;
    return this.graph.apply('Gemm', [
      input,
      this.#keep(`${name}/weight`, { shape: [inputs, outputs], data: weight.data }),
      this.#flat(`${name}/bias`),
    ]);
  }

  /** One member's vector. */
  #flat(name: string): string {
    const { data } = this.#required(name);
    return this.#keep(name, { shape: [data.length], data });
  }

  /** Convolutions take channels first; what an encoder hands on has them last, as it is flattened so. */
  #layers(prefix: string): EncoderLayers<Value> {
    const { graph } = this;
    return {
      convolution: (name, { inputs, outputs, kernel, stride, activation }) => {
        const filter = this.#required(`${prefix}/${name}/filter`);
        const weight = this.#keep(`${prefix}/${name}/filter`, {
          shape: [outputs, inputs, kernel, kernel],
          data: channelsFirst(filter.data, kernel * kernel, inputs, outputs),
        });
        const bias = this.#flat(`${prefix}/${name}/bias`);
        return ({ name: x, shape: [batch = 1, height = 0, width = 0] }) => {
          const planar = graph.apply('Transpose', [x], { perm: [0, 3, 1, 2] });
          const convolved = graph.apply('Conv', [planar, weight, bias], {
            kernel_shape: [kernel, kernel],
            strides: [stride, stride],
          });
          const side = (n: number): number => Math.floor((n - kernel) / stride) + 1;
          const operator = { linear: 'Identity', relu: 'Relu', tanh: 'Tanh' }[activation];
          return {
            name: graph.apply('Transpose', [graph.apply(operator, [convolved])], { perm: [0, 2, 3, 1] }),
            shape: [batch, side(height), side(width), outputs],
          };
        };
      },
      add: (x, y) => ({ name: graph.apply('Add', [x.name, y.name]), shape: x.shape }),
      scale: (x, factor, offset) => ({
        name: graph.apply('Add', [graph.apply('Mul', [x.name, graph.scalar(factor)]), graph.scalar(offset)]),
        shape: x.shape,
      }),
      flatten: ({ name, shape: [batch = 1, ...rest] }) => ({
        name: graph.apply('Flatten', [name], { axis: 1 }),
        shape: [batch, rest.reduce((product, size) => product * size, 1)],
      }),
    };
  }

  #keep(name: string, tensor: WeightTensor): string {
    if (!this.#known.has(name)) this.graph.weight(name, tensor);
    this.#known.add(name);
    return name;
  }

  /** Of whichever network the file has it from: actor, critic or policy. */
  #find(name: string): WeightTensor | undefined {
    const key = [...this.#policy.tensors.keys()].find((key) => key.slice(key.indexOf('/') + 1) === name);
    return key === undefined ? undefined : this.#policy.tensors.get(key);
  }

  #required(name: string): WeightTensor {
    const tensor = this.#find(name);
    if (tensor === undefined) throw new InputError(`The policy's file has no weights "${name}".`);
    return tensor;
  }
}

/** `[taps, inputs, outputs]` → `[outputs, inputs, taps]`. */
function channelsFirst(filter: Float32Array, taps: number, inputs: number, outputs: number): Float32Array {
  const moved = new Float32Array(filter.length);
  for (let tap = 0; tap < taps; tap++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++)
        moved[(o * inputs + i) * taps + tap] = filter[(tap * inputs + i) * outputs + o] as number;
  return moved;
}
