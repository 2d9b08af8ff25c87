/**
 * The CSV of the samples: comma separated, no quoting, one header row, '\n' at the end of every line.
 * A cell that would need quoting is refused rather than guessed at.
 */

/**
 * @param {string} text
 * @returns {{ header: string[], rows: string[][] }}
 */
export function parseCsv(text) {
  if (text.includes('"')) throw new Error('csv: quoted cells are not supported');
  const lines = text.replaceAll('\r\n', '\n').replace(/\n+$/, '').split('\n');
  const [header, ...rows] = lines.map((line) => line.split(','));
  for (const [index, row] of rows.entries()) {
    if (row.length !== header.length) {
      throw new Error(`csv: line ${index + 2} has ${row.length} cells, expected ${header.length}`);
    }
  }
  return { header, rows };
}

/**
 * @param {{ header: string[], rows: string[][] }} table
 * @returns {string}
 */
export function formatCsv({ header, rows }) {
  return [header, ...rows].map((cells) => `${cells.join(',')}\n`).join('');
}
