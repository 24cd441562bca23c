/** Protocol buffers by protobufjs: as much of a format's messages as is needed, by the format's own field numbers. */
import protobuf from 'protobufjs/light.js';

/** Number and type of a field: a scalar of the wire format, or another of the messages. */
type Field = readonly [id: number, type: string, rule?: 'repeated' | 'mapByString'];

export type Messages = Readonly<Record<string, Readonly<Record<string, Field>>>>;

/** The message called `name`, with those that it is made of. */
export function messageType(name: string, messages: Messages): protobuf.Type {
  const nested = Object.fromEntries(
    Object.entries(messages).map(([message, fields]) => [
      message,
      { fields: Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, describe(field)])) },
    ]),
  );
  return protobuf.Root.fromJSON({ nested }).lookupType(name);
}

function describe([id, type, rule]: Field): protobuf.IField | protobuf.IMapField {
  if (rule === 'mapByString') return { id, type, keyType: 'string' };
  return rule === undefined ? { id, type } : { id, type, rule };
}
