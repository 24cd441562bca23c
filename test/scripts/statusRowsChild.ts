/** Shows a row of so many columns and waits to be ended: arguments COLUMNS, LISTENS ("yes": ends itself on a signal). */
import { stopOnSignals } from '../../scripts/signals.js';
import { StatusRows } from '../../scripts/statusRows.js';

const [, , columns = '80', listens = 'no'] = process.argv;
Object.assign(process.stderr, { isTTY: true, columns: Number(columns), rows: 24 });
const rows = new StatusRows();
const stop = listens === 'yes' ? stopOnSignals('what was begun is finished') : undefined;
rows.show(['x'.repeat(200)]);
process.stdout.write('shown\n');
const timer = setInterval(() => {}, 1000);
stop?.signal.addEventListener('abort', () => {
  rows.show(['y'.repeat(200)]);
  clearInterval(timer);
  rows.clear();
  stop.dispose();
});
