import { expect, it } from 'vitest';
import { toSummaryText } from '../../simulator/summary-text.ts';

it('shows a job summary as text: heading, list with links, aligned table and footer', () => {
  const html = `<h3>❌ Share <code>&#34;Base&#34;</code></h3>
<ul>
<li><strong>Timed out.</strong> Run again. <a href="https://example.com/docs#x">More</a><br><code>reason</code></li>
</ul>
<table><thead><tr><th>Account</th><th>Result</th></tr></thead><tbody>
<tr><td><code>a1</code></td><td>✅&nbsp;Added</td></tr>
<tr><td><code>b2b2b2b2</code></td><td></td></tr>
</tbody></table>
<p><sub>1.0.0 · 2 requests</sub></p>

`;
  expect(toSummaryText(html).split('\n')).toEqual([
    '❌ Share "Base"',
    '═'.repeat(15),
    '',
    '- Timed out. Run again. More (https://example.com/docs#x)',
    '  reason',
    '',
    'Account   Result',
    '────────  ────────',
    'a1        ✅ Added',
    'b2b2b2b2',
    '',
    '1.0.0 · 2 requests',
  ]);
});

it('shows numbers, the lines of a cell, and what is folded', () => {
  const html = `<details><summary>2 accounts unchanged</summary>
<table><thead><tr><th>What failed</th><th>Accounts</th></tr></thead><tbody>
<tr><td><strong>Timed out</strong><br>one<br>two</td><td align="right">2</td></tr>
</tbody></table>
<pre>a1 # EMEA
b2</pre>
</details>

`;
  expect(toSummaryText(html).split('\n')).toEqual([
    '▸ 2 accounts unchanged',
    '',
    'What failed  Accounts',
    '───────────  ────────',
    'Timed out    2',
    'one',
    'two',
    '',
    'a1 # EMEA',
    'b2',
  ]);
});

it('shows nothing for a step without a summary', () => {
  expect(toSummaryText('')).toBe('');
});
