/** A policy's networks as parts of a graph, built from the encoders' own description and the file's weights. */
import type { EncoderLayers, Shaped } from '../../encoders/encoder.js';
import { findEncoder } from '../../encoders/registry.js';
import type { ImageSpace } from '../../envs/environment.js';
import { InputError } from '../errors.js';
import { layerNormEpsilon } from '../nn/layerNorm.js';
import type { PolicyFile } from '../training/policyFile.js';
import type { OnnxGraph, WeightTensor } from './graph.js';

/** A value of the graph, its shape as this program has it: channels last. */
interface Value extends Shaped {
  readonly name: string;
}

/** An observation's values in a graph. */
export interface ObservationValues {
  /** With their pixels from 0 to 1, `[B, H, W, C·K]`. */
  readonly images: readonly { readonly space: ImageSpace; readonly scaled: string }[];
  /** `[B, S]`; undefined where no state is seen. */
  readonly state: string | undefined;
}

/** The layers of one of a policy's networks, by the names that their weights have in its file. */
export class PolicyNetwork {
  readonly #graph: OnnxGraph;
  readonly #policy: PolicyFile;
  /** Whose weights they are: groups of the file, of which the first that has a layer gives it. */
  readonly #groups: readonly string[];

  constructor(graph: OnnxGraph, policy: PolicyFile, groups: readonly string[]) {
    this.#graph = graph;
    this.#policy = policy;
    this.#groups = groups;
  }

  /** What heads read of an observation, `[B, N]`: what `Trunks` gives. */
  representation({ images, state }: ObservationValues): string {
    const parts = images.map(({ space, scaled }) => this.#image(space, scaled, images.length));
    if (state !== undefined) parts.push(images.length > 0 ? this.#trunk('stateTrunk', state) : state);
    const [first = ''] = parts;
    return parts.length === 1 ? first : this.#graph.apply('Concat', parts, { axis: 1 });
  }

  /** An image's encoder and trunk: `[B, trunkWidth]`. */
  #image({ name, height, width, channels, frameStack }: ImageSpace, scaled: string, count: number): string {
    const { config } = this.#policy;
    const encoder = findEncoder(config.encoder);
    if (encoder === undefined) throw new InputError(`There is no encoder named "${config.encoder}".`);
    const depth = channels * frameStack;
    const isOwn = count > 1 && !config.sharedEncoder;
    const network = encoder.build(this.#layers(isOwn ? `encoder/${name}` : 'encoder'), [
      height,
      width,
      depth,
    ]);
    const features = network({ name: scaled, shape: [1, height, width, depth] });
    return this.#trunk(count > 1 ? `trunk/${name}` : 'trunk', features.name);
  }

  /** Hidden layers and the head that gives the mode, `[B, A]` in [−1, 1]. */
  head(input: string, actionSize: number): string {
    const graph = this.#graph;
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
      graph.weight(`${weight.key}/mean`, {
        shape: [inputs, actionSize],
        data: weight.data.slice(0, inputs * actionSize),
      }),
      graph.weight(`${bias.key}/mean`, { shape: [actionSize], data: bias.data.slice(0, actionSize) }),
    ]);
    return graph.apply('Tanh', [mean]);
  }

  /**
   * A critic's values of an action, `[E, B]`.
   * @param representation `[B, N]`
   * @param action `[B, A]`
   */
  values(representation: string, action: string): string {
    const graph = this.#graph;
    let hidden = graph.apply('Concat', [representation, action], { axis: 1 });
    for (let i = 1; i <= this.#policy.config.hiddenLayers; i++) {
      hidden = this.#ensembleDense(`heads/hidden${i}`, hidden);
      if (this.#policy.config.criticLayerNorm) hidden = this.#ensembleNorm(`heads/hidden${i}/norm`, hidden);
      hidden = graph.apply('Relu', [hidden]);
    }
    const values = this.#ensembleDense('heads/output', hidden);
    return graph.apply('Squeeze', [values, graph.integers([2])]);
  }

  /** `[B, I]` or `[E, B, I]` → `[E, B, O]`, each member with its own weights. */
  #ensembleDense(name: string, input: string): string {
    const weight = this.#required(`${name}/weight`);
    const product = this.#graph.apply('MatMul', [input, this.#graph.weight(weight.key, weight)]);
    return this.#graph.apply('Add', [product, this.#ofMembers(`${name}/bias`)]);
  }

  #ensembleNorm(name: string, input: string): string {
    const graph = this.#graph;
    const gain = this.#required(`${name}/gain`);
    const width = gain.shape.at(-1) ?? 0;
    const ones = graph.weight(`ones_${width}`, { shape: [width], data: new Float32Array(width).fill(1) });
    const plain = graph.apply('LayerNormalization', [input, ones], {
      axis: -1,
      epsilon: { float: layerNormEpsilon },
    });
    const scaled = graph.apply('Mul', [plain, this.#ofMembers(`${name}/gain`)]);
    return graph.apply('Add', [scaled, this.#ofMembers(`${name}/offset`)]);
  }

  /** `[E, W]` as `[E, 1, W]`. */
  #ofMembers(name: string): string {
    const { key, shape, data } = this.#required(name);
    const [members = 0, width = 0] = shape;
    return this.#graph.weight(key, { shape: [members, 1, width], data });
  }

  #trunk(name: string, features: string): string {
    const norm = this.#graph.apply(
      'LayerNormalization',
      [this.#dense(name, features), this.#flat(`${name}/norm/gain`), this.#flat(`${name}/norm/offset`)],
      { axis: -1, epsilon: { float: layerNormEpsilon } },
    );
    return this.#graph.apply('Tanh', [norm]);
  }

  #dense(name: string, input: string): string {
    const weight = this.#required(`${name}/weight`);
    const [, inputs = 0, outputs = 0] = weight.shape;
    return this.#graph.apply('Gemm', [
      input,
      this.#graph.weight(weight.key, { shape: [inputs, outputs], data: weight.data }),
      this.#flat(`${name}/bias`),
    ]);
  }

  /** One member's vector. */
  #flat(name: string): string {
    const { key, data } = this.#required(name);
    return this.#graph.weight(key, { shape: [data.length], data });
  }

  /** Convolutions take channels first; what an encoder hands on has them last, as it is flattened so. */
  #layers(prefix: string): EncoderLayers<Value> {
    const graph = this.#graph;
    return {
      convolution: (name, { inputs, outputs, kernel, stride, activation }) => {
        const filter = this.#required(`${prefix}/${name}/filter`);
        const weight = graph.weight(filter.key, {
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

  #find(name: string): (WeightTensor & { readonly key: string }) | undefined {
    for (const group of this.#groups) {
      const key = `${group}/${name}`;
      const tensor = this.#policy.tensors.get(key);
      if (tensor !== undefined) return { ...tensor, key };
    }
    return undefined;
  }

  #required(name: string): WeightTensor & { readonly key: string } {
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
