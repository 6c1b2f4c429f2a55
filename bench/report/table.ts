// Formats a plain-text table: the first column left-aligned, the others right-aligned.

/** A row of cells, or a line of text that does not affect the column widths. */
export type TextRow = string[] | string;

export function table(rows: TextRow[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    if (typeof row === "string") continue;
    for (const [column, text] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length);
  }
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => (typeof row === "string" ? row : row.map(cell).join("  ").trimEnd())).join("\n");
}
