/** TensorBoard event files: TFRecords of `Event` messages with scalar summaries. */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../files/makeFolder.js';
import { messageType } from '../files/protobuf.js';
import { encodeRecord } from '../files/tfRecord.js';

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

export class EventFile {
  readonly #file: FileHandle;
  #bytes: number;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Opens for appending after the first `bytes` bytes; what lies behind them is cut off. */
  static async open(path: string, bytes = 0): Promise<EventFile> {
    await makeFolder(dirname(path));
    const file = await open(path, bytes === 0 ? 'w' : 'r+');
    await file.truncate(bytes);
    const events = new EventFile(file, bytes);
    if (bytes === 0) await events.#append(versionEvent(Date.now() / 1000));
    return events;
  }

  /** Length of what has been written. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(event: ScalarEvent): Promise<void> {
    await this.#append(scalarEvent(event));
  }

  /** Makes what was written so far survive a power cut. */
  async flush(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(payload: Uint8Array): Promise<void> {
    const record = encodeRecord(payload);
    const at = this.#bytes;
    this.#bytes += record.length;
    await this.#file.write(record, 0, record.length, at);
  }
}

/** Of tensorflow/core/util/event.proto and framework/summary.proto. */
const eventProto = messageType('Event', {
  Event: {
    wallTime: [1, 'double'],
    step: [2, 'int64'],
    fileVersion: [3, 'string'],
    summary: [5, 'Summary'],
  },
  Summary: { value: [1, 'Value', 'repeated'] },
  Value: { tag: [1, 'string'], simpleValue: [2, 'float'] },
});

function versionEvent(wallTime: number): Uint8Array {
  return eventProto.encode({ wallTime, fileVersion: 'brain.Event:2' }).finish();
}

function scalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const value = Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return eventProto.encode({ wallTime, step, summary: { value } }).finish();
}
