/** Shows the HTML of a job summary as text, for a terminal. */

function width(text: string): number {
  return [...text].reduce(
    (sum, character) =>
      sum + (/\p{Emoji_Presentation}/u.test(character) ? 2 : 1),
    0,
  );
}

/** Text without tags; a link shows its address. */
function plain(html: string): string {
  return html
    .replace(/<a href="([^"]*)">(.*?)<\/a>/g, '$2 ($1)')
    .replace(/<br>/g, '\n  ')
    .replace(/<[^>]*>/g, '')
    .replace(/&nbsp;/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) =>
      String.fromCodePoint(Number(code)),
    );
}

/** The lines of a table, and as many more as a cell has. */
function table(html: string): string {
  const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].flatMap(
    ([, row = '']) => {
      const cells = [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)];
      const parts = cells.map(([, cell = '']) => cell.split('<br>').map(plain));
      const height = Math.max(...parts.map(({ length }) => length));
      return Array.from({ length: height }, (_, line) =>
        parts.map((part) => part[line] ?? ''),
      );
    },
  );
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => width(row[column] ?? ''))),
  );
  const pad = (cell: string, column: number) =>
    cell + ' '.repeat((widths[column] ?? 0) - width(cell));
  const [heads = '', ...body] = rows.map((row) =>
    row.map(pad).join('  ').trimEnd(),
  );
  return [
    heads,
    widths.map((size) => '─'.repeat(size)).join('  '),
    ...body,
  ].join('\n');
}

/**
 * Shows a heading, a list, a table or a paragraph each as a block of its own,
 * and what is folded after its title.
 * @param html as the action writes it: `<h3>`, `<ul>`, `<table>`, `<p>`,
 *   `<summary>`, `<pre>`
 */
export function toSummaryText(html: string): string {
  const blocks = [
    ...html.matchAll(/<(h3|ul|table|p|summary|pre)>.*?<\/\1>/gs),
  ].map(([block = '', tag]) => {
    if (tag === 'table') return table(block);
    if (tag === 'summary') return `▸ ${plain(block)}`;
    const text = plain(block.replace(/<li>/g, '- ').replace(/^<ul>\n/, ''));
    return tag === 'h3'
      ? `${text}\n${'═'.repeat(width(text))}`
      : text.trimEnd();
  });
  return blocks.join('\n\n');
}
