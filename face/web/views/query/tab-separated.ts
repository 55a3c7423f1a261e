// Rows as a spreadsheet takes them from the clipboard.

import type { QueryResults } from '#protocol'

/** A line for each row, the columns first. Tabs and line breaks in values become blanks. */
export function tabSeparated({ columns, rows }: Pick<QueryResults, 'columns' | 'rows'>): string {
  const lines = rows.map((row) => columns.map((column) => cellText(row[column])))
  return [columns.map(cellText), ...lines].map((cells) => cells.join('\t')).join('\n')
}

/** A leading `=`, `+`, `-` or `@` would be run as a formula: text from requests is not to be trusted. */
function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return typeof value === 'object' ? JSON.stringify(value) : String(value)
  const text = value.replace(/[\t\r\n]+/g, ' ')
  return /^[=+\-@]/.test(text) ? `'${text}` : text
}
