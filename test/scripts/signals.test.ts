import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { type Keyboard, stopOnSignals } from '../../scripts/signals.js';

/** As much of a terminal's keyboard as is used. */
class Keys extends EventEmitter {
  readonly isTTY = true;
  isRaw = false;
  isRead = false;
  setRawMode(isRaw: boolean) {
    this.isRaw = isRaw;
    return this;
  }
  resume() {
    this.isRead = true;
    return this;
  }
  pause() {
    this.isRead = false;
    return this;
  }
}

test('any key of a terminal stops, one that is held down no more than that, and the terminal is as before afterwards', (context) => {
  const exit = context.mock.method(process, 'exit', () => {});
  for (const key of ['q', ' ', '\u001b', '\u0003']) {
    const keys = new Keys();
    const stop = stopOnSignals('all is kept', keys as unknown as Keyboard);
    assert.deepEqual([keys.isRaw, keys.isRead, stop.signal.aborted], [true, true, false]);
    keys.emit('data', Buffer.from(key));
    assert.ok(stop.signal.aborted, JSON.stringify(key));
    keys.emit('data', Buffer.from('q'));
    assert.equal(exit.mock.callCount(), 0);
    stop.dispose();
    assert.deepEqual([keys.isRaw, keys.isRead, keys.listenerCount('data')], [false, false, 0]);
  }
});

test('Ctrl-C a second time ends the process at once, as the signal would', (context) => {
  const exit = context.mock.method(process, 'exit', () => {});
  const keys = new Keys();
  const stop = stopOnSignals('all is kept', keys as unknown as Keyboard);
  keys.emit('data', Buffer.from('q'));
  keys.emit('data', Buffer.from('\u0003'));
  assert.deepEqual(
    exit.mock.calls.map((call) => call.arguments),
    [[130]],
  );
  stop.dispose();
});
