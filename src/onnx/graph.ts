/** Builds an ONNX graph: values by name, weights as initialisers, one operator after the other. */
import { attributeTypes, dataTypes, modelProto } from './schema.js';

/** What every runtime reads. */
const opset = 17;
const irVersion = 8;
/** The first dimension of inputs and outputs may be anything. */
const batchDimension = 'batch';

type Attribute = number | { readonly float: number } | readonly number[];

export interface WeightTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export class OnnxGraph {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  /** Names of those. */
  readonly #known = new Set<string>();
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  #values = 0;

  /** @param shape without the batch @returns the value's name */
  input(name: string, type: keyof typeof dataTypes, shape: readonly number[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** @param shape without the batch */
  output(name: string, value: string, shape: readonly number[]): void {
    this.#nodes.push({ opType: 'Identity', name, input: [value], output: [name] });
    this.#outputs.push(valueInfo(name, 'float', shape));
  }

  /** Weights of one name, which several layers share, are kept once. */
  weight(name: string, { shape, data }: WeightTensor): string {
    return this.#initialise(name, shape, 'float', data);
  }

  /** A list of sizes, axes or the like, `[N]`. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#initialise(`integers_${values.join('_')}`, [values.length], 'int64', data);
  }

  scalar(value: number): string {
    return this.weight(`constant_${this.#values++}`, { shape: [], data: Float32Array.of(value) });
  }

  /**
   * @param outputs how many values the operator gives
   * @returns the name of the first of them
   */
  apply(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs = 1,
  ): string {
    const value = `value_${this.#values++}`;
    const attribute = Object.entries(attributes).map(([name, given]) => attributeOf(name, given));
    const output = Array.from({ length: outputs }, (_, i) => (i === 0 ? value : `${value}_${i}`));
    this.#nodes.push({ opType, name: value, input, output, attribute });
    return value;
  }

  #initialise(
    name: string,
    dims: readonly number[],
    type: keyof typeof dataTypes,
    { buffer, byteOffset, byteLength }: ArrayBufferView,
  ): string {
    if (!this.#known.has(name)) {
      const rawData = new Uint8Array(buffer, byteOffset, byteLength);
      this.#initializers.push({ name, dims, dataType: dataTypes[type], rawData });
    }
    this.#known.add(name);
    return name;
  }

  /**
   * The file's bytes.
   * @param metadata what a program that runs it has to know
   */
  encode(name: string, description: string, metadata: Readonly<Record<string, string>>): Uint8Array {
    return modelProto
      .encode(
        modelProto.create({
          irVersion,
          opsetImport: [{ domain: '', version: opset }],
          producerName: 'rlpd-pixels',
          docString: description,
          graph: {
            name,
            node: this.#nodes,
            initializer: this.#initializers,
            input: this.#inputs,
            output: this.#outputs,
          },
          metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
        }),
      )
      .finish();
  }
}

function valueInfo(name: string, type: keyof typeof dataTypes, shape: readonly number[]): object {
  const dim = [{ dimParam: batchDimension }, ...shape.map((dimValue) => ({ dimValue }))];
  return { name, type: { tensorType: { elemType: dataTypes[type], shape: { dim } } } };
}

function attributeOf(name: string, value: Attribute): object {
  if (typeof value === 'number') return { name, i: value, type: attributeTypes.int };
  if ('float' in value) return { name, f: value.float, type: attributeTypes.float };
  return { name, ints: value, type: attributeTypes.ints };
}
