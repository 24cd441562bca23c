/** The socket of the drive view, as a page and others speak to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { DriverSeat } from '../../src/drive/driverSeat.js';
import { driveNewsSchema } from '../../src/serve/protocol.js';
import { servePage } from '../../src/serve/server.js';
import { temporaryFolder } from '../datasets/samples.js';

async function serveSeat(t: TestContext, host?: string) {
  const facts = { task: 'x', folder: null, actionSize: 2, actionNames: null, periodMs: 50, cameras: [] };
  const seat = new DriverSeat(facts, 'training');
  const server = await servePage({
    folders: [temporaryFolder(t)],
    port: 0,
    seat,
    ...(host !== undefined && { host }),
  });
  t.after(() => server.close());
  const url = new URL(server.url);
  const open = (headers: Record<string, string>): WebSocket =>
    new WebSocket(`ws://127.0.0.1:${url.port}/api/drive`, { headers });
  return { seat, url, open, own: `http://127.0.0.1:${url.port}` };
}

/** The status by which it was refused; 101 where it was not. */
function statusOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      resolve(statusCode);
    });
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
  });
}

test('a page from elsewhere may not drive, nor one that names this machine otherwise', async (t) => {
  const { open, own, url } = await serveSeat(t);
  assert.equal(await statusOf(open({ origin: own })), 101);
  assert.equal(await statusOf(open({})), 403);
  assert.equal(await statusOf(open({ origin: 'http://elsewhere.example' })), 403);
  assert.equal(await statusOf(open({ origin: 'null' })), 403);
  const named = `elsewhere.example:${url.port}`;
  assert.equal(await statusOf(open({ host: named, origin: `http://${named}` })), 403);
});

test('on another address nobody drives without the token', async (t) => {
  const { open, own, url } = await serveSeat(t, '0.0.0.0');
  const token = url.searchParams.get('token') ?? '';
  assert.equal(await statusOf(open({ origin: own })), 401);
  assert.equal(await statusOf(open({ origin: own, cookie: 'rlpd-token=wrong' })), 401);
  assert.equal(await statusOf(open({ origin: own, cookie: `rlpd-token=${token}` })), 101);
});

test('what is held and asked for arrives; what is no action, or no word, ends the connection, and lets go', async (t) => {
  const { seat, open, own } = await serveSeat(t);
  const socket = open({ origin: own });
  const [first] = await once(socket, 'message');
  const news = driveNewsSchema.parse(JSON.parse(String(first)));
  assert.equal(news.kind === 'facts' && news.facts.actionSize, 2);
  const asked = once(seat, 'command');
  socket.send(JSON.stringify({ kind: 'hold', action: [0.5, -1], isHeld: true, input: 7 }));
  socket.send(JSON.stringify({ kind: 'command', command: 'success' }));
  assert.deepEqual(await asked, ['success']);
  assert.deepEqual(seat.held, Float32Array.of(0.5, -1));
  assert.equal(seat.input, 7);
  socket.close();
  await once(socket, 'close');
  while (seat.isWatched) await new Promise(setImmediate);
  assert.equal(seat.held, null);
  for (const wrong of [
    'hold',
    '{"kind":"hold","action":[1],"isHeld":true,"input":1}',
    '{"kind":"hold","action":[2,0],"isHeld":true,"input":1}',
    '{"kind":"hold","action":[null,0],"isHeld":true,"input":1}',
    '{"kind":"command","command":"quit"}',
    '{"kind":"look","camera":null,"size":0}',
  ]) {
    const other = open({ origin: own });
    await once(other, 'open');
    const closed = once(other, 'close');
    other.send(wrong);
    assert.equal((await closed)[0], 1008, wrong);
    assert.equal(seat.held, null);
  }
});
