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

  weight(name: string, { shape, data }: WeightTensor): string {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.push({ name, dims: shape, dataType: dataTypes.float, rawData });
    return name;
  }

  scalar(value: number): string {
    return this.weight(`constant_${this.#values++}`, { shape: [], data: Float32Array.of(value) });
  }

  /** @returns the name of what the operator gives */
  apply(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const value = `value_${this.#values++}`;
    const attribute = Object.entries(attributes).map(([name, given]) => attributeOf(name, given));
    this.#nodes.push({ opType, name: value, input, output: [value], attribute });
    return value;
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
