import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportPage } from '../../src/media/report.js';

const page = reportPage({
  title: 'Runs & <returns>',
  lead: 'It "works".',
  sections: [
    {
      heading: 'Scores',
      blocks: [
        {
          kind: 'table',
          head: ['policy', 'mean'],
          rows: [
            ['<b>', 12],
            ['rlpd', 700],
          ],
          highlight: 1,
        },
        {
          kind: 'videos',
          items: [
            { source: 'a b.mp4', title: 'RLPD', caption: 'first' },
            { source: 'x.webp', title: 'BC', caption: '' },
          ],
        },
        { kind: 'chart', svg: '<svg id="curve"></svg>', caption: 'curve' },
        { kind: 'code', text: 'rlpd train > log' },
      ],
    },
  ],
});

test('text is escaped wherever it stands, charts are kept as they are', () => {
  assert.ok(page.includes('<h1>Runs &amp; &lt;returns&gt;</h1>'));
  assert.ok(page.includes('It &quot;works&quot;.'));
  assert.ok(page.includes('<td>&lt;b&gt;</td>'));
  assert.ok(page.includes('rlpd train &gt; log'));
  assert.ok(page.includes('<svg id="curve"></svg>'));
});

test('numbers stand right, and the highlighted row is the one asked for', () => {
  assert.ok(page.includes('<tr class="highlight"><td>rlpd</td><td class="number">700</td></tr>'));
  assert.equal(page.match(/class="highlight"/g)?.length, 1);
});

test('videos play, animated images show, and nothing is asked of a network', () => {
  assert.match(page, /<video src="a%20b\.mp4"[^>]* muted/);
  assert.ok(page.includes('<img src="x.webp" alt="BC">'));
  assert.ok(!/https?:|<script|<link/.test(page));
});
